/**
 * Starts a page writer beside the process that is measured, and ends it.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { FromPageWriter, PageWriterJob, ToPageWriter } from "./page-writer.ts";

const SCRIPT = new URL("page-writer.ts", import.meta.url);
const EXIT_MS_MAX = 30_000;

export class PageWriter implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Its table is in the bucket. */
  static async start(job: PageWriterJob): Promise<PageWriter> {
    const writer = new PageWriter(fork(SCRIPT, [JSON.stringify(job)], { stdio: "inherit" }));
    await writer.#answer();
    return writer;
  }

  go(): void {
    this.#child.send("go" satisfies ToPageWriter);
  }

  /** Millions of bytes in changed pages, by second. */
  async stop(): Promise<number> {
    this.#child.send("stop" satisfies ToPageWriter);
    const answer = await this.#answer();
    if (answer.type !== "stopped") throw new TypeError("the page writer had not begun");
    return (answer.changedMb * 1000) / answer.elapsedMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_MS_MAX);
    this.#child.disconnect();
    await exited;
    clearTimeout(timer);
  }

  async #answer(): Promise<FromPageWriter> {
    const [message] = (await Promise.race([
      once(this.#child, "message"),
      once(this.#child, "exit").then(([code]) => {
        throw new Error(`the page writer ended with code ${code}`);
      }),
    ])) as [FromPageWriter];
    return message;
  }
}
