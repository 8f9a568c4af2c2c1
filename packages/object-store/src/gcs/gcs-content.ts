/**
 * Whether the bytes of a download are those that were asked for, as far as its headers tell.
 *
 * Caches and proxies on the way may cut, replace or unpack what Google sends. A body that does not
 * fit its headers is never taken for the object.
 */

import type { ByteRange } from "../object-store.ts";
import { type Content, inspectPart, inspectWhole } from "../ranged-content.ts";
import type { GcsAnswer } from "./gcs-http.ts";

export function inspectContent(answer: GcsAnswer, range: ByteRange | undefined): Content {
  const { body, headers, status } = answer;
  const came = body.byteLength;
  if (status === 206) return inspectPart(headers["content-range"] ?? "", range, came);
  const stored = headers["x-goog-stored-content-length"] ?? String(came);
  if (stored !== String(came)) {
    const problem = `${came} bytes came of ${stored}: something on the way changes them`;
    return { type: "unsound", code: "CONFIG_INVALID", problem };
  }
  return inspectWhole(range, came);
}
