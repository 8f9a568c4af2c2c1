/**
 * Page indexes of many LTX files as the bytes of one local file, and back. See
 * docs/format/index-cache.md.
 *
 * Whatever the bytes are, decoding gives a pack or undefined and throws nothing; one that was cut
 * off, changed, or is of another replica is undefined.
 */

import { createHash } from "node:crypto";

export const PACK_MAGIC = "HWINDEX2";

export const PACK_LAYOUT = [
  { name: "magic", offset: 0, size: 8 },
  { name: "digest", offset: 8, size: 32 },
  { name: "tableSize", offset: 40, size: 4 },
] as const;

const [, DIGEST, TABLE_SIZE] = PACK_LAYOUT;
const HEAD_SIZE = TABLE_SIZE.offset + TABLE_SIZE.size;

/** What is kept of one file. */
export interface PackedFile {
  readonly key: string;
  readonly size: number;
  readonly version: string;
  readonly pageSize: number;
  readonly pageCount: number;
  /** By its header, which a listing may not tell. */
  readonly createdAtMs: number;
  /** As in the file itself. */
  readonly indexBytes: Uint8Array;
}

type Row = readonly [
  key: string,
  size: number,
  version: string,
  pageSize: number,
  pageCount: number,
  indexLength: number,
  /** After the file before, or after 1970. */
  createdAfterMs: number,
];

interface Table {
  readonly replica: string;
  readonly files: readonly Row[];
}

export function encodePack(replica: string, files: readonly PackedFile[]): Uint8Array {
  const table: Table = { replica, files: files.map(toRow) };
  const tableBytes = new TextEncoder().encode(JSON.stringify(table));
  const indexLength = files.reduce((sum, { indexBytes }) => sum + indexBytes.byteLength, 0);
  const bytes = new Uint8Array(HEAD_SIZE + tableBytes.byteLength + indexLength);
  bytes.set(new TextEncoder().encode(PACK_MAGIC), 0);
  new DataView(bytes.buffer).setUint32(TABLE_SIZE.offset, tableBytes.byteLength, true);
  bytes.set(tableBytes, HEAD_SIZE);
  let at = HEAD_SIZE + tableBytes.byteLength;
  for (const { indexBytes } of files) {
    bytes.set(indexBytes, at);
    at += indexBytes.byteLength;
  }
  bytes.set(digestOf(bytes), DIGEST.offset);
  return bytes;
}

function toRow(file: PackedFile, at: number, files: readonly PackedFile[]): Row {
  const { key, size, version, pageSize, pageCount, createdAtMs, indexBytes } = file;
  const createdAfterMs = createdAtMs - (files[at - 1]?.createdAtMs ?? 0);
  return [key, size, version, pageSize, pageCount, indexBytes.byteLength, createdAfterMs];
}

/** The files of the pack share its memory. */
export function decodePack(bytes: Uint8Array, replica: string): PackedFile[] | undefined {
  if (bytes.byteLength < HEAD_SIZE) return undefined;
  if (new TextDecoder().decode(bytes.subarray(0, PACK_MAGIC.length)) !== PACK_MAGIC) {
    return undefined;
  }
  const digest = bytes.subarray(DIGEST.offset, DIGEST.offset + DIGEST.size);
  if (!digestOf(bytes).equals(digest)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const tableSize = view.getUint32(TABLE_SIZE.offset, true);
  if (tableSize > bytes.byteLength - HEAD_SIZE) return undefined;
  const table = parseTable(bytes.subarray(HEAD_SIZE, HEAD_SIZE + tableSize));
  if (table?.replica !== replica) return undefined;
  const files: PackedFile[] = [];
  let at = HEAD_SIZE + tableSize;
  let createdAtMs = 0;
  for (const row of table.files) {
    const [key, size, version, pageSize, pageCount, indexLength, createdAfterMs] = row;
    if (indexLength > bytes.byteLength - at) return undefined;
    const indexBytes = bytes.subarray(at, at + indexLength);
    createdAtMs += createdAfterMs;
    files.push({ key, size, version, pageSize, pageCount, createdAtMs, indexBytes });
    at += indexLength;
  }
  return files;
}

function parseTable(bytes: Uint8Array): Table | undefined {
  try {
    const table = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Table> | null;
    const isTable = Array.isArray(table?.files) && table.files.every(isRow);
    return isTable ? (table as Table) : undefined;
  } catch {
    return undefined;
  }
}

function isRow(row: unknown): row is Row {
  if (!Array.isArray(row)) return false;
  const [key, size, version, pageSize, pageCount, indexLength, createdAfterMs] = row as unknown[];
  if (typeof key !== "string" || typeof version !== "string" || row.length !== 7) return false;
  const counts = [size, pageSize, pageCount, indexLength];
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  return counts.every(isCount) && Number.isSafeInteger(createdAfterMs);
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes.subarray(TABLE_SIZE.offset)).digest();
}
