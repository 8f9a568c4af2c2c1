/**
 * Where everything lies in the memory of a page cache, as data.
 *
 * Readers in other languages and threads look at the same memory, so nothing here may change
 * without a new `LAYOUT_VERSION`. All words are unsigned, 32 bits, little-endian.
 *
 *   header (128 bytes) | buckets | frame records | padding to 4096 | pages
 */

import { CACHE_BYTES_MAX, FRAMES_MIN, PAGE_SIZE_MAX, PAGE_SIZE_MIN } from "./limits.ts";

export const MAGIC = 0x48575043;
export const LAYOUT_VERSION = 2;

export const HEADER_BYTES = 128;

/** Words of the header, in order from its start. */
export const HEADER_WORD = {
  magic: 0,
  layoutVersion: 1,
  pageSize: 2,
  /** Of the layout: so many records and pages there may be; it never changes. */
  frameCountMax: 3,
  /** A power of two. It changes with the size of the cache; the buckets stay where they are. */
  bucketCount: 4,
  /** Bytes from the start of the memory, as the next two. */
  bucketsOffset: 5,
  framesOffset: 6,
  pagesOffset: 7,
} as const;

export const FRAME_BYTES = 32;
export const FRAME_WORDS = FRAME_BYTES / 4;

/** Words of a frame record, in order from its start. */
export const FRAME_WORD = {
  /** Odd while the frame is being changed, even when it is stable. */
  version: 0,
  /** Zero when the frame is free. */
  pgno: 1,
  fromSeqLow: 2,
  fromSeqHigh: 3,
  /** All ones in both words: the version is still the newest. */
  toSeqLow: 4,
  toSeqHigh: 5,
  /** The next frame of the bucket, plus one; zero at the end. */
  next: 6,
  /** Readers set it to one when they use the frame. */
  visited: 7,
} as const;

/** Pages start on a boundary of the machine's own pages. */
export const PAGES_ALIGNMENT = 4096;

export interface CacheLayout {
  readonly pageSize: number;
  /** The most frames that there may be. */
  readonly frameCountMax: number;
  readonly bucketsOffset: number;
  readonly framesOffset: number;
  readonly pagesOffset: number;
  readonly byteLength: number;
}

/** Throws RangeError when the cache would be larger than positions can tell. */
export function layOut(frameCountMax: number, pageSize: number): CacheLayout {
  checkPageSize(pageSize);
  if (!Number.isSafeInteger(frameCountMax) || frameCountMax < 1) {
    throw new RangeError(`frame count must be an integer of 1 or more: ${frameCountMax}`);
  }
  const bucketsOffset = HEADER_BYTES;
  const framesOffset = bucketsOffset + bucketCountFor(frameCountMax) * 4;
  const pagesOffset = alignUp(framesOffset + frameCountMax * FRAME_BYTES);
  const byteLength = pagesOffset + frameCountMax * pageSize;
  if (byteLength > CACHE_BYTES_MAX) {
    throw new RangeError(`a page cache ends at ${CACHE_BYTES_MAX} bytes: ${byteLength}`);
  }
  return { pageSize, frameCountMax, bucketsOffset, framesOffset, pagesOffset, byteLength };
}

/** Bytes of memory that a cache of so many frames takes. */
export function byteLengthFor(frameCount: number, pageSize: number): number {
  return layOut(frameCount, pageSize).byteLength;
}

/** The most frames that fit the budget, but never so few that the cache would be of no use. */
export function frameCountFor(budgetBytes: number, pageSize: number): number {
  if (!(budgetBytes >= 0)) throw new RangeError(`budget must not be negative: ${budgetBytes}`);
  return Math.max(FRAMES_MIN, framesWithin(budgetBytes, pageSize));
}

/** The most frames that fit in so many bytes; zero if none does. */
export function framesWithin(byteLength: number, pageSize: number): number {
  checkPageSize(pageSize);
  const limit = Math.min(byteLength, CACHE_BYTES_MAX);
  let low = 0;
  let high = Math.floor(limit / pageSize);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle, pageSize, limit)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** As many buckets as frames, or up to twice as many. */
export function bucketCountFor(frameCount: number): number {
  return Math.max(2, 2 ** Math.ceil(Math.log2(frameCount)));
}

/** The bucket of a page. The same function stands in the native reader. */
export function bucketOf(pgno: number, bucketCount: number): number {
  return (Math.imul(pgno, 0x9e3779b1) >>> 0) >>> (Math.clz32(bucketCount) + 1);
}

function fits(frameCount: number, pageSize: number, budget: number): boolean {
  const records = HEADER_BYTES + bucketCountFor(frameCount) * 4 + frameCount * FRAME_BYTES;
  return alignUp(records) + frameCount * pageSize <= budget;
}

function alignUp(offset: number): number {
  return Math.ceil(offset / PAGES_ALIGNMENT) * PAGES_ALIGNMENT;
}

function checkPageSize(pageSize: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(pageSize));
  if (!isPowerOfTwo || pageSize < PAGE_SIZE_MIN || pageSize > PAGE_SIZE_MAX) {
    throw new RangeError(`page size must be a power of two, 512 to 65536: ${pageSize}`);
  }
}
