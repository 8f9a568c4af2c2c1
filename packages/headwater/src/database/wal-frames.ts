/**
 * Which pages of a database are in its write-ahead log, and where there.
 *
 * Always true: only frames of whole transactions count, up to the last commit whose checksums are
 * right, as SQLite itself sees it. https://sqlite.org/fileformat2.html#the_write_ahead_log
 */

import type { FileHandle } from "node:fs/promises";

export interface WalFrames {
  /** Size of the database in pages after the last commit. */
  readonly pageCount: number;
  /** By page number, where the header of its newest frame is. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Two numbers that every frame of this log has. */
  readonly salts: Buffer;
}

const HEADER_SIZE = 32;
export const FRAME_HEADER_SIZE = 24;
const MAGIC = 0x377f0682;
const SALTS_OFFSET = 16;
const FRAME_SALTS_OFFSET = 8;
/** A log that begins anew all the time is not read for ever. */
const TRIES = 10;

/** Undefined when the log has no transaction. */
export async function readWalFrames(
  file: FileHandle,
  pageSize: number,
): Promise<WalFrames | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const header = await readHeader(file);
    if (header === undefined) return undefined;
    const frames = await scan(file, header, pageSize);
    // A log that has begun anew meanwhile has another header, which is written first.
    const after = await readHeader(file);
    if (after?.equals(header) === true) return frames;
    if (attempt === TRIES)
      throw new Error("its write-ahead log changes faster than it can be read");
  }
}

/** Whether the frame at hand is still the one that was found. */
export function isFrameOf({ salts }: WalFrames, frameHeader: Buffer): boolean {
  return frameHeader.subarray(FRAME_SALTS_OFFSET, FRAME_SALTS_OFFSET + 8).equals(salts);
}

async function readHeader(file: FileHandle): Promise<Buffer | undefined> {
  const header = Buffer.alloc(HEADER_SIZE);
  const { bytesRead } = await file.read(header, 0, HEADER_SIZE, 0);
  return bytesRead === HEADER_SIZE ? header : undefined;
}

async function scan(
  file: FileHandle,
  header: Buffer,
  pageSize: number,
): Promise<WalFrames | undefined> {
  const magic = header.readUInt32BE(0);
  const checksum = new WalChecksum((magic & 1) === 1);
  checksum.add(header.subarray(0, 24));
  const isLog = (magic & ~1) === (MAGIC & ~1) && header.readUInt32BE(8) === pageSize;
  if (!isLog || !checksum.equals(header, 24)) return undefined;
  const salts = Buffer.from(header.subarray(SALTS_OFFSET, SALTS_OFFSET + 8));
  const frame = Buffer.alloc(FRAME_HEADER_SIZE + pageSize);
  const offsets = new Map<number, number>();
  let pending = new Map<number, number>();
  let pageCount: number | undefined;
  for (let offset = HEADER_SIZE; ; offset += frame.byteLength) {
    const { bytesRead } = await file.read(frame, 0, frame.byteLength, offset);
    if (bytesRead < frame.byteLength) break;
    if (!frame.subarray(FRAME_SALTS_OFFSET, FRAME_SALTS_OFFSET + 8).equals(salts)) break;
    checksum.add(frame.subarray(0, 8));
    checksum.add(frame.subarray(FRAME_HEADER_SIZE));
    if (!checksum.equals(frame, 16)) break;
    pending.set(frame.readUInt32BE(0), offset);
    const commit = frame.readUInt32BE(4);
    if (commit === 0) continue;
    for (const [pgno, at] of pending) offsets.set(pgno, at);
    pending = new Map();
    pageCount = commit;
  }
  return pageCount === undefined ? undefined : { pageCount, offsets, salts };
}

/** The running checksum of a log: over words in the byte order that its magic number tells. */
class WalChecksum {
  readonly #isBigEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(isBigEndian: boolean) {
    this.#isBigEndian = isBigEndian;
  }

  add(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isLittle = !this.#isBigEndian;
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < bytes.byteLength; at += 8) {
      first = (first + view.getUint32(at, isLittle) + second) >>> 0;
      second = (second + view.getUint32(at + 4, isLittle) + first) >>> 0;
    }
    this.#first = first;
    this.#second = second;
  }

  /** Whether it is what the two words there say. */
  equals(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#first && bytes.readUInt32BE(at + 4) === this.#second;
  }
}
