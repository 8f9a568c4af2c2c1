/**
 * Transactions of a hundred rows, one after another, as the one-row commits are measured.
 */

import { SQL } from "../../../dataset/schema.ts";
import { EVENT, measureCommits } from "../child/measure-commits.ts";
import type { ReplicaCase } from "../replica-case.ts";

const ROWS = 100;

export const transactions: ReplicaCase = {
  name: "transactions",
  title: `Transactions of ${ROWS} rows`,
  contenders: ["headwater", "headwater-node", "plain-wal", "plain-wal-node"],
  mode: "write",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: "each latency",
  prepares: false,
  measures: { burst: true, sustained: true, "burst, p99": false, "flush after": false },
  measure: async (work) =>
    measureCommits(await work.open(), {
      rows: ROWS,
      warmUpCount: 20,
      burstCount: 500,
      brief: work.job.brief,
      add(sql) {
        const begin = sql.prepare("begin");
        const insert = sql.prepare(SQL.insert);
        const commit = sql.prepare("commit");
        return (at) => {
          begin.run();
          for (let row = 0; row < ROWS; row += 1) insert.run(at + row, ...EVENT);
          commit.run();
        };
      },
    }),
};
