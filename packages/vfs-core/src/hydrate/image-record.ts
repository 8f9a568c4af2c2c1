/**
 * What is written down of a local image that is kept: which of its pages are worth keeping,
 * checksums of their bytes, and the objects that they came from.
 *
 * Always true of a record and the image beside it, whenever and however the process ended: a page
 * that is in the record, in a group whose checksum is right, is what its object says. Pages that
 * were written since make the checksum of their group wrong, and no other.
 *
 * It is text: one line with the SHA-256 of the rest, and one of JSON; see
 * docs/format/image-record.md.
 */

import { createHash } from "node:crypto";
import { type DecoderCheckpoint, decodeHeader, encodeHeader, isChecksum } from "@headwater/ltx";
import type { LtxFile } from "../ltx-file.ts";

/** Pages that have one checksum together: 64 * n to 64 * n + 63. */
export const GROUP_PAGES = 64;
/** Of one group: a bit for each page, then the CRC-64 of the pages whose bit is set. */
export const GROUP_RECORD_BYTES = 16;
const RECORD_VERSION = 1;
/** For a database of a billion pages there is more; such an image begins anew each time. */
const RECORD_LENGTH_MAX = 256 * 1024 * 1024;

export interface RecordedFile {
  /** As `nameObject` has it. */
  readonly name: string;
  readonly maxTxid: bigint;
  /** Every byte of it was read and verified. */
  readonly isSound: boolean;
  /** Of a file that was not read to its end: its pages are not proven yet. */
  readonly begun?: DecoderCheckpoint | undefined;
}

export interface ImageRecord {
  /** Which replica of which store. */
  readonly replica: string;
  readonly pageSize: number;
  /** The objects of which the database consisted. */
  readonly files: readonly RecordedFile[];
  /** Of each group, from the first on. */
  readonly groups: Uint8Array;
  /** For each page whose bit is set, ascending, the index of its file. */
  readonly sources: Uint32Array;
}

type RawFile = readonly [name: string, maxTxid: string, isSound: 0 | 1, begun?: RawCheckpoint];

/** As it is in JSON. */
interface RawRecord {
  readonly version: number;
  readonly replica: string;
  readonly pageSize: number;
  readonly files: readonly RawFile[];
  readonly groups: string;
  readonly sources: readonly number[];
}

interface RawCheckpoint {
  readonly header: string;
  readonly offset: number;
  readonly fileCrc: string;
  readonly indexCrc: string;
  readonly indexSize: number;
  readonly lastPgno: number;
  readonly hasGap: boolean;
  readonly database: string | null;
}

export function recordPathOf(imagePath: string): string {
  return `${imagePath}.record`;
}

/** The object itself, and not another one of its name. Undefined when the store did not tell. */
export function nameObject({ key, size, version }: LtxFile): string | undefined {
  if (version === undefined) return undefined;
  const all = JSON.stringify([key, size, version]);
  return createHash("sha256").update(all).digest("base64").slice(0, 22);
}

export function encodeImageRecord(record: ImageRecord): string {
  const { replica, pageSize, files, groups, sources } = record;
  const raw: RawRecord = {
    version: RECORD_VERSION,
    replica,
    pageSize,
    files: files.map(toRawFile),
    groups: Buffer.from(groups.buffer, groups.byteOffset, groups.byteLength).toString("base64"),
    sources: toRuns(sources),
  };
  const body = JSON.stringify(raw);
  return `${digest(body)}\n${body}\n`;
}

/** Undefined for anything that is not a whole record. */
export function decodeImageRecord(text: string): ImageRecord | undefined {
  const [sum, body] = text.length > RECORD_LENGTH_MAX ? [] : text.split("\n", 2);
  if (body === undefined || sum !== digest(body)) return undefined;
  const raw = JSON.parse(body) as RawRecord;
  if (raw.version !== RECORD_VERSION) return undefined;
  return {
    replica: raw.replica,
    pageSize: raw.pageSize,
    files: raw.files.map(fromRawFile),
    groups: Buffer.from(raw.groups, "base64"),
    sources: fromRuns(raw.sources),
  };
}

function toRawFile({ name, maxTxid, isSound, begun }: RecordedFile): RawFile {
  const about = [name, maxTxid.toString(), isSound ? 1 : 0] as const;
  return begun === undefined ? about : [...about, toRawCheckpoint(begun)];
}

function fromRawFile([name, maxTxid, isSound, begun]: RawFile): RecordedFile {
  return {
    name,
    maxTxid: BigInt(maxTxid),
    isSound: isSound === 1,
    begun: begun === undefined ? undefined : fromRawCheckpoint(begun),
  };
}

function toRawCheckpoint(from: DecoderCheckpoint): RawCheckpoint {
  const { header, offset, fileCrc, indexCrc, indexSize, lastPgno, hasGap, database } = from;
  return {
    header: Buffer.from(encodeHeader(header)).toString("base64"),
    offset,
    fileCrc: fileCrc.toString(),
    indexCrc: indexCrc.toString(),
    indexSize,
    lastPgno,
    hasGap,
    database: database?.toString() ?? null,
  };
}

function fromRawCheckpoint(raw: RawCheckpoint): DecoderCheckpoint {
  const database = raw.database === null ? undefined : BigInt(raw.database);
  return {
    header: decodeHeader(Buffer.from(raw.header, "base64")),
    offset: raw.offset,
    fileCrc: BigInt(raw.fileCrc),
    indexCrc: BigInt(raw.indexCrc),
    indexSize: raw.indexSize,
    lastPgno: raw.lastPgno,
    hasGap: raw.hasGap,
    database: database !== undefined && isChecksum(database) ? database : undefined,
  };
}

/** How many of the same there are, and which; and so on. */
function toRuns(values: Uint32Array): number[] {
  const runs: number[] = [];
  for (let start = 0, end = 0; start < values.length; start = end) {
    while (end < values.length && values[end] === values[start]) end += 1;
    runs.push(end - start, values[start]!);
  }
  return runs;
}

function fromRuns(runs: readonly number[]): Uint32Array {
  let count = 0;
  for (let at = 0; at < runs.length; at += 2) count += runs[at]!;
  const values = new Uint32Array(count);
  for (let at = 0, start = 0; at < runs.length; at += 2) {
    values.fill(runs[at + 1]!, start, start + runs[at]!);
    start += runs[at]!;
  }
  return values;
}

function digest(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
