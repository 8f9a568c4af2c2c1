/**
 * The clock of this process, and its dice, which are those of the store: the only file that touches
 * them.
 */

import type { Clock, SleepOptions } from "./clock.ts";

export { systemRandom } from "@headwater/object-store";

/** Some 24 days. A timer that is asked for more rings at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(durationMs: number, { signal, background }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(durationMs, TIMER_MS_MAX),
      );
      if (background === true) timer.unref();
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};
