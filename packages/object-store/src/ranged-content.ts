/**
 * Whether the bytes of an answer are those that were asked for, as far as its Content-Range tells.
 *
 * Caches and proxies on the way may cut or replace what a store sends. A body that does not fit its
 * headers is never taken for the object.
 */

import { parseContentRange, type ResolvedRange, resolveRange } from "./byte-range.ts";
import type { ObjectStoreErrorCode } from "./errors.ts";
import type { ByteRange } from "./object-store.ts";

export type Content =
  /** The object's size, and where in the body the bytes are that were asked for. */
  | { readonly type: "sound"; readonly size: number; readonly part: ResolvedRange }
  | {
      readonly type: "unsound";
      readonly code: ObjectStoreErrorCode;
      readonly problem: string;
    };

/** Of an answer with status 206. */
export function inspectPart(
  contentRange: string,
  range: ByteRange | undefined,
  bodySize: number,
): Content {
  const sent = parseContentRange(contentRange);
  const asked = sent === undefined ? undefined : resolveRange(range, sent.size);
  const isWhatWasAsked =
    sent !== undefined &&
    sent.length === bodySize &&
    sent.offset === asked?.offset &&
    sent.length === asked.length;
  if (isWhatWasAsked) {
    return { type: "sound", size: sent.size, part: { offset: 0, length: bodySize } };
  }
  const problem = `${bodySize} bytes came as "${contentRange}", which is not what was asked for`;
  return { type: "unsound", code: "UNAVAILABLE", problem };
}

/** Of any other: the whole object, although perhaps a part was asked for. */
export function inspectWhole(range: ByteRange | undefined, bodySize: number): Content {
  const part = resolveRange(range, bodySize);
  return part === undefined ? outside(bodySize) : { type: "sound", size: bodySize, part };
}

export function outside(size: number): Content {
  const problem = `the range holds none of its ${size} bytes`;
  return { type: "unsound", code: "RANGE_UNSATISFIABLE", problem };
}
