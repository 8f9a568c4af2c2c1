/**
 * A sum over every row of two tables, one after the other, right after opening. Their pages lie
 * mixed, so a page cache that is smaller than the file sees most of it twice.
 */

import { SQL } from "../../../dataset/schema.ts";
import { measureScan } from "../child/measure-scan.ts";
import type { ReplicaCase } from "../replica-case.ts";

/** Above this, one request per page takes longer than anyone waits. */
const LITESTREAM_MB_MAX = 20;

export const scan: ReplicaCase = {
  name: "scan",
  title: "Cold full scan",
  contenders: ["headwater", "litestream", "plain", "plain-node", "wire"],
  mode: "read",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: "each latency",
  prepares: false,
  measures: { scan: true },
  omit({ kind }, sizeMb) {
    if (kind !== "litestream" || sizeMb <= LITESTREAM_MB_MAX) return undefined;
    return "one request per page: at this size a scan takes up to half an hour";
  },
  once: ({ kind }) => kind === "litestream",
  measure: async (work) => ({ scan: [await measureScan(work, SQL.scan, work.job.scanSum)] }),
};
