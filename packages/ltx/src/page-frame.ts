/**
 * Page frame: one page as it lies in a file, page header and compressed payload.
 *
 * Two encodings exist, told apart by a flag in each page header:
 *   - "block": a payload size, then a raw LZ4 block. What Litestream writes since 0.5.16.
 *   - "frame": an LZ4 frame without a size. What Litestream 0.5.0 to 0.5.15 wrote, and the only
 *     form that those versions read.
 *
 * Always true:
 *   - A decoded page has exactly the page size, and its frame was used up to the last byte.
 *   - Nothing is allocated for a length found in the bytes.
 */
import type { Crc64 } from "./checksum.ts";
import { currentCodec } from "./codec.ts";
import { LtxError } from "./errors.ts";
import { PAGE_FLAG_SIZE, PAGE_HEADER_SIZE, PAYLOAD_SIZE_SIZE } from "./layout.ts";
import { lz4BlockSizeMax } from "./limits.ts";
import {
  decodeLz4Frame,
  encodeLz4Frame,
  lz4FrameSizeLimit,
  lz4FrameSizeMax,
  measureLz4Frame,
} from "./lz4-frame.ts";
import { isPageSize, type PageSize, type Pgno } from "./pgno.ts";

export type PageEncoding = "block" | "frame";

export interface Page {
  readonly pgno: Pgno;
  readonly page: Uint8Array;
}

export interface EncodePageFrameOptions {
  /** "block" unless told otherwise. */
  readonly encoding?: PageEncoding | undefined;
}

export interface DecodePageFrameOptions {
  /** The page that the frame must hold, where the caller knows. */
  readonly pgno?: Pgno | undefined;
  /** Where in the file the frame starts, for errors. */
  readonly at?: number | undefined;
}

const BLOCK_HEADER_SIZE = PAGE_HEADER_SIZE + PAYLOAD_SIZE_SIZE;

/** The most bytes that a frame written here takes, in either encoding. */
export function pageFrameSizeMax(pageSize: number): number {
  return PAGE_HEADER_SIZE + lz4FrameSizeMax(pageSize);
}

/** The most bytes that a frame may take to be read, in either encoding. */
export function pageFrameSizeLimit(pageSize: number): number {
  return PAGE_HEADER_SIZE + lz4FrameSizeLimit(pageSize);
}

/** The frame of one page, as bytes of its own. */
export function encodePageFrame(
  pgno: Pgno,
  page: Uint8Array,
  options: EncodePageFrameOptions = {},
): Uint8Array {
  if (!isPageSize(page.length)) throw new RangeError(`${page.length} bytes are not a page`);
  const bytes = new Uint8Array(pageFrameSizeMax(page.length));
  return bytes.slice(0, encodePageFrameInto(pgno, page, options.encoding ?? "block", bytes, 0));
}

/** Writes a frame to target[start...], which has room for `pageFrameSizeMax`; gives its size. */
export function encodePageFrameInto(
  pgno: Pgno,
  page: Uint8Array,
  encoding: PageEncoding,
  target: Uint8Array,
  start: number,
): number {
  writeU32(target, start, pgno);
  target[start + 4] = 0;
  if (encoding === "frame") {
    target[start + 5] = 0;
    return PAGE_HEADER_SIZE + encodeLz4Frame(page, target, start + PAGE_HEADER_SIZE);
  }
  target[start + 5] = PAGE_FLAG_SIZE;
  const payloadAt = start + BLOCK_HEADER_SIZE;
  const size = currentCodec().compressBlock(page, 0, page.length, target, payloadAt);
  writeU32(target, start + PAGE_HEADER_SIZE, size);
  return BLOCK_HEADER_SIZE + size;
}

/** Decodes bytes that are exactly one frame, such as the byte range that an index entry gives. */
export function decodePageFrame(
  bytes: Uint8Array,
  pageSize: PageSize,
  options: DecodePageFrameOptions = {},
): Page {
  const page = new Uint8Array(pageSize);
  return { pgno: decodePageFrameInto(bytes, page, options), page };
}

