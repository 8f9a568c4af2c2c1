/**
 * Whether the bytes of an answer are those that were asked for, as far as its headers tell.
 *
 * Caches and proxies on the way may cut, replace or compress what the store sends. A body that does
 * not fit its headers is never taken for the object.
 */

import type { HttpAnswer } from "../http-client.ts";
import type { ByteRange } from "../object-store.ts";
import { type Content, inspectPart, inspectWhole } from "../ranged-content.ts";

export function inspectContent(range: ByteRange | undefined, answer: HttpAnswer): Content {
  const { body, headers, status } = answer;
  if (isCompressedOnTheWay(headers)) {
    const problem =
      "something on the way to the store compresses its answers; they must come as is";
    return { type: "unsound", code: "CONFIG_INVALID", problem };
  }
  if (status === 206) {
    return inspectPart(headers["content-range"] ?? "", range, body.byteLength);
  }
  return inspectWhole(range, body.byteLength);
}

/**
 * An object that was put with a Content-Encoding comes with its length and a strong ETag; who
 * compresses on the way knows no length and has to weaken the ETag. Some stores keep the
 * `aws-chunked` of a put's transfer, which says nothing of the bytes.
 */
function isCompressedOnTheWay(headers: HttpAnswer["headers"]): boolean {
  const { "content-encoding": encoding = "", "content-length": length, etag = "" } = headers;
  const encodings = encoding.split(",").map((text) => text.trim().toLowerCase());
  const isEncoded = encodings.some((text) => !["", "identity", "aws-chunked"].includes(text));
  return isEncoded && (length === undefined || etag.startsWith("W/"));
}
