/**
 * The clock, the dice, the environment and the program of this process: the only file that touches
 * them.
 */

import { closeSync, openSync, readSync } from "node:fs";
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

/** Where there is none, as on Windows, the generator of this process has to do. */
const KERNEL_RANDOM = "/dev/urandom";

/**
 * From the kernel each time. A generator in memory, `Math.random` as well as that of OpenSSL, goes
 * on alike in machines that were started from one snapshot; kernels are told that they were, and
 * begin anew. What two writers tell their records apart by must not be the same.
 */
export const systemRandom: Random = () => {
  const bytes = new Uint32Array(2);
  if (!fillFromKernel(bytes)) crypto.getRandomValues(bytes);
  const [low = 0, high = 0] = bytes;
  return ((high >>> 11) * 2 ** 32 + low) / 2 ** 53;
};

function fillFromKernel(bytes: Uint32Array): boolean {
  try {
    const file = openSync(KERNEL_RANDOM, "r");
    try {
      return readSync(file, bytes) === bytes.byteLength;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

export function systemEnvironment(): Environment {
  return process.env;
}

/** The main file of the program or worker thread; its folder when it is typed in. */
export function systemProgram(): string {
  return process.argv[1] ?? `${process.cwd()}/`;
}
