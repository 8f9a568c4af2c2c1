/**
 * From a fresh process to the first row: load what is needed, open, read one row by its key.
 *
 * The clock starts at the first line of the program. What Node.js took to get there is told apart:
 * it is the same for everyone.
 *
 * On the wire it is the shortest chain there is when one knows the name of the only file: its tail,
 * where the index is, and then the pages.
 */

import { SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const TAIL_BYTES = 256 * 1024;
const PAGE_RANGE_BYTES = 4096;

export const open: ReplicaCase = {
  name: "open",
  title: "Fresh process to first row",
  contenders: ["headwater", "headwater-node", "litestream", "plain", "plain-node", "wire"],
  mode: "read",
  hydrate: false,
  repeat: 7,
  warmUps: 1,
  at: "each latency",
  prepares: false,
  measures: { "first row": true, "open alone": false, "process start": false },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const { job, startedAt } = work;
  const { sql } = await work.open();
  const openedAt = performance.now();
  const id = randomBetween(seededRandom(job.seed), 1, job.orderCount);
  const row = sql.prepare(SQL.firstRow).get(id);
  const endedAt = performance.now();
  if (row === undefined) throw new Error(`order ${id} is missing`);
  return result(work, { endedAt, openMs: openedAt - startedAt });
}

async function measureWire(work: Work): Promise<Samples> {
  const { job, startedAt } = work;
  const { Wire } = await import("../child/wire.ts");
  const wire = new Wire(job);
  await wire.range(Math.max(0, job.objectBytes - TAIL_BYTES), TAIL_BYTES);
  const openedAt = performance.now();
  await wire.range(0, PAGE_RANGE_BYTES);
  const endedAt = performance.now();
  wire.close();
  return result(work, { endedAt, openMs: openedAt - startedAt });
}

function result(
  { job, startedAt }: Work,
  { endedAt, openMs }: { readonly endedAt: number; readonly openMs: number },
): Samples {
  return {
    "first row": [endedAt - startedAt],
    "open alone": [openMs],
    "process start": [performance.timeOrigin + startedAt - job.spawnedAtMs],
  };
}
