/**
 * Random point reads when every page is in the page cache of who serves it, which for a plain file
 * is that of the operating system. Each read is a transaction of its own.
 *
 * Twice: with SQLite's own page cache as it comes, and with one so small that every read goes
 * through the page device.
 */

import { SQL } from "../../../dataset/schema.ts";
import { measureReads } from "../child/measure-reads.ts";
import type { Contender } from "../contenders.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

/** The page cache of a mount holds 64 MiB. */
const SIZE_MB_MAX = 60;

export const warm: ReplicaCase = {
  name: "warm",
  title: "Warm point reads",
  contenders: [
    "headwater",
    "headwater-node",
    "litestream",
    "plain",
    "plain-wal",
    "plain-node",
    "plain-wal-node",
  ],
  mode: "read",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: "highest latency",
  prepares: true,
  measures: { "default cache": true, "tiny cache": true },
  omit(_: Contender, sizeMb: number) {
    if (sizeMb <= SIZE_MB_MAX) return undefined;
    return "more than the default page cache holds: see the case of hydrated reads";
  },
  async measure(work: Work): Promise<Samples> {
    const { sql } = await work.open();
    const { sum } = sql.prepare(SQL.scan).get() as { sum: number };
    if (sum !== work.job.scanSum) throw new Error(`the sum is ${sum}, not ${work.job.scanSum}`);
    await work.prepared();
    const withDefault = measureReads(work.job, sql, "point");
    sql.exec("pragma cache_size = 8");
    return { "default cache": withDefault, "tiny cache": measureReads(work.job, sql, "point") };
  },
};
