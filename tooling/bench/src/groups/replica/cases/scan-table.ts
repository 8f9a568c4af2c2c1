/**
 * A sum over every row of one table, most of the file, right after opening: on the wire the same
 * bytes and a little more, since other tables and indexes are among them.
 */

import { SQL } from "../../../dataset/schema.ts";
import { measureScan } from "../child/measure-scan.ts";
import type { ReplicaCase } from "../replica-case.ts";

export const scanTable: ReplicaCase = {
  name: "scan-table",
  title: "Cold full scan of one table",
  contenders: ["headwater", "plain", "plain-node", "wire"],
  mode: "read",
  hydrate: false,
  repeat: 5,
  warmUps: 1,
  at: "each latency",
  prepares: false,
  measures: { scan: true },
  measure: async (work) => ({
    scan: [await measureScan(work, SQL.scanTable, work.job.scanTableSum)],
  }),
};
