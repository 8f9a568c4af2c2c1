/**
 * Reads that take microseconds: measured in batches, since a look at the clock takes a share of
 * one.
 */

import { RANGE_ROWS, SQL } from "../../../dataset/schema.ts";
import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Job } from "../job.ts";
import type { Sql } from "./session.ts";

const BATCHES = 20;
const BATCHES_WARM_UP = 5;

const READS = {
  point: { statement: SQL.byKey, perBatch: 2000, rows: 1 },
  range: { statement: SQL.range, perBatch: 100, rows: RANGE_ROWS },
} as const;

/** Milliseconds per read, one sample per batch. */
export function measureReads(job: Job, sql: Sql, kind: keyof typeof READS): number[] {
  const { statement, perBatch, rows } = READS[kind];
  const prepared = sql.prepare(statement);
  const random = seededRandom(job.seed);
  const samples: number[] = [];
  const ids = new Array<number>(perBatch);
  for (let batch = 0; batch < BATCHES + BATCHES_WARM_UP; batch += 1) {
    for (let i = 0; i < perBatch; i += 1) ids[i] = randomBetween(random, 1, job.orderCount - rows);
    const before = performance.now();
    if (kind === "point") for (const id of ids) prepared.get(id);
    else for (const id of ids) prepared.get(id, id + rows - 1);
    const perRead = (performance.now() - before) / perBatch;
    if (batch >= BATCHES_WARM_UP) samples.push(perRead);
  }
  return samples;
}
