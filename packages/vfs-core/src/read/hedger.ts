/**
 * Sends a request again when it takes longer than almost all of the last ones did. The first answer
 * is taken, and the other request ended.
 *
 * Always true:
 *   - Only small requests that somebody waits for are sent twice: of large ones the size decides
 *     how long they take.
 *   - No more than a small share of all requests is, so a store that is slow as a whole is not
 *     asked for more because of it.
 *   - A failure counts only when no other request for the same is under way.
 */

import type { Clock } from "../clock.ts";
import {
  HEDGE_AGAIN_MS,
  HEDGE_BURST,
  HEDGE_BYTES_MAX,
  HEDGE_FACTOR,
  HEDGE_MS_MIN,
  HEDGE_SAMPLES_MAX,
  HEDGE_SAMPLES_MIN,
  HEDGE_SHARE,
  HEDGE_SLOWEST,
} from "../limits.ts";
import { OVER } from "../over.ts";
import type { HedgingStatus } from "../status.ts";
import type { Priority, RequestQueue } from "./request-queue.ts";

export interface HedgerOptions {
  readonly queue: RequestQueue;
  readonly clock: Clock;
}

export interface HedgedRequest<Result> {
  /** That are asked for. */
  readonly bytes: number;
  /** Of the second request; the first one has its turn already. */
  readonly priority: Priority;
  readonly send: (signal: AbortSignal) => Promise<Result>;
  /** Whether somebody waits for the answer. */
  readonly isWanted: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

export class Hedger {
  readonly #options: HedgerOptions;
  /** Of the last small requests, in a ring. */
  readonly #durationsMs: number[] = [];
  /** Undefined as long as too little is known of the store. */
  #delayMs: number | undefined;
  #requestCount = 0;
  #allowance = HEDGE_BURST;
  #sentCount = 0;
  #wonCount = 0;

  constructor(options: HedgerOptions) {
    this.#options = options;
  }

  status(): HedgingStatus {
    return { sentCount: this.#sentCount, wonCount: this.#wonCount };
  }

  /** Rejects as `send` does, and with the reason of the signal. */
  async run<Result>(request: HedgedRequest<Result>): Promise<Result> {
    if (request.bytes > HEDGE_BYTES_MAX) {
      return request.send(request.signal ?? new AbortController().signal);
    }
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const result = await this.#race(request, this.#delayMs);
    this.#note(clock.monotonicMs() - startMs);
    return result;
  }

  #race<Result>(request: HedgedRequest<Result>, delayMs: number | undefined): Promise<Result> {
    const { send, signal } = request;
    return new Promise((resolve, reject) => {
      const timer = new AbortController();
      const ends: AbortController[] = [];
      let runningCount = 0;
      let isSettled = false;
      const settle = (finish: () => void) => {
        if (isSettled) return;
        isSettled = true;
        signal?.removeEventListener("abort", onAbort);
        timer.abort(OVER);
        finish();
        for (const end of ends) end.abort(OVER);
      };
      const begin = (work: (signal: AbortSignal) => Promise<Result>, onWin: () => void) => {
        const end = new AbortController();
        ends.push(end);
        runningCount += 1;
        work(end.signal).then(
          (result) =>
            settle(() => {
              onWin();
              resolve(result);
            }),
          (error: unknown) => {
            runningCount -= 1;
            if (runningCount === 0) settle(() => reject(error));
          },
        );
      };
      const onAbort = () => {
        for (const end of ends) end.abort(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      begin(send, () => {});
      if (signal?.aborted) onAbort();
      const again = () => {
        if (signal?.aborted || !this.#mayHedge(request)) return;
        begin(
          (end) => this.#sendAgain(request, end),
          () => {
            this.#wonCount += 1;
          },
        );
      };
      if (delayMs !== undefined) void this.#repeat(delayMs, again, timer.signal);
    });
  }

  /** Until the signal aborts. */
  async #repeat(delayMs: number, again: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    for (let afterMs = delayMs; !signal.aborted; afterMs = Math.max(HEDGE_AGAIN_MS, 2 * afterMs)) {
      const restMs = startMs + afterMs - clock.monotonicMs();
      await clock.sleep(restMs, { signal }).catch(() => {});
      if (!signal.aborted) again();
    }
  }

  #sendAgain<Result>(
    { priority, send }: HedgedRequest<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    const work = () => {
      this.#sentCount += 1;
      return send(signal);
    };
    return this.#options.queue.run({ priority }, work, signal);
  }

  #mayHedge({ isWanted }: HedgedRequest<unknown>): boolean {
    if (this.#allowance < 1 || !isWanted()) return false;
    this.#allowance -= 1;
    return true;
  }

  /** How long the next requests may take before they are sent again. */
  #measure(): number {
    const sorted = Float64Array.from(this.#durationsMs).sort();
    const usualMs = sorted[Math.ceil(sorted.length * (1 - HEDGE_SLOWEST)) - 1]!;
    return Math.max(HEDGE_MS_MIN, usualMs * HEDGE_FACTOR);
  }

  #note(durationMs: number): void {
    this.#durationsMs[this.#requestCount % HEDGE_SAMPLES_MAX] = durationMs;
    this.#requestCount += 1;
    // Sorting them for each one would take longer than to send it.
    if (this.#requestCount % HEDGE_SAMPLES_MIN === 0) this.#delayMs = this.#measure();
    this.#allowance = Math.min(HEDGE_BURST, this.#allowance + HEDGE_SHARE);
  }
}
