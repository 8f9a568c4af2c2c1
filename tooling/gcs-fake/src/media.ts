/**
 * The bytes of an object as a download, whole or in part, with what the XML API tells in headers.
 */

import type { StoredObject } from "./buckets.ts";
import { GcsError } from "./gcs-error.ts";
import type { Reply } from "./http.ts";
import type { ObjectResource } from "./object-resource.ts";

/** How the download names itself; the JSON API tells no metadata of the user's. */
export type MediaForm = "json" | "xml";

const HEADER_FIELDS = {
  "cache-control": "cacheControl",
  "content-disposition": "contentDisposition",
  "content-encoding": "contentEncoding",
  "content-language": "contentLanguage",
} as const satisfies Readonly<Record<string, keyof ObjectResource>>;

export function mediaReply(
  { bytes, resource }: StoredObject,
  range: string | undefined,
  form: MediaForm,
): Reply {
  const headers = {
    ...resourceHeaders(resource),
    ...(form === "xml" ? userHeaders(resource) : {}),
  };
  const part = parseRange(range, bytes.byteLength);
  if (part === undefined) return { status: 200, headers, body: bytes };
  const { end, start } = part;
  if (start >= bytes.byteLength || end <= start) {
    throw new GcsError(416, "The requested range cannot be satisfied.", {
      reason: "requestedRangeNotSatisfiable",
      xmlCode: "InvalidRange",
      headers: { "content-range": `bytes */${bytes.byteLength}` },
    });
  }
  const contentRange = `bytes ${start}-${end - 1}/${bytes.byteLength}`;
  return {
    status: 206,
    headers: { ...headers, "content-range": contentRange },
    body: bytes.subarray(start, end),
  };
}

/** Undefined for no range, and for one that is none: Google then sends all. */
function parseRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return { start: Math.max(0, size - Number(last)), end: size };
  return { start: Number(first), end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

function resourceHeaders(resource: ObjectResource): Record<string, string> {
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "content-type": resource.contentType ?? "application/octet-stream",
    etag: `"${resource.etag}"`,
    "last-modified": new Date(resource.updated).toUTCString(),
    "x-goog-generation": resource.generation,
    "x-goog-hash": `crc32c=${resource.crc32c},md5=${resource.md5Hash}`,
    "x-goog-metageneration": resource.metageneration,
    "x-goog-storage-class": resource.storageClass ?? "STANDARD",
    "x-goog-stored-content-encoding": resource.contentEncoding ?? "identity",
    "x-goog-stored-content-length": resource.size,
  };
  for (const [header, field] of Object.entries(HEADER_FIELDS)) {
    const value = resource[field];
    if (value) headers[header] = value;
  }
  return headers;
}

function userHeaders({ metadata }: ObjectResource): Record<string, string> {
  const told = Object.entries(metadata ?? {}).filter(([, text]) =>
    /^[\x20-\x7e]*$/.test(`${text}`),
  );
  return Object.fromEntries(told.map(([name, text]) => [`x-goog-meta-${name}`, `${text}`]));
}
