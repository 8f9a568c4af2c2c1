/**
 * A program in a process of its own that a test drives step by step: one line of JSON asks, one
 * answers. The program calls `serveLines` of serve-lines.ts.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { LineAnswer } from "./serve-lines.ts";

export interface DrivenProcessOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly args?: readonly string[] | undefined;
  /** For Node.js itself, beside what lets it run sources. */
  readonly execArgs?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  /** Without it the program is killed when the test is over. */
  readonly outlivesTest?: boolean | undefined;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** What an error of the program said. */
export class RemoteError extends Error {
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.name = "RemoteError";
    this.code = code;
  }
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

export class DrivenProcess {
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #waiters = new Map<number, Waiter>();
  #lastId = 0;
  #stderr = "";

  /** `script` is beside this file or a URL. */
  constructor(script: string | URL, options: DrivenProcessOptions = {}) {
    const { env, args = [], execArgs = [], cwd, outlivesTest } = options;
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn(process.execPath, [...EXEC_ARGV, ...execArgs, path, ...args], {
      env: env ?? process.env,
      cwd,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-10_000);
    });
    const input = this.#child.stdout as NodeJS.ReadableStream;
    createInterface({ input }).on("line", (line) => this.#receive(line));
    this.#child.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        const end = { code, signal, stderr: this.#stderr };
        for (const waiter of this.#waiters.values()) {
          waiter.reject(new Error(`the process has ended: ${JSON.stringify(end)}`));
        }
        this.#waiters.clear();
        resolve(end);
      });
    });
    if (outlivesTest !== true) onTestFinished(() => this.stop());
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  call(operation: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) {
        reject(new Error(`the process has ended: ${this.#stderr}`));
        return;
      }
      this.#waiters.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, operation, args })}\n`);
    });
  }

  /** No further calls: a program that has nothing else to do ends. */
  hangUp(): void {
    this.#child.stdin?.end();
  }

  async kill(): Promise<ProcessEnd> {
    this.#child.kill("SIGKILL");
    return this.ended;
  }

  /** Lets it end by itself, for a while. */
  async stop(): Promise<void> {
    this.hangUp();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.ended;
    clearTimeout(timer);
  }

  #receive(line: string): void {
    let answer: LineAnswer;
    try {
      answer = JSON.parse(line) as LineAnswer;
    } catch {
      this.#stderr += `${line}\n`;
      return;
    }
    const waiter = this.#waiters.get(answer.id);
    this.#waiters.delete(answer.id);
    if (answer.error === undefined) waiter?.resolve(answer.value);
    else waiter?.reject(new RemoteError(answer.error.message, answer.error.code));
  }
}
