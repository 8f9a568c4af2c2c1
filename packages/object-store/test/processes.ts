import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export interface Script {
  readonly child: ChildProcess;
  /** Resolves when it prints its first line. */
  readonly started: Promise<void>;
  /** Resolves with what it printed, however it ended; rejects when it failed by itself. */
  readonly output: Promise<string>;
}

/** Runs a script of test/processes in a process of its own. */
export function startScript(name: string, ...args: readonly string[]): Script {
  const path = join(import.meta.dirname, "processes", name);
  const flags = ["--conditions=@headwater/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, path, ...args]);
  let [stdout, stderr] = ["", ""];
  const started = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const output = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0 || signal !== null) resolve(stdout);
      else reject(new Error(`${name} ended with ${code}: ${stderr}`));
    });
  });
  return { child, started, output };
}
