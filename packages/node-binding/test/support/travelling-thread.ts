/**
 * A thread that goes from moment to moment, and tells what it saw that it should not have.
 */

import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";

export interface TravellingThreadData {
  readonly filename: string;
  readonly seed: number;
  readonly rounds: number;
  /** States 1 to this: that of number n was made by transaction n + 1. */
  readonly states: number;
}

const { filename, seed, rounds, states } = workerData as TravellingThreadData;
const random = new SeededRandom(seed);
const problems: string[] = [];
let database = new Database(filename);

for (let round = 0; round < rounds; round += 1) {
  const state = random.between(1, states);
  const isPast = random.chance(0.8);
  const moment = isPast ? `txid:${state + 1}` : "latest";
  database.exec(`pragma headwater_time = '${moment}'`);
  const newest = database.prepare("select max(number) from state").pluck().get() as number;
  if (isPast ? newest !== state : newest < states) problems.push(`${moment} showed ${newest}`);
  if (random.chance(0.1)) {
    database.close();
    database = new Database(filename);
  }
}
database.close();
parentPort?.postMessage(problems);
