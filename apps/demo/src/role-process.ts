/**
 * One of the fresh processes, seen from the one that started it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DemoError } from "./demo-error.ts";
import type { FromRole, RoleJob, StepReport, ToRole } from "./role-messages.ts";

export type RoleName = "writer" | "reader" | "hydrator";

const STEP_MS_MAX = 60_000;
const STDERR_LINES = 3;

const SCRIPTS: Readonly<Record<RoleName, string>> = {
  writer: "./roles/writer.ts",
  reader: "./roles/reader.ts",
  hydrator: "./roles/hydrator.ts",
};

const running = new Set<RoleProcess>();

export class RoleProcess {
  readonly #name: RoleName;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #exited: Promise<unknown>;
  readonly #queue: FromRole[] = [];
  #wake: () => void = () => undefined;
  #stderr = "";

  constructor(name: RoleName, job: RoleJob, signal: AbortSignal) {
    signal.throwIfAborted();
    this.#name = name;
    this.#signal = signal;
    const script = join(import.meta.dirname, SCRIPTS[name]);
    const args = [...process.execArgv, "--no-warnings", script, JSON.stringify(job)];
    // A group of its own: Ctrl-C is for the demo, which then ends its processes itself.
    this.#child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      detached: true,
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4000);
    });
    this.#child.on("message", (message: FromRole) => {
      this.#queue.push(message);
      this.#wake();
    });
    this.#exited = once(this.#child, "exit").finally(() => {
      running.delete(this);
      this.#wake();
    });
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    running.add(this);
  }

  /** Leaves none behind, also when the demo fails. */
  static async stopAll(): Promise<void> {
    for (const role of running) role.#child.kill("SIGKILL");
    await Promise.allSettled([...running].map((role) => role.#exited));
  }

  /** What the role did next. */
  async step(): Promise<StepReport> {
    const deadline = performance.now() + STEP_MS_MAX;
    for (;;) {
      this.#signal.throwIfAborted();
      const message = this.#queue.shift();
      if (message?.type === "step") return message.report;
      if (message?.type === "failed") throw this.#error(message.sentence);
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw this.#ended();
      if (performance.now() > deadline) {
        throw this.#error(`nothing happened for ${STEP_MS_MAX / 1000} seconds`);
      }
      await this.#news(deadline - performance.now());
    }
  }

  continue(): void {
    this.#child.send("continue" satisfies ToRole);
  }

  /** Lets it end by itself, which it must do without an error. */
  async end(): Promise<void> {
    this.continue();
    while (running.has(this)) {
      this.#signal.throwIfAborted();
      await this.#news(STEP_MS_MAX);
    }
    const failure = this.#queue.find((message) => message.type === "failed");
    if (failure?.type === "failed") throw this.#error(failure.sentence);
    if (this.#child.exitCode !== 0) throw this.#ended();
  }

  async #news(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }

  #ended(): DemoError {
    const { exitCode, signalCode } = this.#child;
    const last = this.#stderr.trim().split("\n").slice(-STDERR_LINES).join(" ");
    const how = signalCode ?? `exit code ${exitCode}`;
    return this.#error(`its process ended with ${how}${last === "" ? "" : `: ${last}`}`);
  }

  #error(problem: string): DemoError {
    return new DemoError(`The ${this.#name} failed: ${problem.replace(/\.$/, "")}.`);
  }
}
