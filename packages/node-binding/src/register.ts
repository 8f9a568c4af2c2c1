/**
 * `node --import @headwater/node-binding/register app.js`: the program opens
 * "file:app.db?vfs=litestream" and gets what Litestream's environment variables and the parameters
 * of the file name say.
 *
 * It waits for nothing: the engine starts beside the program, and who opens a database before it
 * is there waits for it.
 */

import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { closeWhenEndedBy } from "./close-on-signals.ts";
import { ensureEngine } from "./engine/engine-client.ts";
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
if (isMainThread) closeWhenEndedBy(["SIGTERM", "SIGINT"]);
