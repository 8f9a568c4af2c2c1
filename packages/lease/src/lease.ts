/**
 * What a holder has in hand.
 *
 * It holds no data and no thread: a holder must stop by itself when the lease is lost, and the
 * signal, the state and `check` are three ways to know.
 */

import type { LeaseError } from "./errors.ts";

export type LeaseState =
  /** Ours until that moment of the monotonic clock, and longer if a renewal succeeds before. */
  | { readonly type: "held"; readonly deadlineMs: number }
  /** Given back, or about to be: ours no more from the call of `release` on. */
  | { readonly type: "released" }
  | { readonly type: "lost"; readonly error: LeaseError };

/**
 * What was there before: no record, or one that was given back, or one whose holder went silent. A
 * silent one may still be about to write something, and of one that died something may still be on
 * its way.
 */
export type Predecessor = "none" | "released" | "expired";

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * The `serverDateMs` of the answer that is to be acknowledged. If the store gave it well before
   * the lease could expire by the store's own clock, that is proof enough and no request is made.
   */
  readonly serverDateMs?: number | undefined;
}

export interface Lease extends AsyncDisposable {
  readonly key: string;
  readonly owner: string;
  /** Greater than that of every holder before. Stamp it into what you write. */
  readonly generation: bigint;
  readonly predecessor: Predecessor;
  /** Judged by the clocks at the moment of asking, so it is right even when timers are late. */
  readonly state: LeaseState;
  /** Aborts with a LeaseError when the lease is lost; never because of a release. */
  readonly lost: AbortSignal;
  /**
   * Resolves if nobody else had the lease at a moment after this call. Call it after a write was
   * answered and before anyone is told: then no later holder can have started before that write.
   * Rejects with LEASE_LOST or LEASE_RELEASED, or as the store does if it cannot be asked.
   */
  check(options?: CheckOptions): Promise<void>;
  /**
   * Marks the record as expired, if it is still ours, so that the next holder need not wait. May be
   * called again. Rejects as the store does if that cannot be done; the record then expires.
   */
  release(): Promise<void>;
}
