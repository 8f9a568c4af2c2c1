/**
 * Requests of Google Cloud Storage's APIs, as data.
 *
 * Reads of objects go to the XML API, as those of Google's client for Go do: the JSON API hands out
 * the bytes without the metadata. Everything else goes to the JSON API.
 */

import { formatRange } from "../byte-range.ts";
import type { Random } from "../clock.ts";
import { LIST_PAGE_KEYS } from "../limits.ts";
import { formatTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
import type { ByteRange, DeleteCondition, PutCondition, PutOptions } from "../object-store.ts";
import type { GcsRequest } from "./gcs-http.ts";

const CONTENT_TYPE = "application/octet-stream";
const OBJECT_FIELDS = "name,size,generation,timeCreated,metadata";

export function getRequest(bucket: string, key: string, range: ByteRange | undefined): GcsRequest {
  const segments = key.split("/").map(encode);
  return {
    method: "GET",
    path: `/${bucket}/${segments.join("/")}`,
    headers: {
      // What was stored compressed comes as it is: sizes and ranges are those of the object.
      "accept-encoding": "gzip",
      ...(range === undefined ? {} : { range: formatRange(range) }),
    },
  };
}

export function headRequest(bucket: string, key: string): GcsRequest {
  const query = new URLSearchParams({ fields: OBJECT_FIELDS });
  return { method: "GET", path: `${objectPath(bucket, key)}?${query}` };
}

/** One request, the resource first and the bytes after it. */
export function putRequest(
  bucket: string,
  key: string,
  body: Uint8Array,
  options: PutOptions,
  random: Random,
): GcsRequest {
  const { condition, contentType = CONTENT_TYPE } = options;
  const boundary = `headwater-${digits(random)}${digits(random)}${digits(random)}`;
  const head =
    `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n` +
    `${JSON.stringify(resourceOf(key, options))}\r\n` +
    `--${boundary}\r\ncontent-type: ${contentType}\r\n\r\n`;
  return {
    method: "POST",
    path: uploadPath(bucket, "multipart", condition),
    headers: { "content-type": `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), body, Buffer.from(`\r\n--${boundary}--\r\n`)],
  };
}

/** Begins an upload in pieces. Where to send them is in the answer's header `location`. */
export function openRequest(bucket: string, key: string, options: PutOptions): GcsRequest {
  const { condition, contentType = CONTENT_TYPE } = options;
  return {
    method: "POST",
    path: uploadPath(bucket, "resumable", condition),
    headers: {
      "content-type": "application/json; charset=UTF-8",
      "x-upload-content-type": contentType,
    },
    body: [Buffer.from(JSON.stringify(resourceOf(key, options)))],
  };
}

/** `total`: of the whole object, where this is its end. Without bytes, it asks how far it is. */
export function pieceRequest(
  path: string,
  offset: number,
  bytes: Uint8Array,
  total: number | undefined,
): GcsRequest {
  const part = bytes.byteLength === 0 ? "*" : `${offset}-${offset + bytes.byteLength - 1}`;
  const headers = { "content-range": `bytes ${part}/${total ?? "*"}` };
  return { method: "PUT", path, headers, body: [bytes] };
}

export function deleteRequest(
  bucket: string,
  key: string,
  condition: DeleteCondition = { type: "none" },
): GcsRequest {
  return { method: "DELETE", path: `${objectPath(bucket, key)}?${conditionQuery(condition)}` };
}

export interface PageStart {
  /** The key itself is in the page too, if there is one. */
  readonly startOffset: string | undefined;
  readonly pageToken: string | undefined;
}

export function listRequest(
  bucket: string,
  prefix: string,
  { pageToken, startOffset }: PageStart,
): GcsRequest {
  const query = new URLSearchParams({
    prefix,
    maxResults: String(LIST_PAGE_KEYS),
    fields: `kind,nextPageToken,items(${OBJECT_FIELDS})`,
    ...(startOffset === undefined ? {} : { startOffset }),
    ...(pageToken === undefined ? {} : { pageToken }),
  });
  return { method: "GET", path: `${bucketPath(bucket)}/o?${query}` };
}

function uploadPath(bucket: string, uploadType: string, condition: PutCondition): string {
  const query = conditionQuery(condition);
  query.set("uploadType", uploadType);
  query.set("fields", OBJECT_FIELDS);
  return `/upload${bucketPath(bucket)}/o?${query}`;
}

function resourceOf(key: string, { contentType, noCache, timestampMs }: PutOptions) {
  return {
    name: key,
    contentType: contentType ?? CONTENT_TYPE,
    ...(noCache ? { cacheControl: "no-store" } : {}),
    ...(timestampMs === undefined
      ? {}
      : { metadata: { [TIMESTAMP_METADATA]: formatTimestamp(timestampMs) } }),
  };
}

/** Generation zero is that of an object that is not there. */
function conditionQuery(condition: PutCondition | DeleteCondition): URLSearchParams {
  const query = new URLSearchParams();
  if (condition.type === "if-absent") query.set("ifGenerationMatch", "0");
  if (condition.type === "if-version") query.set("ifGenerationMatch", condition.version);
  return query;
}

function bucketPath(bucket: string): string {
  return `/storage/v1/b/${bucket}`;
}

function objectPath(bucket: string, key: string): string {
  return `${bucketPath(bucket)}/o/${encode(key)}`;
}

/** What `encodeURIComponent` leaves and Google wants encoded, too. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function digits(random: Random): string {
  return Math.floor(random() * 2 ** 48).toString(36);
}
