/**
 * The program itself, as a process of its own.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** What Node.js is given to run it. */
export const MAIN_WORDS: readonly string[] = ["--conditions=@headwater/source", MAIN];

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly input?: string | undefined;
  readonly cwd?: string | undefined;
}

export function start(words: readonly string[], options: RunOptions = {}): ChildProcess {
  const { env, cwd } = options;
  const child = spawn(process.execPath, [...MAIN_WORDS, ...words], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // One that follows would go on when its test has failed.
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

export async function headwater(
  words: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = start(words, options);
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin?.end(options.input ?? "");
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, stdout, stderr };
}

/** What it prints with `--json`; fails the test when it fails. */
export async function headwaterJson(
  words: readonly string[],
  options: RunOptions = {},
): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await headwater([...words, "--json"], options);
  if (code !== 0) throw new Error(`headwater ${words.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
