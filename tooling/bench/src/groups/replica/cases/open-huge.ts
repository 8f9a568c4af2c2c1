/**
 * From a fresh process to the first row of a database of ten gigabytes, which is one snapshot of
 * 2.4 million pages; then once more in the same process, without and with its indexes on disk.
 *
 * Its pages are those of the dataset, and zeros, so that the snapshot has a hundred megabytes. What
 * opening does is the same: it reads the index, and the start, of a file.
 */

import { join } from "node:path";
import { SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

export const openHuge: ReplicaCase = {
  name: "open-huge",
  title: "First row of a database of 10 GB",
  contenders: ["headwater"],
  mode: "read",
  hydrate: false,
  paddedToMb: 10_000,
  repeat: 3,
  warmUps: 1,
  at: "highest latency",
  prepares: false,
  measures: {
    "fresh process": true,
    "bytes received": true,
    resident: true,
    "once more": true,
    "once more, indexes on disk": true,
    "bytes received, indexes on disk": true,
  },
  units: {
    "bytes received": "MB",
    resident: "MB",
    "bytes received, indexes on disk": "MB",
  },
  async measure(work) {
    const fresh = await firstRow(work);
    const resident = process.memoryUsage.rss() / 1e6;
    const again = await firstRow(work);
    const indexCacheDir = join(work.job.folder, "indexes");
    // The first time fills it.
    await firstRow(work, indexCacheDir);
    const kept = await firstRow(work, indexCacheDir);
    return {
      "fresh process": [fresh.durationMs],
      "bytes received": [fresh.receivedMb],
      resident: [resident],
      "once more": [again.durationMs],
      "once more, indexes on disk": [kept.durationMs],
      "bytes received, indexes on disk": [kept.receivedMb],
    } satisfies Samples;
  },
};

interface FirstRow {
  readonly durationMs: number;
  readonly receivedMb: number;
}

async function firstRow(work: Work, indexCacheDir?: string): Promise<FirstRow> {
  const { job } = work;
  const before = await work.requests();
  const startedAt = performance.now();
  const { sql } = await work.open({ indexCacheDir });
  const id = randomBetween(seededRandom(job.seed), 1, job.orderCount);
  const row = sql.prepare(SQL.firstRow).get(id);
  const durationMs = performance.now() - startedAt;
  if (row === undefined) throw new Error(`order ${id} is missing`);
  const after = await work.requests();
  await work.close();
  return { durationMs, receivedMb: (after.bytesToClient - before.bytesToClient) / 1e6 };
}
