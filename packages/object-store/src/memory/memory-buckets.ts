/**
 * Memory buckets by name, so that `memory:NAME` means the same objects wherever it is opened.
 *
 * They belong to one thread: a worker that opens the same name sees other objects.
 */

import { MemoryBucket } from "./memory-store.ts";

const buckets = new Map<string, MemoryBucket>();

/** The bucket of this name, made when it is first asked for. */
export function memoryBucket(name: string): MemoryBucket {
  const existing = buckets.get(name);
  if (existing !== undefined) return existing;
  const bucket = new MemoryBucket(name);
  buckets.set(name, bucket);
  return bucket;
}

/** Forgets a bucket; stores that have it open keep it. */
export function forgetMemoryBucket(name: string): void {
  buckets.delete(name);
}
