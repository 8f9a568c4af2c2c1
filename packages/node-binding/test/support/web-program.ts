/**
 * A web server in a process of its own, as a recipe starts it: it says on which port it listens.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import type { ProcessEnd } from "./driven-process.ts";
import { within } from "./eventually.ts";

export interface WebProgramOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** In place of the test's own user and group. */
  readonly uid?: number | undefined;
  /** What the command line begins with, when it is not Node.js itself. */
  readonly launcher?: readonly string[] | undefined;
}

export class WebProgram {
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #hasLauncher: boolean;
  #output = "";
  #port: number | undefined;
  #onOutput = (): void => {};

  private constructor(script: string, { env, cwd, uid, launcher = [] }: WebProgramOptions) {
    this.#hasLauncher = launcher.length > 0;
    const flags = ["--conditions=@headwater/source", "--no-warnings"];
    const [command = process.execPath, ...args] = [...launcher, process.execPath, ...flags, script];
    const ids = uid === undefined ? {} : { uid, gid: uid };
    // No variable of the test's, as nothing of them is in a container.
    this.#child = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...ids,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#onOutput();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        resolve({ code, signal, stderr: this.#output });
      });
    });
    onTestFinished(async () => {
      if (this.#child.exitCode === null && this.#child.signalCode === null) this.kill("SIGKILL");
      await this.ended;
    });
  }

  /** Resolves when it listens. */
  static async start(script: string, options: WebProgramOptions): Promise<WebProgram> {
    const program = new WebProgram(script, options);
    await within("the server listens", program.#listens(), 60_000);
    return program;
  }

  /** Everything it has said so far. */
  get output(): string {
    return this.#output;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  async json(path: string, init?: RequestInit): Promise<Record<string, unknown>> {
    const answer = await this.fetch(path, init);
    return (await answer.json()) as Record<string, unknown>;
  }

  /** To the program, not to what has launched it. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child.pid as number;
    process.kill(this.#hasLauncher ? childOf(pid) : pid, signal);
  }

  #listens(): Promise<void> {
    const early = this.ended.then((end) => {
      throw new Error(`the server has ended: ${JSON.stringify(end)}`);
    });
    const listens = new Promise<void>((resolve) => {
      this.#onOutput = () => {
        const [, port] = /^listening on port (\d+)$/m.exec(this.#output) ?? [];
        if (port === undefined) return;
        this.#port = Number(port);
        resolve();
      };
    });
    early.catch(() => {});
    return Promise.race([listens, early]);
  }
}

function childOf(pid: number): number {
  const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  return Number(child);
}
