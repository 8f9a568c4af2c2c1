/**
 * The LZ4 frame format, as far as pages need it: one page in, one frame out, and back.
 *
 * Writers of the frame form (Litestream 0.5.0 to 0.5.15) always produce the same seven header
 * bytes, one block, an end mark and a content checksum. Reading takes any frame of independent
 * blocks that comes to the size expected; dictionaries and linked blocks are UNSUPPORTED.
 */
import { currentCodec } from "./codec.ts";
import { LtxError, type LtxErrorCode } from "./errors.ts";
import { LZ4_FRAME_BLOCKS_MAX, lz4BlockSizeMax } from "./limits.ts";
import { xxHash32 } from "./xxhash32.ts";

/** Magic; version 1, independent blocks, content checksum; blocks of up to 64 KiB; its check. */
const WRITTEN_HEADER = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7);

const MAGIC_SIZE = 4;
const BLOCK_HEADER_SIZE = 4;
const END_MARK_SIZE = 4;
const CHECKSUM_SIZE = 4;
const STORED_FLAG = 0x8000_0000;

/** Bits of the descriptor's first byte. */
const FLAG_VERSION_MASK = 0xc0;
const FLAG_VERSION = 0x40;
const FLAG_INDEPENDENT = 0x20;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_CONTENT_CHECKSUM = 0x04;
const FLAGS_UNSUPPORTED = 0x03;

interface Descriptor {
  readonly headerSize: number;
  readonly independent: boolean;
  readonly blockChecksum: boolean;
  readonly contentSize: number | undefined;
  readonly contentChecksum: boolean;
}

const WRITTEN_DESCRIPTOR: Descriptor = {
  headerSize: WRITTEN_HEADER.length,
  independent: true,
  blockChecksum: false,
  contentSize: undefined,
  contentChecksum: true,
};

/** The most bytes that `encodeLz4Frame` writes for `size` bytes of content. */
export function lz4FrameSizeMax(size: number): number {
  const around = WRITTEN_HEADER.length + BLOCK_HEADER_SIZE + END_MARK_SIZE + CHECKSUM_SIZE;
  return around + lz4BlockSizeMax(size);
}

/** The most bytes of a frame that is read: what its blocks may cost on top, and no more. */
export function lz4FrameSizeLimit(size: number): number {
  const perBlock = BLOCK_HEADER_SIZE + CHECKSUM_SIZE + lz4BlockSizeMax(0);
  return lz4FrameSizeMax(size) + 8 + LZ4_FRAME_BLOCKS_MAX * perBlock;
}

/** Writes the content as one frame to target[targetStart...] and gives back the frame's size. */
export function encodeLz4Frame(
  content: Uint8Array,
  target: Uint8Array,
  targetStart: number,
): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  target.set(WRITTEN_HEADER, targetStart);
  const blockAt = targetStart + WRITTEN_HEADER.length;
  const dataAt = blockAt + BLOCK_HEADER_SIZE;
  let size = currentCodec().compressBlock(content, 0, content.length, target, dataAt);
  if (size < content.length) {
    view.setUint32(blockAt, size, true);
  } else {
    size = content.length;
    target.set(content, dataAt);
    view.setUint32(blockAt, (size | STORED_FLAG) >>> 0, true);
  }
  const endAt = dataAt + size;
  view.setUint32(endAt, 0, true);
  view.setUint32(endAt + END_MARK_SIZE, xxHash32(content), true);
  return endAt + END_MARK_SIZE + CHECKSUM_SIZE - targetStart;
}

/**
 * The size of the frame that starts at `start`, or, if its end is not in sight in [start, end),
 * `~size` where `size` is how many bytes it takes to see further. `contentSize` is what the frame
 * should come to and bounds its blocks; `at` is where in the file bytes[0] lies.
 */
export function measureLz4Frame(
  bytes: Uint8Array,
  start: number,
  end: number,
  contentSize: number,
  at: number,
): number {
  const descriptorSize = measureDescriptor(bytes, start, end);
  if (descriptorSize < 0) return descriptorSize;
  const descriptor = readDescriptor(bytes, start, at);
  const frameEndMax = start + lz4FrameSizeLimit(contentSize);
  let position = start + descriptor.headerSize;
  for (let block = 0; block <= LZ4_FRAME_BLOCKS_MAX; block += 1) {
    if (end - position < BLOCK_HEADER_SIZE) return ~(position + BLOCK_HEADER_SIZE - start);
    const header = readU32(bytes, position);
    const size = header % STORED_FLAG;
    if (header === 0) {
      const tail = descriptor.contentChecksum ? CHECKSUM_SIZE : 0;
      const frameEnd = position + END_MARK_SIZE + tail;
      return frameEnd <= end ? frameEnd - start : ~(frameEnd - start);
    }
    if (size > frameEndMax - position) {
      const problem = `a block of ${size} bytes for ${contentSize} bytes of content`;
      throw fail("LIMIT_EXCEEDED", problem, at + position, "blockSize");
    }
    position += BLOCK_HEADER_SIZE + size + (descriptor.blockChecksum ? CHECKSUM_SIZE : 0);
  }
  throw fail("LIMIT_EXCEEDED", "too many blocks", at + position, "blockSize");
}

/**
 * Reads the frame that is exactly bytes [start, end) into target [targetStart, targetEnd), which it
 * must fill exactly. Every checksum that the frame carries is verified.
 */
