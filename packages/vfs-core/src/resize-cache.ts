/**
 * Changes the size of a mount's page cache while it is read from.
 *
 * A larger one is there at once. A smaller one comes about bit by bit, with page requests in
 * between; of two changes under way, the later one holds.
 */

import type { Clock } from "./clock.ts";
import { CACHE_SHRINK_BATCH_BYTES } from "./limits.ts";
import type { MountState } from "./mount-state.ts";

/** Resolves with the bytes that the cache then may take; zero before there is a database. */
export async function resizeCache(
  state: MountState,
  cacheBytes: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<number> {
  state.setCacheBytes(cacheBytes);
  const { cache, pageSize } = state;
  if (cache === undefined) return 0;
  const batch = Math.ceil(CACHE_SHRINK_BATCH_BYTES / pageSize);
  while (!cache.settle(batch)) {
    await clock.yield();
    signal.throwIfAborted();
  }
  return cache.stats.byteLength;
}
