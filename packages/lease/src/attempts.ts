/**
 * How often, how long apart and for how long a request to the store is tried.
 */

import { ObjectStoreError, type Operation } from "@headwater/object-store";
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, BACKOFF_THROTTLED_MS } from "./limits.ts";
import type { Settings } from "./settings.ts";

/**
 * True if the same call may be made again and end differently. It may also have happened: whoever
 * repeats a put looks first.
 */
export function isTransient(error: unknown): boolean {
  return ObjectStoreError.is(error) && error.retry !== "never";
}

/** True if a put that failed so may have happened all the same. */
export function isOutcomeUnknown(error: unknown): boolean {
  return ObjectStoreError.is(error) && error.retry === "after-check";
}

/** Doubles with each failure, and is spread so that contenders do not move in step. */
export function backoffMs(failures: number, error: unknown, settings: Settings): number {
  // A short lease cannot afford long pauses: there must be attempts left when the store comes back.
  const longestMs = Math.min(BACKOFF_MS_MAX, settings.ttlMs / 20);
  const baseMs = Math.min(BACKOFF_MS_MIN * 2 ** (failures - 1), longestMs);
  return Math.max(wantedMs(error, settings), baseMs * (0.5 + settings.random()));
}

/** How long the store wants to be left alone. */
function wantedMs(error: unknown, { random, ttlMs }: Settings): number {
  if (!ObjectStoreError.is(error)) return 0;
  if (error.retryAfterMs !== undefined || error.code !== "THROTTLED")
    return error.retryAfterMs ?? 0;
  return Math.min(BACKOFF_THROTTLED_MS, ttlMs / 6) * (1 + random() / 4);
}

/**
 * Rejects when the caller's signal aborts or the time is up, even if `work` ignores both. A put
 * that was not answered in time may have happened.
 */
export async function withTimeout<Result>(
  settings: Settings,
  operation: Extract<Operation, "get" | "put">,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const done = new AbortController();
  const durationMs = settings.requestTimeoutMs;
  const onAbort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  settings.clock.sleep(durationMs, { signal: done.signal, background: true }).then(
    () => stop.abort(notAnswered(settings, operation)),
    () => {},
  );
  try {
    return await new Promise<Result>((resolve, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason), { once: true });
      work(stop.signal).then(resolve, reject);
    });
  } finally {
    done.abort();
    signal?.removeEventListener("abort", onAbort);
  }
}

function notAnswered({ store, key, requestTimeoutMs }: Settings, operation: Operation) {
  const code = operation === "put" ? "OUTCOME_UNKNOWN" : "UNAVAILABLE";
  const durationMs = Math.round(requestTimeoutMs);
  const message = `${operation} ${key}: no answer within ${durationMs} ms`;
  return new ObjectStoreError(code, message, { store: store.name, operation, key });
}
