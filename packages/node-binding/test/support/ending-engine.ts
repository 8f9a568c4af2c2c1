/**
 * A program whose engine thread is being terminated while it calls native code. Its arguments: what
 * to call, and a folder with a FIFO named "gate".
 *
 * A function of the native half waits at the FIFO, and the thread is told to end meanwhile. What
 * the thread does next comes before it notices: V8 looks at the beginning of a function of
 * JavaScript and in loops, so there is neither of them in between.
 */

import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { registerBetterSqlite3 } from "../../src/drivers.ts";
import { native } from "../../src/native.ts";

const [, , operation, folder] = process.argv as unknown as [string, string, string, string];
const gate = join(folder, "gate");

/** How long the thread has to come to the FIFO. If it takes longer, nothing is tried. */
const PAUSE_MS = 100;

/** The engine's side. */
function engine(): void {
  native.engineStart(() => {});
  const id = native.mountCreate("app", true, 0, 5000, 0, 0n, 0, 0, 0, false);
  native.journalRotate(id, join(folder, "journal"), 0n);
  native.mountActivate(id);
  native.journalArmNotice(id);
  const { journalCollect, journalRecover, takeRequests } = native;
  // There is no such file. What fails leaves its text where the next call keeps its own things.
  const nowhere = "x".repeat(4095);
  parentPort?.postMessage("ready");
  try {
    journalRecover(id, gate, false);
  } catch {}
  try {
    journalRecover(id, nowhere, false);
  } catch {}
  if (operation === "takeRequests") takeRequests();
  else journalCollect(id, 0, 0);
}

async function main(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { argv: [operation, folder] });
  await new Promise((resolve) => worker.once("message", resolve));
  worker.on("error", (error) => console.error(error));
  registerBetterSqlite3(Database);
  const database = new Database("file:app?vfs=headwater");
  database.exec("create table item(text)");
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const terminated = worker.terminate();
  const writing = openSync(gate, "r+");
  await terminated;
  closeSync(writing);
  database.close();
}

if (isMainThread) await main();
else engine();
