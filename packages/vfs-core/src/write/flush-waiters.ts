/**
 * Callers that wait until a commit is in the bucket.
 *
 * Always true: a caller hears of the failure of a pass only if that pass began after its call.
 */

import { untilAborted } from "@headwater/object-store";
import { type Deferred, deferred } from "../deferred.ts";

interface FlushWaiter {
  readonly seq: number;
  /** Passes before this one were under way when the call came, and do not count. */
  readonly firstPass: number;
  readonly settle: Deferred<void>;
}

export class FlushWaiters {
  readonly #waiters = new Set<FlushWaiter>();

  get size(): number {
    return this.#waiters.size;
  }

  async wait(seq: number, firstPass: number, signal: AbortSignal | undefined): Promise<void> {
    const waiter: FlushWaiter = { seq, firstPass, settle: deferred() };
    waiter.settle.promise.catch(() => {});
    this.#waiters.add(waiter);
    try {
      await untilAborted(waiter.settle.promise, signal);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** A pass has ended: the bucket has everything up to this commit, or else why not. */
  onPass(pass: number, syncedSeq: number, failure: unknown): void {
    for (const waiter of this.#waiters) {
      const isDone = waiter.seq <= syncedSeq;
      if (isDone) waiter.settle.resolve();
      else if (failure !== undefined && waiter.firstPass <= pass) waiter.settle.reject(failure);
      else continue;
      this.#waiters.delete(waiter);
    }
  }

  /** No pass will come. */
  fail(reason: unknown): void {
    for (const { settle } of this.#waiters) settle.reject(reason);
  }
}
