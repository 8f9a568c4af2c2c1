/**
 * What SQLite is made to do for a trace: statements on the test database, the same in every run.
 */

import type { DatabaseSync } from "node:sqlite";
import type { Dataset } from "../../dataset/dataset.ts";
import { emailOf, SQL } from "../../dataset/schema.ts";
import { type Random, randomBetween, seededRandom } from "../../seeded-random.ts";

export interface WorkloadRun {
  readonly database: DatabaseSync;
  readonly dataset: Dataset;
  /** Changes one row through another connection: SQLite drops what it has cached. */
  readonly changeElsewhere: () => void;
  /** Does something that is not counted: neither its statements nor what they ask for. */
  readonly aside: (work: () => void) => void;
}

export interface Workload {
  readonly name: string;
  /** Runs the statements; how many were counted. */
  run(run: WorkloadRun): number;
}

const SEED = 4711;
const READS = 40_000;
/** As measured in key-value stores and web caches: the hundredth key is asked for a hundredth. */
const ZIPF_EXPONENT = 0.99;
const SCANS = 3;
const READS_PER_CHANGE = 20;
/** One after each of so many scans. */
const LONELY_READS = 40;

const JOIN = `
  select sum(o.total_cents + length(o.note)) as sum
  from customers c join orders o on o.customer_id = c.id where c.email = ?`;

export const WORKLOADS: readonly Workload[] = [
  {
    name: "points, zipf",
    run: (run) => readPoints(run, zipf(run.dataset.orderCount)),
  },
  {
    name: "points, uniform",
    run: (run) => readPoints(run, uniform(run.dataset.orderCount)),
  },
  {
    name: "points, uniform, followed",
    run: (run) =>
      readPoints(run, uniform(run.dataset.orderCount), (index) => {
        if (index % READS_PER_CHANGE === 0) run.changeElsewhere();
      }),
  },
  {
    name: "scans",
    run: ({ database }) => {
      for (let scan = 0; scan < SCANS; scan += 1) database.prepare(SQL.scan).get();
      return SCANS;
    },
  },
  {
    name: "a point by index after each scan",
    run: ({ database, dataset, changeElsewhere, aside }) => {
      const read = database.prepare(SQL.byIndex);
      const next = uniform(dataset.customerCount);
      for (let index = 0; index < LONELY_READS; index += 1) {
        aside(() => database.prepare(SQL.scan).get());
        changeElsewhere();
        read.get(emailOf(next()));
      }
      return LONELY_READS;
    },
  },
  {
    name: "points, zipf, and scans",
    run: (run) =>
      readPoints(run, zipf(run.dataset.orderCount), (index) => {
        if (index % (READS / SCANS) < 1) run.database.prepare(SQL.scan).get();
      }),
  },
  {
    name: "joins, zipf",
    run: ({ database, dataset }) => {
      const join = database.prepare(JOIN);
      const next = zipf(dataset.customerCount);
      const count = READS / 10;
      for (let index = 0; index < count; index += 1) join.get(emailOf(next()));
      return count;
    },
  },
];

function readPoints(
  { database }: WorkloadRun,
  nextId: () => number,
  before: (index: number) => void = () => {},
): number {
  const read = database.prepare(SQL.byKey);
  for (let index = 0; index < READS; index += 1) {
    before(index);
    if (read.get(nextId()) === undefined) throw new Error("a row of the test database is missing");
  }
  return READS;
}

/** From 1 to `count`, all alike. */
function uniform(count: number): () => number {
  const random = seededRandom(SEED);
  return () => randomBetween(random, 1, count);
}

/** From 1 to `count`, few of them often; which ones has nothing to do with their neighbours. */
export function zipf(count: number): () => number {
  const random = seededRandom(SEED);
  const ids = shuffled(count, random);
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** ZIPF_EXPONENT;
    sums[rank] = sum;
  }
  return () => ids[firstAbove(sums, random() * sum)]!;
}

function shuffled(count: number, random: Random): Uint32Array {
  const ids = Uint32Array.from({ length: count }, (_, index) => index + 1);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = randomBetween(random, 0, last);
    [ids[last], ids[other]] = [ids[other]!, ids[last]!];
  }
  return ids;
}

function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
