/**
 * A sum over every row, right after opening.
 *
 * On the wire it is the whole snapshot in parallel ranges, decoded and verified: the same bytes and
 * a little more, since indexes are among them.
 */

import { SQL } from "../../../dataset/schema.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

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
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const { sql } = await work.open();
  const statement = sql.prepare(SQL.scan);
  const before = performance.now();
  const { sum } = statement.get() as { sum: number };
  const scanMs = performance.now() - before;
  if (sum !== work.job.scanSum) throw new Error(`the sum is ${sum}, not ${work.job.scanSum}`);
  return { scan: [scanMs] };
}

async function measureWire({ job }: Work): Promise<Samples> {
  const { readOverWire } = await import("../child/read-over-wire.ts");
  const before = performance.now();
  await readOverWire(job, () => undefined);
  return { scan: [performance.now() - before] };
}
