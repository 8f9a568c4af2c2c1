/**
 * Compaction as a part of a write mount: goes on while the lease is held, and stops at a fence.
 *
 * Always true: before a file is deleted, the page maps of the mount point at the one that takes its
 * place, for every reader that there is. A file that an older reader cannot do without stays until
 * the reader has ended, or an hour longer than its time. Pasts that are open here count as readers.
 */

import type { Lease } from "@headwater/lease";
import type { MountState } from "../mount-state.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import type { Replica } from "../replica.ts";
import type { CompactionStatus } from "../status.ts";
import type { Pasts } from "../travel/pasts.ts";
import { explainLease } from "../write/write-lease.ts";
import { CompactionLoop } from "./compaction-loop.ts";
import type { CompactionSettings } from "./compaction-options.ts";
import { Compactor } from "./compactor.ts";
import { movePages } from "./move-pages.ts";

export interface WriteCompactionOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly pasts: Pasts;
  readonly queue: RequestQueue;
  readonly lease: Lease | undefined;
  readonly settings: CompactionSettings;
  /** Why writing has stopped, if it has. */
  readonly fence: () => Error | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface WriteCompaction {
  status(): CompactionStatus;
  /** Resolves once it has ended, after the signal. Never rejects. */
  readonly ended: Promise<void>;
}

/** Undefined without a lease: two holders would delete each other's files. */
export function startCompaction(options: WriteCompactionOptions): WriteCompaction | undefined {
  const { replica, state, pasts, queue, lease, settings, fence } = options;
  if (lease === undefined) return undefined;
  const signal = AbortSignal.any([options.signal, lease.lost]);
  const compactor = new Compactor({
    replica,
    queue,
    signal,
    isBusy: () => queue.isForegroundBusy,
    beganTxid: state.versions.newest.map.txid,
    newestTxid: () => state.versions.newest.map.txid,
    letGo: (doomed, heirs) => {
      const kept = [state.versions, ...pasts.versions].map((one) => movePages(one, doomed, heirs));
      return new Set(kept.flatMap((files) => [...files]));
    },
    stillOurs: async (serverDateMs) => {
      const stopped = fence();
      if (stopped !== undefined) throw stopped;
      try {
        await lease.check({ serverDateMs });
      } catch (error) {
        throw explainLease(replica, error);
      }
    },
  });
  const loop = new CompactionLoop({ compactor, clock: replica.clock, settings, signal });
  return { status: () => loop.status(), ended: loop.run() };
}
