/**
 * Whether the bytes of a download are those that were asked for, as far as its headers tell.
 *
 * Caches and proxies on the way may cut, replace or unpack what Google sends. A body that does not
 * fit its headers is never taken for the object.
 */

import { parseContentRange, type ResolvedRange, resolveRange } from "../byte-range.ts";
import type { ObjectStoreErrorCode } from "../errors.ts";
import type { ByteRange } from "../object-store.ts";
import type { GcsAnswer } from "./gcs-http.ts";

export type GcsContent =
  /** The object's size, and where in the body the bytes are that were asked for. */
  | { readonly type: "sound"; readonly size: number; readonly part: ResolvedRange }
  | { readonly type: "unsound"; readonly code: ObjectStoreErrorCode; readonly problem: string };

export function inspectContent(answer: GcsAnswer, range: ByteRange | undefined): GcsContent {
  const { body, headers, status } = answer;
  const came = body.byteLength;
  if (status === 206) return inspectPart(headers["content-range"] ?? "", range, came);
  const stored = headers["x-goog-stored-content-length"] ?? String(came);
  if (stored !== String(came)) {
    const problem = `${came} bytes came of ${stored}: something on the way changes them`;
    return { type: "unsound", code: "CONFIG_INVALID", problem };
  }
  // The server sent the whole object although a part was asked for.
  const part = resolveRange(range, came);
  if (part !== undefined) return { type: "sound", size: came, part };
  const problem = `the range holds none of its ${came} bytes`;
  return { type: "unsound", code: "RANGE_UNSATISFIABLE", problem };
}

function inspectPart(header: string, range: ByteRange | undefined, came: number): GcsContent {
  const sent = parseContentRange(header);
  const asked = sent === undefined ? undefined : resolveRange(range, sent.size);
  const isWhatWasAsked =
    sent?.length === came && sent.offset === asked?.offset && sent.length === asked.length;
  if (isWhatWasAsked) {
    return { type: "sound", size: sent.size, part: { offset: 0, length: came } };
  }
  const problem = `${came} bytes came as "${header}", which is not what was asked for`;
  return { type: "unsound", code: "UNAVAILABLE", problem };
}
