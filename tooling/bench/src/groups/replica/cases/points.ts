/**
 * Random point reads right after opening: each asks for a row whose pages nobody has fetched, but
 * for the inner pages of the tree.
 *
 * On the wire it is one range request after another on a kept connection: one page each.
 */

import { emailOf, SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const READS = 50;
const PAGE_RANGE_BYTES = 4096;

export const points: ReplicaCase = {
  name: "points",
  title: `Cold random point reads (${READS} of each kind)`,
  contenders: ["headwater", "litestream", "plain", "plain-node", "wire"],
  mode: "read",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: "each latency",
  prepares: false,
  measures: { "by key": true, "by index": true },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const { job } = work;
  const { sql } = await work.open();
  const random = seededRandom(job.seed);
  const byKey = sql.prepare(SQL.byKey);
  const byIndex = sql.prepare(SQL.byIndex);
  return {
    "by key": timed(() => byKey.get(randomBetween(random, 1, job.orderCount))),
    "by index": timed(() => byIndex.get(emailOf(randomBetween(random, 1, job.customerCount)))),
  };
}

function timed(read: () => unknown): number[] {
  const samples: number[] = [];
  for (let i = 0; i < READS; i += 1) {
    const before = performance.now();
    const row = read();
    samples.push(performance.now() - before);
    if (row === undefined) throw new Error("a row is missing");
  }
  return samples;
}

async function measureWire({ job }: Work): Promise<Samples> {
  const { Wire } = await import("../child/wire.ts");
  const wire = new Wire(job);
  const random = seededRandom(job.seed);
  const request = () =>
    wire.range(randomBetween(random, 0, job.objectBytes - PAGE_RANGE_BYTES), PAGE_RANGE_BYTES);
  await request();
  const samples: number[] = [];
  for (let i = 0; i < READS; i += 1) {
    const before = performance.now();
    await request();
    samples.push(performance.now() - before);
  }
  wire.close();
  return { "by key": samples };
}
