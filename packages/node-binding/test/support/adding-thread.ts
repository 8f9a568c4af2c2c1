/** A thread with a connection and its statements, which writes and counts when it is told to. */

import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";

const ADDITIONS = 20;

interface AddingThreadData {
  readonly filename: string;
  readonly sql: string;
  readonly count: string;
}

const data = workerData as AddingThreadData;
const database = new Database(data.filename, { timeout: 20_000 });
const add = database.prepare(data.sql);
const count = database.prepare(data.count).pluck();

parentPort?.postMessage(count.get());
parentPort?.on("message", (what: "add" | "count") => {
  if (what === "add") for (let i = 0; i < ADDITIONS; i += 1) add.run();
  parentPort?.postMessage(what === "add" ? "added" : count.get());
});