export function decodeLz4Frame(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
  at: number,
): void {
  const contentSize = targetEnd - targetStart;
  const size = measureLz4Frame(bytes, start, end, contentSize, at);
  if (size < 0) {
    throw fail(
      "TRUNCATED",
      `an LZ4 frame ends ${~size + start - end} too early`,
      at + end,
      "frame",
    );
  }
  if (size !== end - start) {
    throw fail("PAGE_INVALID", "bytes after the LZ4 frame", at + start + size, "frame");
  }
  const descriptor = readDescriptor(bytes, start, at);
  let position = start + descriptor.headerSize;
  let out = targetStart;
  for (let block = 0; ; block += 1) {
    const header = readU32(bytes, position);
    if (header === 0) break;
    if (block > 0 && !descriptor.independent) {
      throw fail("UNSUPPORTED", "linked blocks", at + position, "blockSize");
    }
    const dataAt = position + BLOCK_HEADER_SIZE;
    const dataEnd = dataAt + (header % STORED_FLAG);
    out += decodeBlock(bytes, dataAt, dataEnd, header >= STORED_FLAG, target, out, targetEnd, at);
    position = dataEnd;
    if (descriptor.blockChecksum) {
      expectHash(bytes, dataAt, dataEnd, readU32(bytes, position), at + position, "blockChecksum");
      position += CHECKSUM_SIZE;
    }
  }
  const endsWrong = out !== targetEnd;
  if (endsWrong || (descriptor.contentSize ?? contentSize) !== contentSize) {
    const problem = `${out - targetStart} bytes of content instead of ${contentSize}`;
    throw fail("LZ4_INVALID", problem, at + position, "content");
  }
  if (descriptor.contentChecksum) {
    const checksumAt = position + END_MARK_SIZE;
    const expected = readU32(bytes, checksumAt);
    expectHash(target, targetStart, targetEnd, expected, at + checksumAt, "contentChecksum");
  }
}

function decodeBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  stored: boolean,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
  at: number,
): number {
  if (!stored) {
    const size = currentCodec().decompressBlock(bytes, start, end, target, targetStart, targetEnd);
    if (size < 0) throw fail("LZ4_INVALID", "malformed LZ4 block", at + start + ~size, "block");
    return size;
  }
  if (end - start > targetEnd - targetStart) {
    throw fail("LZ4_INVALID", "more content than a page", at + start, "block");
  }
  target.set(bytes.subarray(start, end), targetStart);
  return end - start;
}

/** The size of magic and descriptor, or `~size` where `size` is how many bytes show more. */
function measureDescriptor(bytes: Uint8Array, start: number, end: number): number {
  const known = MAGIC_SIZE + 1;
  if (end - start < known) return ~known;
  const flags = bytes[start + MAGIC_SIZE] as number;
  const size = WRITTEN_HEADER.length + ((flags & FLAG_CONTENT_SIZE) === 0 ? 0 : 8);
  return end - start < size ? ~size : size;
}

/** Reads magic and descriptor; the caller has measured them. */
function readDescriptor(bytes: Uint8Array, start: number, at: number): Descriptor {
  if (WRITTEN_HEADER.every((byte, index) => bytes[start + index] === byte)) {
    return WRITTEN_DESCRIPTOR;
  }
  if (WRITTEN_HEADER.subarray(0, MAGIC_SIZE).some((byte, index) => bytes[start + index] !== byte)) {
    throw fail("PAGE_INVALID", "not an LZ4 frame", at + start, "frameMagic");
  }
  const flagsAt = start + MAGIC_SIZE;
  const flags = bytes[flagsAt] as number;
  const blockSizes = bytes[flagsAt + 1] as number;
  const versionIsKnown = (flags & FLAG_VERSION_MASK) === FLAG_VERSION;
  if (!versionIsKnown || (flags & FLAGS_UNSUPPORTED) !== 0 || (blockSizes & 0x8f) !== 0) {
    throw fail("UNSUPPORTED", "an LZ4 frame of another kind", at + flagsAt, "frameFlags");
  }
  const hasContentSize = (flags & FLAG_CONTENT_SIZE) !== 0;
  const checkAt = flagsAt + 2 + (hasContentSize ? 8 : 0);
  if (((xxHash32(bytes, flagsAt, checkAt) >>> 8) & 0xff) !== bytes[checkAt]) {
    throw fail("CHECKSUM_MISMATCH", "the LZ4 frame header is damaged", at + checkAt, "frameCheck");
  }
  const low = hasContentSize ? readU32(bytes, flagsAt + 2) : 0;
  const high = hasContentSize ? readU32(bytes, flagsAt + 6) : 0;
  return {
    headerSize: checkAt + 1 - start,
    independent: (flags & FLAG_INDEPENDENT) !== 0,
    blockChecksum: (flags & FLAG_BLOCK_CHECKSUM) !== 0,
    contentSize: hasContentSize ? high * 2 ** 32 + low : undefined,
    contentChecksum: (flags & FLAG_CONTENT_CHECKSUM) !== 0,
  };
}

function expectHash(
  bytes: Uint8Array,
  start: number,
  end: number,
  expected: number,
  offset: number,
  field: string,
): void {
  if (xxHash32(bytes, start, end) === expected) return;
  throw fail("CHECKSUM_MISMATCH", "the LZ4 frame is damaged", offset, field);
}

function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

function fail(code: LtxErrorCode, problem: string, offset: number, field: string): LtxError {
  return new LtxError(code, problem, { offset, field });
}
