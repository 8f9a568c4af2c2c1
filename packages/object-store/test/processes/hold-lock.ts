/**
 * Worker thread that takes the lock of a file and never gives it back; its owner terminates it.
 */

import { parentPort, workerData } from "node:worker_threads";
import { withFileLock } from "../../src/file/file-lock.ts";
import { systemClock, systemRandom } from "../../src/system.ts";

const { folder, name } = workerData as { folder: string; name: string };
await withFileLock(folder, name, { clock: systemClock, random: systemRandom }, async () => {
  parentPort?.postMessage("held");
  await new Promise(() => setInterval(() => undefined, 1000));
});
