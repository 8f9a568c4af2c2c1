/**
 * The clock, the dice and the name of this process: the only file that touches them.
 */

import { hostname } from "node:os";

import type { Clock, Random, SleepOptions } from "./clock.ts";

/** For people who ask who holds a lock. */
export function systemProcess(): { readonly pid: number; readonly host: string } {
  return { pid: process.pid, host: hostname() };
}

/** Whose files are this process's own. Undefined where systems do not say it by number. */
export function systemUser(): number | undefined {
  return process.getuid?.();
}

/** For people who ask who holds a lease. */
export function systemOwner(): string {
  return `${hostname()}:${process.pid}`;
}

/** Some 24 days. A timer that is asked for more rings at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(durationMs: number, { signal }: SleepOptions = {}): Promise<void> {
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
  yield: () => new Promise((resolve) => setImmediate(resolve)),
};

export const systemRandom: Random = () => Math.random();
