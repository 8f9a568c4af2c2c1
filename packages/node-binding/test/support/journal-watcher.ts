/**
 * A worker thread that looks at the end of a journal, over and over, until it is told to stop.
 * It tells when it begins, and then whether the journal ever held a text.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

export interface JournalWatcherData {
  readonly path: string;
  readonly text: string;
  /** Zero while it has to go on. */
  readonly stop: Int32Array;
}

const TAIL = 1024;

function tailOf(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const tail = Buffer.alloc(TAIL);
    const { size } = fstatSync(fd);
    return tail.toString("latin1", 0, readSync(fd, tail, 0, TAIL, Math.max(0, size - TAIL)));
  } finally {
    closeSync(fd);
  }
}

const { path, text, stop } = workerData as JournalWatcherData;
parentPort?.postMessage("begins");
let looks = 0;
let found = false;
while (Atomics.load(stop, 0) === 0) {
  const tail = tailOf(path);
  if (tail !== "") looks += 1;
  found ||= tail.includes(text);
}
parentPort?.postMessage({ looks, found });
