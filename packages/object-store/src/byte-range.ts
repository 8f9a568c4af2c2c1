/**
 * Byte ranges: checked, resolved against a size, written as an HTTP header.
 */

import type { ByteRange } from "./object-store.ts";

export interface ResolvedRange {
  readonly offset: number;
  readonly length: number;
}

/** Throws RangeError: a range without bytes, or of negative place, is a mistake of the program. */
export function checkRange(range: ByteRange): void {
  if ("suffix" in range) {
    checkCount("suffix", range.suffix, 1);
    return;
  }
  checkCount("offset", range.offset, 0);
  if ("length" in range) checkCount("length", range.length, 1);
}

/** The bytes meant, cut at the end of the object; undefined when there are none. */
export function resolveRange(
  range: ByteRange | undefined,
  size: number,
): ResolvedRange | undefined {
  if (range === undefined) return { offset: 0, length: size };
  if ("suffix" in range) {
    if (size === 0) return undefined;
    const length = Math.min(range.suffix, size);
    return { offset: size - length, length };
  }
  if (range.offset >= size) return undefined;
  const rest = size - range.offset;
  return { offset: range.offset, length: "length" in range ? Math.min(range.length, rest) : rest };
}

/** The value of an HTTP Range header. */
export function formatRange(range: ByteRange): string {
  if ("suffix" in range) return `bytes=-${range.suffix}`;
  if ("length" in range) return `bytes=${range.offset}-${range.offset + range.length - 1}`;
  return `bytes=${range.offset}-`;
}

/** What an HTTP Content-Range header says; undefined if it does not tell all three. */
export function parseContentRange(
  header: string,
): (ResolvedRange & { readonly size: number }) | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header);
  if (match === null) return undefined;
  const [first, last, size] = match.slice(1).map(Number) as [number, number, number];
  if (!Number.isSafeInteger(size) || first > last || last >= size) return undefined;
  return { offset: first, length: last - first + 1, size };
}

/** The size of the whole object, out of a Content-Range header, also of one that holds no byte. */
export function parseContentRangeSize(header: string): number | undefined {
  const match = /^bytes (?:\d+-(?:\d+|-1)|\*)\/(\d+)$/.exec(header);
  const size = Number(match?.[1]);
  return Number.isSafeInteger(size) ? size : undefined;
}

function checkCount(name: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new RangeError(`${name} of a byte range must be an integer of ${min} or more: ${value}`);
  }
}
