/**
 * A thread that commits one row at a time, and after each waits until the bucket has it.
 */

import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { SQL } from "../../../dataset/schema.ts";
import { EVENT } from "./measure-commits.ts";

export interface DurableCommitsWork {
  readonly filename: string;
  readonly count: number;
}

const BUSY_TIMEOUT_MS = 30_000;

const { filename, count } = workerData as DurableCommitsWork;
const database = new Database(filename, { timeout: BUSY_TIMEOUT_MS });
const insert = database.prepare(SQL.insert);
const sync = database.prepare("pragma headwater_sync");
parentPort?.once("message", () => {
  for (let at = 0; at < count; at += 1) {
    insert.run(at, ...EVENT);
    sync.get();
  }
  database.close();
  parentPort?.postMessage("done");
});
parentPort?.postMessage("ready");
