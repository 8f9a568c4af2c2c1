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
  const { seed, orderCount, customerCount } = work.job;
  const random = seededRandom(seed);
  const orderId = () => randomBetween(random, 1, orderCount);
  const email = () => emailOf(randomBetween(random, 1, customerCount));
  return {
    "by key": await measureReads(work, SQL.byKey, orderId),
    "by index": await measureReads(work, SQL.byIndex, email),
  };
}

/** Each kind on a mount of its own, so that neither finds what the other has fetched. */
async function measureReads(
  work: Work,
  statement: string,
  nextValue: () => number | string,
): Promise<number[]> {
  const { sql } = await work.open();
  const prepared = sql.prepare(statement);
  const samples: number[] = [];
  for (let i = 0; i < READS; i += 1) {
    const value = nextValue();
    const before = performance.now();
    const row = prepared.get(value);
    samples.push(performance.now() - before);
    if (row === undefined) throw new Error(`the row of ${value} is missing`);
  }
  await work.close();
  return samples;
}

async function measureWire({ job }: Work): Promise<Samples> {
  const { singleRequests } = await import("../child/single-requests.ts");
  return { "by key": await singleRequests(job, READS) };
}
