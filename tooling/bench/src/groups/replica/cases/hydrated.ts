/**
 * Reads from a complete local copy: random points, and ranges of two hundred rows.
 *
 * As in the case of warm reads, once with SQLite's own page cache as it comes and once with next to
 * none. That of the mount is small, so that pages come from the copy.
 */

import { measureReads } from "../child/measure-reads.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

export const hydrated: ReplicaCase = {
  name: "hydrated",
  title: "Reads after hydration",
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
  hydrate: true,
  cacheBytes: 2 ** 20,
  repeat: 3,
  warmUps: 0,
  at: "highest latency",
  prepares: true,
  measures: { points: true, ranges: true, "points, tiny cache": true, "ranges, tiny cache": true },
  async measure(work: Work): Promise<Samples> {
    const { job } = work;
    const session = await work.open();
    await session.hydrated();
    await work.prepared();
    const { sql } = session;
    const points = measureReads(job, sql, "point");
    const ranges = measureReads(job, sql, "range");
    sql.exec("pragma cache_size = 8");
    return {
      points,
      ranges,
      "points, tiny cache": measureReads(job, sql, "point"),
      "ranges, tiny cache": measureReads(job, sql, "range"),
    };
  },
};
