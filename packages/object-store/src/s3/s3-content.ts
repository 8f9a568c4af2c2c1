/**
 * Whether the bytes of an answer are those that were asked for, as far as its headers tell.
 *
 * Caches and proxies on the way may cut, replace or compress what the store sends. A body that does
 * not fit its headers is never taken for the object.
 */

import { parseContentRange, type ResolvedRange, resolveRange } from "../byte-range.ts";
import type { ObjectStoreErrorCode } from "../errors.ts";
import type { ByteRange } from "../object-store.ts";

/** The parts of an answer that are read here, as the SDK calls them. */
export interface ContentHeaders {
  readonly ContentEncoding?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
  readonly ETag?: string | undefined;
  readonly $metadata: { readonly httpStatusCode?: number | undefined };
}

export type Content =
  /** The object's size, and where in the body the bytes are that were asked for. */
  | { readonly type: "sound"; readonly size: number; readonly part: ResolvedRange }
  | {
      readonly type: "unsound";
      readonly code: ObjectStoreErrorCode;
      readonly problem: string;
    };

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
    return inspectPart(range, headers.ContentRange ?? "", bodySize);
  }
  // The server sent the whole object although a part was asked for.
  const part = resolveRange(range, bodySize);
  if (part !== undefined) return { type: "sound", size: bodySize, part };
  const problem = `the range holds none of its ${bodySize} bytes`;
  return { type: "unsound", code: "RANGE_UNSATISFIABLE", problem };
}

function inspectPart(
  range: ByteRange | undefined,
  contentRange: string,
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
