/**
 * What a mount has asked of its store and what that costs, read without waiting for anything: the
 * engine counts in shared memory.
 */

import {
  choosePrices,
  type PriceChoice,
  type PriceProvider,
  type Prices,
  priceRequests,
} from "@headwater/object-store";
import {
  readCounters,
  subtractCounters,
  systemClock,
  toUsage,
  type Usage,
} from "@headwater/vfs-core";
import { native } from "../native.ts";

export interface MeteredReads {
  /** Pages that SQLite has read and that were at hand, and others that the engine had to bring. */
  readonly hits: number;
  readonly misses: number;
}

export interface MeteredUsage extends Usage {
  readonly durationMs: number;
  /**
   * Pages that SQLite has read of its files, without those in its own cache. They are counted when
   * a transaction ends.
   */
  readonly reads: MeteredReads;
  /** By the `prices` of the mount; undefined when they are not known. */
  readonly costUsd: number | undefined;
  /** Of an hour that goes on like that. */
  readonly costUsdPerHour: number | undefined;
}

export type Measured<Result> =
  Result extends PromiseLike<infer Value>
    ? Promise<{ readonly result: Value; readonly usage: MeteredUsage }>
    : { readonly result: Result; readonly usage: MeteredUsage };

export interface Meter {
  /** Since the mount was opened. */
  read(): MeteredUsage;
  /**
   * What came of the work, and what the mount has asked for meanwhile: for the work and for
   * everything else that goes on, which `byPurpose` tells apart. What the work throws is thrown.
   */
  measure<Result>(work: () => Result): Measured<Result>;
}

export interface MeterOptions {
  readonly counters: SharedArrayBuffer;
  /** Number of the mount in native code. */
  readonly device: number;
  readonly provider: PriceProvider | undefined;
  readonly prices: PriceChoice | undefined;
  /** When the mount began to be opened, since when is counted. */
  readonly beganMs: number;
}

interface Reading {
  readonly atMs: number;
  readonly counters: Float64Array;
  readonly reads: MeteredReads;
}

const HOUR_MS = 3_600_000;
const NO_READS: MeteredReads = { hits: 0, misses: 0 };

export function makeMeter({ counters, device, provider, ...options }: MeterOptions): Meter {
  const prices = choosePrices(provider, options.prices);
  let lastReads = NO_READS;
  const look = (): Reading => {
    const reads = native.mountReads(device);
    if (reads !== undefined) lastReads = { hits: reads[0], misses: reads[1] };
    const atMs = systemClock.monotonicMs();
    return { atMs, counters: readCounters(counters), reads: lastReads };
  };
  const opened: Reading = {
    atMs: options.beganMs,
    counters: new Float64Array(readCounters(counters).length),
    reads: NO_READS,
  };
  return {
    read: () => usageBetween(opened, look(), prices),
    measure<Result>(work: () => Result): Measured<Result> {
      const before = look();
      const finish = (result: unknown) => ({ result, usage: usageBetween(before, look(), prices) });
      const result = work();
      const measured = isThenable(result) ? result.then(finish) : finish(result);
      return measured as Measured<Result>;
    },
  };
}

function usageBetween(before: Reading, after: Reading, prices: Prices | undefined): MeteredUsage {
  const usage = toUsage(subtractCounters(after.counters, before.counters));
  const durationMs = after.atMs - before.atMs;
  const costUsd = prices === undefined ? undefined : priceRequests(usage, prices);
  const hits = after.reads.hits - before.reads.hits;
  const misses = after.reads.misses - before.reads.misses;
  return {
    ...usage,
    durationMs,
    reads: { hits, misses },
    costUsd,
    costUsdPerHour: costUsd === undefined ? undefined : (costUsd / durationMs) * HOUR_MS,
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
