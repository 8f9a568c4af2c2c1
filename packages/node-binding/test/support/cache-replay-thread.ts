/**
 * A worker thread that looks rows up by a seed, once, and tells when it has.
 */

import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";

export interface CacheReplayData {
  readonly filename: string;
  readonly rowCount: number;
  readonly readCount: number;
}

const { filename, rowCount, readCount } = workerData as CacheReplayData;
const random = new SeededRandom(5);
const database = new Database(filename);
database.pragma("cache_size = 4");
const byId = database.prepare("select body from item where id = ?").pluck();
for (let read = 0; read < readCount; read += 1) {
  // Some rows more often than others.
  const id = 1 + Math.floor((random.below(rowCount) * random.below(rowCount)) / rowCount);
  if (typeof byId.get(id) !== "string") throw new Error(`row ${id} is missing`);
}
database.close();
parentPort?.postMessage("done");
