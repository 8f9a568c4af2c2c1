/**
 * One-row transactions, one after another. All run with synchronous=NORMAL, the plain file in WAL
 * mode.
 */

import { SQL } from "../../../dataset/schema.ts";
import { EVENT, measureCommits } from "../child/measure-commits.ts";
import type { ReplicaCase } from "../replica-case.ts";

export const commits: ReplicaCase = {
  name: "commits",
  title: "One-row commits",
  contenders: ["headwater", "headwater-node", "litestream", "plain-wal", "plain-wal-node"],
  mode: "write",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: "each latency",
  prepares: false,
  measures: {
    burst: true,
    sustained: true,
    "burst, median": false,
    "burst, p99": false,
    "flush after": true,
  },
  measure: async (work) =>
    measureCommits(await work.open(), {
      rows: 1,
      warmUpCount: 200,
      burstCount: 5000,
      brief: work.job.brief,
      add(sql) {
        const insert = sql.prepare(SQL.insert);
        return (at) => insert.run(at, ...EVENT);
      },
    }),
};