/** The same into `page`, whose length is the page size. On failure its content is undefined. */
export function decodePageFrameInto(
  bytes: Uint8Array,
  page: Uint8Array,
  options: DecodePageFrameOptions = {},
): Pgno {
  if (!isPageSize(page.length)) throw new RangeError(`${page.length} bytes are not a page`);
  const at = options.at ?? 0;
  const size = measurePageFrame(bytes, 0, bytes.length, page.length, at);
  if (size < 0) {
    throw new LtxError("TRUNCATED", `the page ends ${~size - bytes.length} bytes too early`, {
      offset: at + bytes.length,
      field: "page",
    });
  }
  if (size !== bytes.length) {
    const offset = at + size;
    throw new LtxError("PAGE_INVALID", "bytes after the page", { offset, field: "page" });
  }
  const pgno = readPgno(bytes, 0);
  if (options.pgno !== undefined && options.pgno !== pgno) {
    const problem = `page ${pgno} where page ${options.pgno} should be`;
    throw new LtxError("PAGE_INVALID", problem, { offset: at, field: "pgno" });
  }
  decodePayload(bytes, 0, bytes.length, page, at);
  return pgno;
}

/** The page number that a page header starts with; zero at the end of the pages. */
export function readPgno(bytes: Uint8Array, start: number): Pgno {
  return readU32(bytes, start) as Pgno;
}

/** Which encoding the frame at `start` has. */
export function readEncoding(bytes: Uint8Array, start: number): PageEncoding {
  return bytes[start + 5] === PAGE_FLAG_SIZE ? "block" : "frame";
}

/** How many bytes of a frame the file checksum takes as they are; the page follows, decoded. */
export function hashedHeaderSize(encoding: PageEncoding): number {
  return encoding === "block" ? BLOCK_HEADER_SIZE : PAGE_HEADER_SIZE;
}

/**
 * Takes a frame into the CRC of its file: its header as it is, and its page decoded. Gives how many
 * bytes that were.
 */
export function hashPageFrame(crc: Crc64, frame: Uint8Array, page: Uint8Array): number {
  const headerSize = hashedHeaderSize(readEncoding(frame, 0));
  crc.update(frame, 0, headerSize).update(page);
  return headerSize + page.length;
}

/**
 * The size of the frame that starts at `start`, or, if its end is not in sight in [start, end),
 * `~size` where `size` is how many bytes it takes to see further. Not for the end of the pages.
 */
export function measurePageFrame(
  bytes: Uint8Array,
  start: number,
  end: number,
  pageSize: number,
  at: number,
): number {
  if (end - start < PAGE_HEADER_SIZE) return ~PAGE_HEADER_SIZE;
  const flags = ((bytes[start + 4] as number) << 8) | (bytes[start + 5] as number);
  if ((flags & ~PAGE_FLAG_SIZE) !== 0) {
    throw new LtxError("UNSUPPORTED", `unknown page flags 0x${flags.toString(16)}`, {
      offset: at + start + 4,
      field: "flags",
    });
  }
  if (readPgno(bytes, start) === 0) {
    const offset = at + start;
    throw new LtxError("PAGE_INVALID", "a page without a number", { offset, field: "pgno" });
  }
  if (flags === 0) {
    const size = measureLz4Frame(bytes, start + PAGE_HEADER_SIZE, end, pageSize, at);
    return size < 0 ? ~(PAGE_HEADER_SIZE + ~size) : PAGE_HEADER_SIZE + size;
  }
  if (end - start < BLOCK_HEADER_SIZE) return ~BLOCK_HEADER_SIZE;
  const payloadSize = readU32(bytes, start + PAGE_HEADER_SIZE);
  if (payloadSize === 0 || payloadSize > lz4BlockSizeMax(pageSize)) {
    const problem = `a payload of ${payloadSize} bytes for a page of ${pageSize}`;
    const offset = at + start + PAGE_HEADER_SIZE;
    throw new LtxError("LIMIT_EXCEEDED", problem, { offset, field: "payloadSize" });
  }
  const size = BLOCK_HEADER_SIZE + payloadSize;
  return end - start < size ? ~size : size;
}

/** Decompresses the frame that is exactly bytes [start, end), as measured, filling the page. */
export function decodePayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  page: Uint8Array,
  at: number,
): void {
  if (readEncoding(bytes, start) === "frame") {
    decodeLz4Frame(bytes, start + PAGE_HEADER_SIZE, end, page, 0, page.length, at);
    return;
  }
  const payloadAt = start + BLOCK_HEADER_SIZE;
  const size = currentCodec().decompressBlock(bytes, payloadAt, end, page, 0, page.length);
  if (size === page.length) return;
  const problem =
    size < 0 ? "malformed LZ4 block" : `${size} bytes of content instead of ${page.length}`;
  const offset = at + payloadAt + (size < 0 ? ~size : 0);
  throw new LtxError("LZ4_INVALID", problem, { offset, field: "payload" });
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
  return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
