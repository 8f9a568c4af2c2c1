/**
 * Cold point reads while a local copy is being made, from its first byte to its last, and without
 * it: what hydration takes from those who wait.
 *
 * Both in one process, one after the other. During hydration some of the reads find their page in
 * the copy, and more of them towards its end; the slowest in a hundred are those that did not.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { SQL } from "../../../dataset/schema.ts";
import { type Random, randomBetween, seededRandom } from "../../../seeded-random.ts";
import { median, percentile } from "../../../statistics.ts";
import type { Sql } from "../child/session.ts";
import type { Job } from "../job.ts";
import type { ReplicaCase } from "../replica-case.ts";

const READS = 120;
const READS_BRIEF = 10;
/** With fewer, there is no slowest in a hundred. */
const READS_MIN = 50;
/** A fast machine is done before so many: then it begins anew. */
const HYDRATIONS_MAX = 5;

export const duringHydration: ReplicaCase = {
  name: "during-hydration",
  title: "Cold point reads during hydration",
  contenders: ["headwater"],
  mode: "read",
  hydrate: false,
  repeat: 7,
  warmUps: 1,
  at: [{ sizeMb: 200, latencyMs: 20 }],
  prepares: false,
  measures: {
    "median, without": true,
    "median, during hydration": true,
    "p99, without": true,
    "p99, during hydration": true,
    "hydration meanwhile": true,
  },
  async measure({ job, open, close }) {
    const random = seededRandom(job.seed);
    const without = await open();
    const samples: number[] = [];
    const count = job.brief ? READS_BRIEF : READS;
    for (let i = 0; i < count; i += 1) samples.push(await timedRead(job, without.sql, random));
    const found: number[] = [];
    const hydrationsMs: number[] = [];
    while (hydrationsMs.length === 0 || (found.length < READS_MIN && !job.brief)) {
      if (hydrationsMs.length === HYDRATIONS_MAX) {
        throw new Error(`only ${found.length} reads went into the time of hydrations`);
      }
      await close();
      const before = performance.now();
      const during = await open({ hydrate: true });
      found.push(...(await readUntilHydrated(job, during, random)));
      hydrationsMs.push(performance.now() - before);
    }
    return {
      "median, without": [median(samples)],
      "median, during hydration": [median(found)],
      "p99, without": [percentile(samples, 0.99)],
      "p99, during hydration": [percentile(found, 0.99)],
      "hydration meanwhile": [median(hydrationsMs)],
    };
  },
};

async function readUntilHydrated(
  job: Job,
  { sql, hydrated }: { readonly sql: Sql; hydrated(): Promise<void> },
  random: Random,
): Promise<number[]> {
  let isDone = false;
  const done = hydrated().then(() => {
    isDone = true;
  });
  const samples: number[] = [];
  do samples.push(await timedRead(job, sql, random));
  while (!isDone);
  await done;
  return samples;
}

/** Whatever came for this thread meanwhile has its turn after it. */
async function timedRead(job: Job, sql: Sql, random: Random): Promise<number> {
  const id = randomBetween(random, 1, job.orderCount);
  const statement = sql.prepare(SQL.byKey);
  const before = performance.now();
  const row = statement.get(id);
  const elapsed = performance.now() - before;
  if (row === undefined) throw new Error(`order ${id} is missing`);
  await nextTurn();
  return elapsed;
}
