/**
 * A process that wants the lease, over and over. Started by processes.test.ts with the folder of
 * the store, its name and how long to go on.
 *
 * While it has the lease it appends lines to a log that all contenders share: `begin` with its
 * generation, then `write` for each thing that it did, and `ok` once that was checked.
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { ObjectStoreError } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { acquireLease, LeaseError, systemClock } from "../src/index.ts";

const [root, name, durationMs] = process.argv.slice(2);
if (root === undefined || name === undefined) throw new TypeError("usage: contender ROOT NAME MS");

const TTL_MS = 1_200;
const store = new FileStore({ root: join(root, "store"), fsync: false });
const say = (line: string) => appendFileSync(join(root, "log"), `${line}\n`);
const endMs = systemClock.monotonicMs() + Number(durationMs);

while (systemClock.monotonicMs() < endMs) {
  const signal = AbortSignal.timeout(Math.ceil(endMs - systemClock.monotonicMs()));
  try {
    const options = { store, key: "lock.json", owner: name, ttlMs: TTL_MS, pollMs: 50 };
    const lease = await acquireLease({ ...options, wait: true, signal });
    say(`begin ${lease.generation} ${name}`);
    const untilMs = systemClock.monotonicMs() + Math.random() * TTL_MS;
    while (lease.state.type === "held" && systemClock.monotonicMs() < untilMs) {
      await systemClock.sleep(20);
      // Written first and checked after, as a commit is: a line without its `ok` proves nothing.
      const id = `${lease.generation}-${Math.random()}`;
      say(`write ${lease.generation} ${id}`);
      await lease.check();
      say(`ok ${lease.generation} ${id}`);
    }
    await lease.release();
  } catch (error) {
    if (signal.aborted || LeaseError.is(error) || ObjectStoreError.is(error)) continue;
    throw error;
  }
}
