/**
 * Whether the bytes of an answer are those that were asked for, as far as its headers tell.
 *
 * Caches and proxies on the way may cut, replace or compress what the store sends. A body that does
 * not fit its headers is never taken for the object.
 */

import type { ByteRange } from "../object-store.ts";
import { type Content, inspectPart, inspectWhole } from "../ranged-content.ts";

/** The parts of an answer that are read here, as the SDK calls them. */
export interface ContentHeaders {
  readonly ContentEncoding?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
  readonly ETag?: string | undefined;
  readonly $metadata: { readonly httpStatusCode?: number | undefined };
}

export function inspectContent(
  range: ByteRange | undefined,
  headers: ContentHeaders,
  bodySize: number,
): Content {
  if (isCompressedOnTheWay(headers)) {
    const problem =
      "something on the way to the store compresses its answers; they must come as is";
    return { type: "unsound", code: "CONFIG_INVALID", problem };
  }
  if (headers.$metadata.httpStatusCode === 206) {
    return inspectPart(headers.ContentRange ?? "", range, bodySize);
  }
  return inspectWhole(range, bodySize);
}

/**
 * An object that was put with a Content-Encoding comes with its length and a strong ETag; who
 * compresses on the way knows no length and has to weaken the ETag. Some stores keep the
 * `aws-chunked` of a put's transfer, which says nothing of the bytes.
 */
function isCompressedOnTheWay({ ContentEncoding, ContentLength, ETag = "" }: ContentHeaders) {
  const encodings = (ContentEncoding ?? "").split(",").map((text) => text.trim().toLowerCase());
  const isEncoded = encodings.some((text) => !["", "identity", "aws-chunked"].includes(text));
  return isEncoded && (ContentLength === undefined || ETag.startsWith("W/"));
}
