/**
 * The body of an upload in two parts: the resource as JSON, then the bytes.
 */

import { GcsError } from "./gcs-error.ts";
import type { SentResource } from "./object-resource.ts";

export interface MultipartUpload {
  readonly sent: SentResource;
  readonly bytes: Buffer;
}

interface Part {
  readonly head: string;
  readonly body: Buffer;
}

export function parseMultipartRelated(
  contentType: string | undefined,
  body: Buffer,
): MultipartUpload {
  const [, quoted, plain] = /boundary=(?:"([^"]+)"|([^";]+))/i.exec(contentType ?? "") ?? [];
  const boundary = quoted ?? plain;
  const parts = boundary === undefined ? [] : splitParts(Buffer.from(`--${boundary}`), body);
  const [resource, media] = parts;
  if (parts.length !== 2 || resource === undefined || media === undefined) {
    const options = { reason: "badRequest", xmlCode: "InvalidArgument" };
    throw new GcsError(400, "Malformed multipart body.", options);
  }
  const [, contentTypeOfMedia] = /^content-type:\s*(.+?)\s*$/im.exec(media.head) ?? [];
  const sent = JSON.parse(resource.body.toString() || "{}") as SentResource;
  return { sent: { contentType: contentTypeOfMedia, ...sent }, bytes: media.body };
}

function splitParts(delimiter: Buffer, body: Buffer): Part[] {
  const parts: Part[] = [];
  let start = body.indexOf(delimiter);
  while (start >= 0) {
    const next = body.indexOf(delimiter, start + delimiter.length);
    if (next < 0) break;
    parts.push(parsePart(body.subarray(start + delimiter.length, next)));
    start = next;
  }
  return parts;
}

/** Starts and ends with a line break of the delimiters, which some clients send as a bare \n. */
function parsePart(bytes: Buffer): Part {
  const lineBreak = bytes[0] === 13 ? "\r\n" : "\n";
  const content = bytes.subarray(lineBreak.length, bytes.length - lineBreak.length);
  const empty = content.indexOf(lineBreak + lineBreak);
  if (empty < 0) return { head: content.toString("latin1"), body: Buffer.alloc(0) };
  const head = content.toString("latin1", 0, empty);
  return { head, body: Buffer.from(content.subarray(empty + 2 * lineBreak.length)) };
}
