/**
 * What the API tells of an object: the "resource" of the JSON API.
 */

import { crc32c, md5 } from "./checksums.ts";
import { invalid } from "./gcs-error.ts";

/** What a client may say of an object. */
export interface WritableFields {
  readonly cacheControl?: string | null | undefined;
  readonly contentDisposition?: string | null | undefined;
  readonly contentEncoding?: string | null | undefined;
  readonly contentLanguage?: string | null | undefined;
  readonly contentType?: string | null | undefined;
  readonly customTime?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, string | null>> | null | undefined;
  readonly storageClass?: string | null | undefined;
}

/** As a client sends it with the bytes: what it says, and checksums of what it has sent. */
export interface SentResource extends WritableFields {
  readonly name?: string | undefined;
  readonly crc32c?: string | undefined;
  readonly md5Hash?: string | undefined;
}

export interface ObjectResource extends WritableFields {
  readonly kind: "storage#object";
  readonly id: string;
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  readonly metageneration: string;
  readonly size: string;
  readonly crc32c: string;
  readonly md5Hash: string;
  readonly etag: string;
  readonly timeCreated: string;
  readonly updated: string;
  readonly selfLink: string;
  readonly mediaLink: string;
}

const WRITABLE = [
  "cacheControl",
  "contentDisposition",
  "contentEncoding",
  "contentLanguage",
  "contentType",
  "customTime",
  "metadata",
  "storageClass",
] as const satisfies readonly (keyof WritableFields)[];

const NAME_BYTES_MAX = 1024;

export interface NewObject {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  readonly nowMs: number;
  readonly bytes: Uint8Array;
  readonly sent: SentResource;
}

/** Throws for a name that no object can have, and for checksums that do not fit the bytes. */
export function newResource({
  bucket,
  bytes,
  generation,
  name,
  nowMs,
  sent,
}: NewObject): ObjectResource {
  if (name === "" || Buffer.byteLength(name) > NAME_BYTES_MAX || /[\r\n]/.test(name)) {
    throw invalid("Invalid object name");
  }
  const sums = { crc32c: crc32c(bytes), md5Hash: md5(bytes) };
  checkSum("CRC32C", sent.crc32c, sums.crc32c);
  checkSum("MD5 hash", sent.md5Hash, sums.md5Hash);
  const now = new Date(nowMs).toISOString();
  const path = `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  return {
    contentType: "application/octet-stream",
    storageClass: "STANDARD",
    ...writable(sent),
    ...sums,
    kind: "storage#object",
    id: `${bucket}/${name}/${generation}`,
    bucket,
    name,
    generation,
    metageneration: "1",
    size: String(bytes.byteLength),
    etag: etag(generation, "1"),
    timeCreated: now,
    updated: now,
    selfLink: path,
    mediaLink: `/download${path}?generation=${generation}&alt=media`,
  };
}

/** The resource after a PATCH: null takes a field away, and so it does with a key of metadata. */
export function patchedResource(
  resource: ObjectResource,
  patch: WritableFields,
  nowMs: number,
): ObjectResource {
  const metageneration = String(Number(resource.metageneration) + 1);
  const metadata = Object.entries({ ...resource.metadata, ...patch.metadata });
  return {
    ...resource,
    ...writable(patch),
    metadata: Object.fromEntries(metadata.filter(([, value]) => value !== null)),
    metageneration,
    etag: etag(resource.generation, metageneration),
    updated: new Date(nowMs).toISOString(),
  };
}

function writable(fields: WritableFields): WritableFields {
  const given = WRITABLE.filter((name) => fields[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, fields[name] ?? undefined]));
}

function checkSum(kind: string, sent: string | undefined, actual: string): void {
  if (sent === undefined || sent === actual) return;
  throw invalid(`Provided ${kind} "${sent}" doesn't match calculated ${kind} "${actual}".`);
}

function etag(generation: string, metageneration: string): string {
  return Buffer.from(`${generation}/${metageneration}`).toString("base64");
}
