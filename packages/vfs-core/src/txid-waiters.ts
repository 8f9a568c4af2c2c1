/**
 * Callers that wait until the mount has reached a transaction.
 */

import { type Deferred, deferred } from "./deferred.ts";

interface Waiter {
  readonly txid: bigint;
  readonly settle: Deferred<void>;
}

export class TxidWaiters {
  readonly #waiters = new Set<Waiter>();
  #txid: bigint;
  #failure: unknown;

  constructor(txid: bigint) {
    this.#txid = txid;
  }

  /** Whether somebody waits for a transaction that has not come. */
  get areThere(): boolean {
    return this.#waiters.size > 0;
  }

  hasReached(txid: bigint): boolean {
    return this.#txid >= txid;
  }

  async wait(txid: bigint, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.hasReached(txid)) return;
    if (this.#failure !== undefined) throw this.#failure;
    const waiter: Waiter = { txid, settle: deferred() };
    const onAbort = () => waiter.settle.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiters.add(waiter);
    try {
      await waiter.settle.promise;
    } finally {
      this.#waiters.delete(waiter);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  reach(txid: bigint): void {
    this.#txid = txid;
    for (const waiter of this.#waiters) if (waiter.txid <= txid) waiter.settle.resolve();
  }

  /** No further transaction will come. */
  fail(error: unknown): void {
    this.#failure = error;
    for (const waiter of this.#waiters) waiter.settle.reject(error);
  }
}
