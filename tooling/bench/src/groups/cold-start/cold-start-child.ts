/**
 * One cold start in a process of its own: `cold-start-child.ts JOB_AS_JSON`. Imports, asks for one
 * object, and says what that took.
 */

import { bareAnswer, importBare } from "./bare-sdk.ts";
import type { ColdStartJob, ColdStartSample } from "./cold-start-job.ts";

const startedAtMs = performance.now();
const processorAtStart = process.cpuUsage();
const processorMs = (): number => {
  const { user, system } = process.cpuUsage(processorAtStart);
  return (user + system) / 1000;
};

const job = JSON.parse(process.argv[2] ?? "") as ColdStartJob;
const answer = job.way === "bare SDK" ? await importBareSdk(job) : await importHeadwater(job);
const importProcessorMs = processorMs();
const body = await answer();
const sample: ColdStartSample = {
  importProcessorMs,
  answerProcessorMs: processorMs(),
  answerClockMs: performance.now() - startedAtMs,
  residentMb: process.memoryUsage.rss() / 1e6,
};
if (body.byteLength === 0) throw new Error("the object is empty");
process.stdout.write(JSON.stringify(sample), () => process.exit(0));

/** The adapter is part of the import, as it is for whoever names it by its sub-path. */
async function importHeadwater({ url, key, storeOptions }: ColdStartJob) {
  const { openStore } = await import("@headwater/object-store");
  const { store } = await openStore(url, storeOptions);
  return async () => {
    if (url.startsWith("memory:")) {
      await store.put(key, Uint8Array.of(1), { condition: { type: "none" } });
    }
    return (await store.get(key)).body;
  };
}

async function importBareSdk(options: ColdStartJob) {
  const sdk = await importBare(options.adapter);
  return () => bareAnswer(sdk, options);
}
