/**
 * A process that writes to a replica at a steady pace, while another one is measured:
 * `page-writer.ts JOB_AS_JSON`. It ends when its parent disconnects.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@headwater/node-binding";
import { BlobPages } from "./blob-pages.ts";

export interface PageWriterJob {
  readonly url: string;
  readonly folder: string;
  readonly tablePages: number;
  readonly pagesPerSecond: number;
}

export type ToPageWriter = "go" | "stop";

export type FromPageWriter =
  /** The table is there, and the bucket has it. */
  | { readonly type: "ready" }
  | { readonly type: "stopped"; readonly changedMb: number; readonly elapsedMs: number };

const TICK_MS = 100;

const job = JSON.parse(process.argv[2] ?? "") as PageWriterJob;
const journalDir = join(job.folder, "writer-journal");
const opened = await openDatabase({ url: job.url, mode: "write", journalDir });
const pages = new BlobPages(opened.database, job.tablePages);
let isStopped = false;
process.on("message", (message: ToPageWriter) => {
  if (message === "stop") isStopped = true;
  else void write();
});
process.once("disconnect", () => {
  isStopped = true;
  void opened.close();
});
await opened.flush();
tell({ type: "ready" });

async function write(): Promise<void> {
  const began = performance.now();
  let changedMb = 0;
  for (let tick = 1; !isStopped; tick += 1) {
    changedMb += pages.change((job.pagesPerSecond * TICK_MS) / 1000) / 1e6;
    await sleep(Math.max(0, began + tick * TICK_MS - performance.now()));
  }
  tell({ type: "stopped", changedMb, elapsedMs: performance.now() - began });
}

function tell(message: FromPageWriter): void {
  process.send?.(message);
}
