/**
 * A worker thread that looks rows of `item` up at random until it is told to stop. Each row says
 * which it is, and both its texts are of one version.
 */

import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";

export interface CacheReaderData {
  readonly filename: string;
  readonly rowCount: number;
  readonly seed: number;
  /** Zero while it has to go on. */
  readonly stop: Int32Array;
}

export interface CacheReaderResult {
  readonly count: number;
  readonly problem: string | undefined;
}

const { filename, rowCount, seed, stop } = workerData as CacheReaderData;
const random = new SeededRandom(seed);
const database = new Database(filename);
// So that next to every look-up of a page reaches the page device.
database.pragma("cache_size = 4");
const byId = database.prepare("select id, a, b from item where id = ?");
let count = 0;
let problem: string | undefined;
while (Atomics.load(stop, 0) === 0 && problem === undefined) {
  const id = 1 + random.below(rowCount);
  try {
    const row = byId.get(id) as { id: number; a: string; b: string };
    if (row.id !== id || row.a !== row.b) problem = `row ${id}: ${JSON.stringify(row)}`;
    if (!row.a.startsWith(`${id}:`)) problem = `row ${id} has "${row.a.slice(0, 20)}"`;
  } catch (error) {
    problem = (error as Error).message;
  }
  count += 1;
}
database.close();
parentPort?.postMessage({ count, problem } satisfies CacheReaderResult);
