/** A thread that mounts, and posts the first message of its opening. */

import { subscribe } from "node:diagnostics_channel";
import { parentPort, workerData } from "node:worker_threads";
import { mount } from "../../src/index.ts";

subscribe("headwater:open", (message) => parentPort?.postMessage(message));
await mount({ ...(workerData as { url: string; name: string }), pollIntervalMs: 0 });
