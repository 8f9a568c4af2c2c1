/**
 * `node --import @headwater/node-binding/register app.js`: the program opens
 * "file:app.db?vfs=litestream" and gets what Litestream's environment variables and the parameters
 * of the file name say.
 *
 * It waits for nothing: the engine starts beside the program, and who opens a database before it
 * is there waits for it.
 */

import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { closeWritersNow, ensureEngine } from "./engine/engine-client.ts";
import { teachDrivers, teachDriversWhenLoaded } from "./litestream/teach-drivers.ts";
import { extensionPath, native } from "./native.ts";

const STARTED = `headwater:${extensionPath}`;

native.askAllow();
// A thread of a program inherits --import; the main thread has done it for the process then.
if (getEnvironmentData(STARTED) === undefined) {
  if (isMainThread) setEnvironmentData(STARTED, true);
  // A failure to start ends the program with its reason, like any that nobody handles.
  void ensureEngine(teachDrivers);
}
teachDriversWhenLoaded();
if (isMainThread) for (const signal of ["SIGTERM", "SIGINT"] as const) closeWhenEndedBy(signal);

/** A program that listens to the signal itself goes on as it likes: its end closes everything. */
function closeWhenEndedBy(signal: NodeJS.Signals): void {
  const onSignal = (): void => {
    if (process.listenerCount(signal) > 1) return;
    closeWritersNow();
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  };
  process.on(signal, onSignal);
}
