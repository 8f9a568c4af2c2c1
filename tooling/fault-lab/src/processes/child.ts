/**
 * One child process and what it tells, until it ends or is killed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type News, TASK_VARIABLE, type Task } from "./news.ts";

const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

export interface ChildOptions {
  readonly script: URL;
  readonly task: Task;
  /** In place of our own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly onNews: (news: News) => void;
}

export interface ChildEnd {
  /** What it said at last, if it ended by itself. */
  readonly failure: Extract<News, { type: "failed" }> | undefined;
  readonly wasKilled: boolean;
  readonly stderr: string;
}

export class Child {
  readonly ended: Promise<ChildEnd>;
  readonly name: string;
  readonly #child: ChildProcess;
  #wasKilled = false;
  #failure: ChildEnd["failure"];
  #stderr = "";

  constructor({ script, task, env, onNews }: ChildOptions) {
    this.name = task.name;
    this.#child = spawn(process.execPath, [...EXEC_ARGV, fileURLToPath(script)], {
      env: { ...(env ?? process.env), [TASK_VARIABLE]: JSON.stringify(task) },
      // It ends with us, however we end: see readTask.
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4_000);
    });
    const input = this.#child.stdout as NodeJS.ReadableStream;
    createInterface({ input }).on("line", (line) => this.#receive(line, onNews));
    this.ended = new Promise((resolve) => {
      this.#child.once("close", () => {
        const [failure, wasKilled, stderr] = [this.#failure, this.#wasKilled, this.#stderr];
        resolve({ failure, wasKilled, stderr });
      });
    });
  }

  /** At once, without a chance to do anything more. */
  kill(): void {
    this.#wasKilled = true;
    this.#child.kill("SIGKILL");
  }

  /** It stands still for so long, and goes on as if nothing had been. */
  freeze(durationMs: number): void {
    this.#child.kill("SIGSTOP");
    setTimeout(() => this.#child.kill("SIGCONT"), durationMs).unref();
  }

  #receive(line: string, onNews: (news: News) => void): void {
    let news: News;
    try {
      news = JSON.parse(line) as News;
    } catch {
      // The last line of one that was killed, or what a library printed.
      this.#stderr += `${line}\n`;
      return;
    }
    if (news.type === "failed") this.#failure = news;
    else onNews(news);
  }
}
