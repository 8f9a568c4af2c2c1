/**
 * A process that wants the lease, over and over. Started by contenders.ts, which tells it all in
 * the variable CONTENDER.
 *
 * While it has the lease it puts objects into the same store and tells of each in the shared log,
 * before and after, as check-log.ts wants it. A write is acknowledged only once its check passed.
 */

import { appendFileSync } from "node:fs";
import { type ObjectStore, ObjectStoreError, retrying } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { acquireLease, type Clock, type Lease, LeaseError, systemClock } from "../src/index.ts";
import type { LogEntry } from "./check-log.ts";
import type { ContenderOptions } from "./contenders.ts";
import { startCutOutClock } from "./cut-out-clock.ts";
import { seeded } from "./world.ts";

/** How many generations back a new holder looks for writes. */
const LOOK_BACK = 5;

const options = JSON.parse(process.env.CONTENDER ?? "{}") as ContenderOptions;
const { who, ttlMs, logPath } = options;
const random = seeded(options.seed);
const endMs = systemClock.monotonicMs() + options.durationMs;
const store = await openStore(options.store);
const clock: Clock = options.losesTime ? startCutOutClock() : systemClock;
let writes = 0;

/** The empty line before it keeps it apart from what a killed process left half written. */
const say = (entry: LogEntry) => appendFileSync(logPath, `\n${JSON.stringify(entry)}\n`);

while (systemClock.monotonicMs() < endMs) {
  const signal = AbortSignal.timeout(Math.ceil(endMs - systemClock.monotonicMs()));
  try {
    say({ event: "wants", who });
    const settings = { store, key: "lock.json", owner: who, ttlMs, pollMs: ttlMs / 10, clock };
    const lease = await acquireLease({ ...settings, wait: true, signal });
    say({ event: "begins", who, generation: Number(lease.generation) });
    try {
      await lookAround(lease);
      await work(lease, systemClock.monotonicMs() + ttlMs * (0.5 + 2 * random()));
    } finally {
      say({ event: "ends", who, generation: Number(lease.generation) });
      await lease.release();
    }
  } catch (error) {
    if (signal.aborted || LeaseError.is(error) || ObjectStoreError.is(error)) continue;
    throw error;
  }
}
await store.close();

async function openStore(at: ContenderOptions["store"]): Promise<ObjectStore> {
  if (at.type === "file") return retrying(new FileStore({ root: at.root, fsync: false }));
  const { openS3Store } = await import("@headwater/object-store/s3");
  const { prefixed } = await import("@headwater/object-store");
  const { prefix, bucket, endpoint, region, accessKeyId, secretAccessKey } = at;
  const credentials = { accessKeyId, secretAccessKey };
  return retrying(prefixed(await openS3Store({ bucket, endpoint, region, credentials }), prefix));
}

function keyOf(generation: number, name: string): string {
  return `writes/${String(generation).padStart(6, "0")}/${name}`;
}

async function lookAround(lease: Lease): Promise<void> {
  const generation = Number(lease.generation);
  const since = Math.max(0, generation - LOOK_BACK);
  const ids: string[] = [];
  for await (const { key } of store.list("writes/", { startAfter: keyOf(since, "") })) {
    ids.push(key);
  }
  say({ event: "saw", who, generation, since, ids });
}

async function work(lease: Lease, untilMs: number): Promise<void> {
  const generation = Number(lease.generation);
  while (systemClock.monotonicMs() < untilMs) {
    // Stopped here, it must not believe when it wakes.
    await systemClock.sleep(25 + 25 * random());
    // One that loses time unnoticed cannot but believe too long. That is what the check is for.
    if (!options.losesTime) {
      say({ event: "looks", who, generation });
      if (lease.state.type !== "held") return;
      say({ event: "believes", who, generation });
    }
    // Stopped here, it writes as soon as it wakes, and must not tell of it.
    await systemClock.sleep(25 + 25 * random());
    writes += 1;
    const id = keyOf(generation, `${who}-${writes}`);
    say({ event: "writes", who, generation, id });
    const body = new TextEncoder().encode(`${generation}`);
    const { serverDateMs } = await store.put(id, body, { condition: { type: "if-absent" } });
    try {
      await lease.check({ serverDateMs });
    } catch (error) {
      if (LeaseError.is(error, "LEASE_LOST")) say({ event: "refused", who, generation, id });
      throw error;
    }
    say({ event: "acknowledges", who, generation, id });
  }
}
