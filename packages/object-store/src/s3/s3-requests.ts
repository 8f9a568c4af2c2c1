/**
 * Requests of the S3 API, as data: everything but where they go and who signs them.
 */

import { createHash } from "node:crypto";
import { formatRange } from "../byte-range.ts";
import { LIST_PAGE_KEYS } from "../limits.ts";
import { formatTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
import type {
  ByteRange,
  DeleteCondition,
  Operation,
  PutCondition,
  PutOptions,
} from "../object-store.ts";
import type { S3EncryptionOptions, S3StoreOptions } from "./s3-options.ts";
import { encodeText } from "./s3-xml.ts";

export type Headers = Readonly<Record<string, string>>;

export interface S3Request {
  /** As which it is counted. */
  readonly kind: Operation;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Undefined: of the bucket itself. */
  readonly key?: string | undefined;
  readonly query?: readonly (readonly [string, string])[] | undefined;
  /** By their names in lower case. */
  readonly headers?: Headers | undefined;
  readonly body?: Uint8Array | undefined;
}

const XML = { "content-type": "application/xml" };
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

export function getRequest(
  key: string,
  range: ByteRange | undefined,
  encryption: S3EncryptionOptions | undefined,
): S3Request {
  const part = range === undefined ? {} : { range: formatRange(range) };
  return {
    kind: "get",
    method: "GET",
    key,
    headers: { ...part, ...customerKeyHeaders(encryption) },
  };
}

export function headRequest(key: string, encryption: S3EncryptionOptions | undefined): S3Request {
  return { kind: "head", method: "HEAD", key, headers: customerKeyHeaders(encryption) };
}

export function headBucketRequest(): S3Request {
  return { kind: "head", method: "HEAD" };
}

export function putRequest(
  key: string,
  body: Uint8Array,
  options: PutOptions,
  store: S3StoreOptions,
): S3Request {
  const headers = { ...objectHeaders(options, store), ...conditionHeaders(options.condition) };
  return { kind: "put", method: "PUT", key, headers, body };
}

export function deleteRequest(
  key: string,
  condition: DeleteCondition = { type: "none" },
): S3Request {
  return { kind: "delete", method: "DELETE", key, headers: conditionHeaders(condition) };
}

/** S3 takes no such request without a checksum. Some stores know only the oldest. */
export async function deleteManyRequest(
  keys: readonly string[],
  requireContentMd5 = false,
): Promise<S3Request> {
  const objects = keys.map((key) => `<Object><Key>${encodeText(key)}</Key></Object>`).join("");
  const body = Buffer.from(`<Delete ${NAMESPACE}>${objects}<Quiet>true</Quiet></Delete>`);
  const checksum = requireContentMd5 ? { "content-md5": md5Of(body) } : await crc32Headers(body);
  return {
    kind: "deleteMany",
    method: "POST",
    query: [["delete", ""]],
    headers: { ...XML, ...checksum },
    body,
  };
}

export interface ListStart {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly token?: string | undefined;
  readonly keysMax?: number | undefined;
}

export function listRequest({
  keysMax = LIST_PAGE_KEYS,
  prefix,
  startAfter,
  token,
}: ListStart): S3Request {
  return {
    kind: "list",
    method: "GET",
    query: [
      ["list-type", "2"],
      ["max-keys", String(keysMax)],
      ["prefix", prefix],
      ...(startAfter === undefined ? [] : [["start-after", startAfter] as const]),
      ...(token === undefined ? [] : [["continuation-token", token] as const]),
    ],
  };
}

export function openUploadRequest(
  key: string,
  options: PutOptions,
  store: S3StoreOptions,
): S3Request {
  return {
    kind: "openUpload",
    method: "POST",
    key,
    query: [["uploads", ""]],
    headers: objectHeaders(options, store),
  };
}

export interface UploadTarget {
  readonly key: string;
  readonly uploadId: string;
  readonly encryption: S3EncryptionOptions | undefined;
}

/** `number`: from one on. */
export function putPartRequest(target: UploadTarget, number: number, body: Uint8Array): S3Request {
  const { encryption, key, uploadId } = target;
  return {
    kind: "putPart",
    method: "PUT",
    key,
    query: [
      ["partNumber", String(number)],
      ["uploadId", uploadId],
    ],
    headers: customerKeyHeaders(encryption),
    body,
  };
}

export function completeUploadRequest(
  { encryption, key, uploadId }: UploadTarget,
  etags: readonly string[],
  condition: PutCondition,
): S3Request {
  const parts = etags.map((etag, index) => {
    return `<Part><ETag>${encodeText(etag)}</ETag><PartNumber>${index + 1}</PartNumber></Part>`;
  });
  const text = `<CompleteMultipartUpload ${NAMESPACE}>${parts.join("")}</CompleteMultipartUpload>`;
  return {
    kind: "completeUpload",
    method: "POST",
    key,
    query: [["uploadId", uploadId]],
    headers: { ...XML, ...conditionHeaders(condition), ...customerKeyHeaders(encryption) },
    body: Buffer.from(text),
  };
}

export function abortUploadRequest({ key, uploadId }: UploadTarget): S3Request {
  return { kind: "abortUpload", method: "DELETE", key, query: [["uploadId", uploadId]] };
}

/** Asks for the keys of a session of S3 Express. */
export function sessionRequest(): S3Request {
  return { kind: "get", method: "GET", query: [["session", ""]] };
}

/** What a new object is to be beside its bytes. */
function objectHeaders(
  { contentType, noCache, timestampMs }: PutOptions,
  { encryption, storageClass }: S3StoreOptions,
): Headers {
  const kmsKeyId = encryption?.kmsKeyId;
  return {
    "content-type": contentType ?? "application/octet-stream",
    ...(noCache ? { "cache-control": "no-cache" } : {}),
    ...(timestampMs === undefined
      ? {}
      : { [`x-amz-meta-${TIMESTAMP_METADATA}`]: formatTimestamp(timestampMs) }),
    ...(storageClass === undefined ? {} : { "x-amz-storage-class": storageClass }),
    ...customerKeyHeaders(encryption),
    ...(kmsKeyId === undefined
      ? {}
      : {
          "x-amz-server-side-encryption": "aws:kms",
          "x-amz-server-side-encryption-aws-kms-key-id": kmsKeyId,
        }),
  };
}

function conditionHeaders(condition: PutCondition | DeleteCondition): Headers {
  switch (condition.type) {
    case "none":
      return {};
    case "if-absent":
      return { "if-none-match": "*" };
    case "if-version":
      return { "if-match": condition.version };
  }
}

/** A key may be given as base64 of its 32 bytes, or as it is. */
function customerKeyHeaders(encryption: S3EncryptionOptions | undefined): Headers {
  const { customerAlgorithm, customerKey, customerKeyMd5 } = encryption ?? {};
  if (customerKey === undefined) return {};
  const decoded = Buffer.from(customerKey, "base64");
  const isBase64 = decoded.byteLength === 32 && decoded.toString("base64") === customerKey;
  const key = isBase64 ? decoded : Buffer.from(customerKey);
  return {
    "x-amz-server-side-encryption-customer-algorithm": customerAlgorithm ?? "AES256",
    "x-amz-server-side-encryption-customer-key": key.toString("base64"),
    "x-amz-server-side-encryption-customer-key-md5": customerKeyMd5 ?? md5Of(key),
  };
}

function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}

async function crc32Headers(bytes: Uint8Array): Promise<Headers> {
  const { crc32 } = await import("node:zlib");
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(bytes));
  return {
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-checksum-crc32": digest.toString("base64"),
  };
}
