/**
 * Whether the bytes of a download are those that were asked for: see ranged-content.ts.
 */

import { parseContentRangeSize, resolveRange } from "../byte-range.ts";
import type { ByteRange } from "../object-store.ts";
import { type Content, inspectPart, inspectWhole, outside } from "../ranged-content.ts";

export interface AzureAnswer {
  readonly status: number;
  readonly contentRange: string | undefined;
  readonly bodySize: number;
}

export function inspectContent(
  { status, contentRange = "", bodySize }: AzureAnswer,
  range: ByteRange | undefined,
): Content {
  if (status !== 206) return inspectWhole(range, bodySize);
  const size = parseContentRangeSize(contentRange);
  // The emulator sends no byte where Azure refuses a range that starts at the end.
  const isEmpty = bodySize === 0 && size !== undefined && resolveRange(range, size) === undefined;
  return isEmpty ? outside(size) : inspectPart(contentRange, range, bodySize);
}
