/**
 * Joins of two tables by their keys, ten rows each, right after opening, of rows that nobody has
 * read.
 *
 *   - same keys: ten rows in a row of one table, and those with the same keys of the other: a leaf
 *     or two of each.
 *   - scattered keys: ten orders in a row and their customers, who are anywhere. Which page comes
 *     next, SQLite says when it has the one before: eleven pages, one after another.
 *
 * On the wire it is one request for one page, so that ratios to it are round trips.
 */

import { JOIN_ROWS, SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const JOINS = 15;

export const join: ReplicaCase = {
  name: "join",
  title: `Cold joins of two tables, ${JOIN_ROWS} rows`,
  contenders: ["headwater", "litestream", "plain", "plain-node", "wire"],
  mode: "read",
  hydrate: false,
  repeat: 5,
  warmUps: 0,
  at: "each latency",
  prepares: false,
  measures: { "same keys": true, "scattered keys": true },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const { customerCount, orderCount } = work.job;
  return {
    "same keys": await measureJoins(work, SQL.joinSameKeys, customerCount),
    "scattered keys": await measureJoins(work, SQL.joinScatteredKeys, orderCount),
  };
}

/** Each kind on a mount of its own, so that neither finds what the other has fetched. */
async function measureJoins(work: Work, statement: string, lastKey: number): Promise<number[]> {
  const { sql } = await work.open();
  const random = seededRandom(work.job.seed);
  const prepared = sql.prepare(statement);
  const samples = Array.from({ length: JOINS }, () => {
    const key = randomBetween(random, 1, lastKey - JOIN_ROWS);
    const before = performance.now();
    const rows = prepared.all(key, key + JOIN_ROWS - 1);
    const elapsed = performance.now() - before;
    if (rows.length !== JOIN_ROWS) throw new Error(`${rows.length} rows were joined`);
    return elapsed;
  });
  await work.close();
  return samples;
}

async function measureWire({ job }: Work): Promise<Samples> {
  const { singleRequests } = await import("../child/single-requests.ts");
  const samples = await singleRequests(job, JOINS);
  return { "same keys": samples, "scattered keys": samples };
}
