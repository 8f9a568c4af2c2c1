/**
 * Waiting for something that happens by itself.
 */

import { setTimeout as sleep } from "node:timers/promises";

const STEP_MS = 20;

/** Calls until the answer is no longer undefined. The limit is a guard against hangs only. */
export async function eventually<Value>(
  what: string,
  look: () => Value | undefined | Promise<Value | undefined>,
  limitMs = 20_000,
): Promise<Value> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(STEP_MS);
  }
}

/** Rejects when the promise takes longer than anything but a hang can. */
export async function within<Value>(
  what: string,
  promise: Promise<Value>,
  limitMs = 20_000,
): Promise<Value> {
  const controller = new AbortController();
  const timeout = sleep(limitMs, undefined, { signal: controller.signal }).then(
    () => {
      throw new Error(`not within ${limitMs} ms: ${what}`);
    },
    () => undefined as never,
  );
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    controller.abort();
  }
}
