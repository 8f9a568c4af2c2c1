/**
 * A process that writes so many transactions a second, with a local image of its own, and leaves
 * nothing but what the next windows of compaction and retention need.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@headwater/node-binding";
import { fail, readTask, tell } from "../../processes/news.ts";
import { RETENTION } from "../retention.ts";
import { sampleSelf } from "../sample.ts";
import type { SoakNews, SoakWriterTask } from "../soak-news.ts";
import { StockWriter } from "../stock.ts";

const SAMPLE_MS = 5_000;
/** Between two uploads: some of them are small, and some too large to be fetched whole. */
const UPLOAD_MS_MAX = 2_000;

const task = readTask<SoakWriterTask>();
const { url, storeOptions, journalDir, imagePath, perSecond, sizes } = task;
let isOver = false;
process.once("SIGTERM", () => {
  isOver = true;
});

async function main(): Promise<void> {
  const hw = await openDatabase({
    url,
    ...(storeOptions === undefined ? {} : { storeOptions }),
    mode: "write",
    ...(journalDir === undefined ? {} : { journalDir }),
    hydrate: { path: imagePath },
    compaction: RETENTION,
    // By `flush` alone.
    syncIntervalMs: 60_000,
  });
  hw.on("fenced", ({ reason }) => tell<SoakNews>({ type: "wrong", why: reason }));
  const writer = new StockWriter(hw.database, sizes, Math.random);
  const flush = async () => {
    const { number } = writer.tally;
    await hw.flush();
    tell<SoakNews>({ type: "durable", number });
  };
  await flush();
  let sampledMs = 0;
  let flushing: Promise<unknown> | undefined;
  while (!isOver) {
    writer.write();
    flushing ??= sleep(Math.random() * UPLOAD_MS_MAX)
      .then(flush)
      .then(() => {
        flushing = undefined;
      }, fail);
    if (performance.now() - sampledMs > SAMPLE_MS) {
      sampledMs = performance.now();
      tell<SoakNews>({ type: "sampled", sample: await sampleSelf() });
    }
    await sleep((2 * Math.random() * 1000) / perSecond);
  }
  await flushing;
  await flush();
  await hw.hydrated();
  const { compaction } = await hw.status();
  for (const { name, lastError } of compaction?.jobs ?? []) {
    if (lastError === undefined) continue;
    tell<SoakNews>({ type: "wrong", why: `${name}: ${lastError.code} ${lastError.message}` });
  }
  const files = (compaction?.levels ?? []).reduce((sum, { fileCount }) => sum + fileCount, 0);
  await hw.close();
  tell<SoakNews>({ type: "finished", facts: { tally: writer.tally, files } });
  process.exit();
}

main().catch(fail);
