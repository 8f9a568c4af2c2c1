/**
 * The clock, the dice, the environment and the program of this process: the only file that touches
 * them.
 */

import type { Clock, Random } from "./clock.ts";
import type { CallOptions } from "./object-store.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Some 24 days. A timer that is asked for more rings at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(durationMs: number, { signal }: CallOptions = {}): Promise<void> {
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
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};

export const systemRandom: Random = () => Math.random();

export function systemEnvironment(): Environment {
  return process.env;
}

/** The main file of the program or worker thread; its folder when it is typed in. */
export function systemProgram(): string {
  return process.argv[1] ?? `${process.cwd()}/`;
}
