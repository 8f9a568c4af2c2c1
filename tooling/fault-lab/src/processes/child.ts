/**
 * One child process and what it tells, until it ends or is killed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Failure, type News, TASK_VARIABLE, type Task } from "./news.ts";

const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

export interface ChildOptions<Told> {
  readonly script: URL;
  readonly task: Task;
  /** In place of our own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly onNews: (news: Told) => void;
}

export interface ChildEnd {
  /** What it said at last, if it ended by itself. */
  readonly failure: Failure | undefined;
  readonly wasKilled: boolean;
  readonly stderr: string;
}

export class Child<Told extends { readonly type: string } = News> {
  readonly ended: Promise<ChildEnd>;
  readonly name: string;
  readonly #child: ChildProcess;
  #wasKilled = false;
  #failure: ChildEnd["failure"];
  #stderr = "";

  constructor({ script, task, env, onNews }: ChildOptions<Told>) {
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

  /** It is asked to finish what it does, and to end. */
  stop(): void {
    this.#child.kill("SIGTERM");
  }

  /** It stands still for so long, and goes on as if nothing had been. */
  freeze(durationMs: number): void {
    this.#child.kill("SIGSTOP");
    setTimeout(() => this.#child.kill("SIGCONT"), durationMs).unref();
  }

  #receive(line: string, onNews: (news: Told) => void): void {
    let news: Told | Failure;
    try {
      news = JSON.parse(line) as Told | Failure;
    } catch {
      // The last line of one that was killed, or what a library printed.
      this.#stderr += `${line}\n`;
      return;
    }
    if (isFailure(news)) this.#failure = news;
    else onNews(news);
  }
}

function isFailure(news: { readonly type: string }): news is Failure {
  return news.type === "failed";
}
