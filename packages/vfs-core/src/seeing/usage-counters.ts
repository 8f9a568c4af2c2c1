/**
 * The counters of one mount, in shared memory: the engine counts, and whoever has the memory reads,
 * on any thread, also one that waits for nothing.
 *
 * Always true:
 *   - One thread writes. Each number is read whole, and only grows.
 *   - A request is counted when it has a socket, and its answer before anybody gets to use it: who
 *     has got a page finds the request that brought it.
 */

import type { Operation, RequestMeter } from "@headwater/object-store";
import { PURPOSES, type Purpose } from "./purpose.ts";
import { COUNTER_COUNT, type Counted, counterIndex } from "./usage.ts";

/** Of one purpose, for whoever is on the thread that counts. */
export interface PurposeSums {
  requests: number;
  /** Both ways. */
  bytes: number;
}

export class UsageCounters {
  readonly buffer = new SharedArrayBuffer(COUNTER_COUNT * BigInt64Array.BYTES_PER_ELEMENT);
  readonly #counters = new BigInt64Array(this.buffer);
  readonly #sums = new Map<Purpose, PurposeSums>(
    PURPOSES.map((purpose) => [purpose, { requests: 0, bytes: 0 }]),
  );

  sums(purpose: Purpose): Readonly<PurposeSums> {
    return this.#sums.get(purpose)!;
  }

  /** Counts as requests for that. */
  meter(purpose: Purpose): RequestMeter {
    const counters = this.#counters;
    const sums = this.#sums.get(purpose)!;
    const add = (kind: Operation, counted: Counted, by: number) => {
      if (by > 0) Atomics.add(counters, counterIndex(purpose, kind, counted), BigInt(by));
    };
    return {
      sent(kind, bytes) {
        sums.requests += 1;
        sums.bytes += bytes;
        add(kind, "requests", 1);
        add(kind, "bytesSent", bytes);
      },
      ended(kind, bytesReceived, isFailed) {
        sums.bytes += bytesReceived;
        add(kind, "bytesReceived", bytesReceived);
        add(kind, "failed", isFailed ? 1 : 0);
      },
      retried: (kind) => add(kind, "retried", 1),
    };
  }
}

/** As they are now. */
export function readCounters(buffer: SharedArrayBuffer): Float64Array {
  const counters = new BigInt64Array(buffer);
  const read = new Float64Array(counters.length);
  for (let at = 0; at < read.length; at += 1) read[at] = Number(Atomics.load(counters, at));
  return read;
}

/** What they have grown by. */
export function subtractCounters(
  after: Readonly<Float64Array>,
  before: Readonly<Float64Array>,
): Float64Array {
  return after.map((count, at) => count - before[at]!);
}
