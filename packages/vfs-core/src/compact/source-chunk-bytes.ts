/**
 * How much of each file is asked for at a time when so many are merged, so that what is held of all
 * of them stays bounded.
 */

import { COMPACT_CHUNK_BYTES_MIN, COMPACT_CHUNK_BYTES_TOTAL, RANGE_BYTES_MAX } from "../limits.ts";

export function sourceChunkBytes(fileCount: number): number {
  const share = Math.floor(COMPACT_CHUNK_BYTES_TOTAL / fileCount);
  return Math.min(RANGE_BYTES_MAX, Math.max(COMPACT_CHUNK_BYTES_MIN, share));
}
