/**
 * A COMMIT that waits for the bucket, from its request to its answer.
 *
 * Always true: it ends once, in success or in a failure; and it ends, because the syncer gives it
 * up at the second of its deadlines at the latest.
 */

import { type Deferred, deferred } from "../deferred.ts";
import {
  COMMIT_LOOK_MS,
  COMMIT_RETRY_MS_MAX,
  COMMIT_RETRY_MS_MIN,
  COMMIT_TIMEOUTS,
} from "../limits.ts";
import { OVER } from "../over.ts";

/** What a user is told whose COMMIT failed after it had been sent. */
export const UNKNOWN =
  "whether the COMMIT is in the bucket is not known; it is there wholly or not at all, and " +
  "opening the database again settles it";
export const REPLACED = "the bucket did not take the COMMIT in time, and cannot take it any more";

export class WaitingCommit {
  readonly seq: number;
  /** No try begins after it. */
  readonly deadlineMs: number;
  /** Until then, what became of a try that may have arrived is looked into. */
  readonly settleDeadlineMs: number;
  /** Tries that have ended. */
  tryCount = 0;
  /** Unless one is under way then, the last try begins here. */
  readonly #lastLookMs: number;
  readonly #outcome: Deferred<void> = deferred();
  readonly #over = new AbortController();

  constructor(seq: number, startMs: number, timeoutMs: number) {
    this.seq = seq;
    this.deadlineMs = startMs + timeoutMs;
    this.settleDeadlineMs = startMs + COMMIT_TIMEOUTS * timeoutMs;
    this.#lastLookMs = this.settleDeadlineMs - Math.min(COMMIT_LOOK_MS, timeoutMs / 8);
    this.#outcome.promise.catch(() => {});
  }

  /** Rejects with why the commit was taken back. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Aborts when it has ended. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** How long after the start of the last try the next one may begin. */
  pauseMs(startedMs: number): number {
    if (this.tryCount === 0) return 0;
    const pauseMs = Math.min(COMMIT_RETRY_MS_MIN * 2 ** (this.tryCount - 1), COMMIT_RETRY_MS_MAX);
    const restMs = this.#lastLookMs - startedMs;
    return restMs > 0 ? Math.min(pauseMs, restMs) : pauseMs;
  }

  succeed(): void {
    this.#outcome.resolve();
    this.#over.abort(OVER);
  }

  fail(error: unknown): void {
    this.#outcome.reject(error);
    this.#over.abort(OVER);
  }
}
