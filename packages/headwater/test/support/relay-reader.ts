/**
 * A thread that reads a database in turns with another one like it: each begins its transaction
 * while the other still has its own, so at every moment somebody reads.
 */

import { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";

interface Turns {
  readonly path: string;
  /** Which of the two this is. */
  readonly self: number;
  /** How often each has begun, and last whether they are to end. */
  readonly counts: Int32Array;
}

const { path, self, counts } = workerData as Turns;
const other = 1 - self;
const HOLD_MS = 20;
const isOver = () => Atomics.load(counts, 2) !== 0;

const database = new DatabaseSync(path, { readOnly: true, timeout: 60_000 });
for (let turn = 1; !isOver(); turn += 1) {
  database.exec("begin; select count(*) from sqlite_schema");
  Atomics.add(counts, self, 1);
  Atomics.notify(counts, self);
  // Nobody waits for long who is kept out: then this one ends alone.
  Atomics.wait(counts, other, turn - 1, 10 * HOLD_MS);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLD_MS);
  database.exec("commit");
}
database.close();
