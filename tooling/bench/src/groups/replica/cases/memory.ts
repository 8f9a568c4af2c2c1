/**
 * Resident memory of a process that has opened the database, warmed up, read points all over it and
 * a range that is larger than the page cache; of Headwater less the pages that are in its cache.
 *
 * The same program on a plain file is what Node.js, the driver and SQLite take by themselves.
 */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Session } from "../child/session.ts";
import type { ReplicaCase } from "../replica-case.ts";

const CACHE_BYTES = 64 * 2 ** 20;
const POINTS = 2000;
/** Fills the page cache twice over. */
const RANGE_BYTES = 2 * CACHE_BYTES;
const SETTLE_MS = 1000;
const SETTLE_MS_BRIEF = 0;
const POLL_MS = 50;

export const memory: ReplicaCase = {
  name: "memory",
  title: "Resident memory, without the page cache",
  contenders: ["headwater", "plain"],
  mode: "read",
  hydrate: false,
  cacheBytes: CACHE_BYTES,
  repeat: 3,
  warmUps: 0,
  at: "highest latency",
  // Time does not matter here, so the store stays as fast as it can be.
  prepares: true,
  measures: { resident: true, highest: true },
  units: { resident: "MB", highest: "MB" },
  async measure({ job, open }) {
    const session = await open();
    const { sql } = session;
    await warmedUp(session);
    const random = seededRandom(job.seed);
    const byKey = sql.prepare(SQL.byKey);
    for (let i = 0; i < POINTS; i += 1) byKey.get(randomBetween(random, 1, job.orderCount));
    const share = Math.min(1, RANGE_BYTES / job.databaseBytes);
    const { sum } = sql.prepare(SQL.range).get(1, Math.ceil(share * job.orderCount)) as {
      sum: number | null;
    };
    if (sum === null) throw new Error("the range is empty");
    await sleep(job.brief ? SETTLE_MS_BRIEF : SETTLE_MS);
    const cacheMb = await cachedMb(session);
    return {
      resident: [process.memoryUsage.rss() / 1e6 - cacheMb],
      highest: [highestMb() - cacheMb],
    };
  },
};

/** Of this program alone: `resourceUsage()` begins with what its parent had. */
function highestMb(): number {
  const status = readFileSync("/proc/self/status", "latin1");
  const [, kib = ""] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
  if (kib === "") throw new Error("the system does not tell how much memory there was");
  return (Number(kib) * 1024) / 1e6;
}

/** Of a database that is smaller than the cache, all of it. */
async function cachedMb({ status }: Session): Promise<number> {
  const cache = (await status?.())?.cache;
  return cache === undefined ? 0 : (cache.usedCount * cache.pageSize) / 1e6;
}

async function warmedUp({ status }: Session): Promise<void> {
  while (status !== undefined && (await status()).warmUp?.done === false) await sleep(POLL_MS);
}
