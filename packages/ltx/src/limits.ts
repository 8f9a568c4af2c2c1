/**
 * Every number that bounds what this package reads, writes or holds, with its reason.
 *
 * A length that comes out of bytes is compared with what is left of the input and with one of
 * these before anything is allocated for it.
 */

/** SQLite's own bounds for a page, in bytes. The size is a power of two. */
export const PAGE_SIZE_MIN = 512;
export const PAGE_SIZE_MAX = 65_536;

/** Page numbers and the page count are unsigned 32-bit fields of the format. */
export const PGNO_MAX = 0xffff_ffff;

/** Transaction numbers are unsigned 64-bit fields of the format. */
export const TXID_MAX = 0xffff_ffff_ffff_ffffn;

/** Byte 2^30 of a database holds SQLite's lock bytes; the page around it is never stored. */
export const LOCK_BYTE_OFFSET = 0x4000_0000;

/** Offsets are plain numbers, exact up to here. A larger file is refused, not misread. */
export const FILE_SIZE_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Bytes of one page index. A page takes 8 to 11 bytes of index, so this is about 100 million
 * pages (400 GB of 4 KiB pages) in one file; decoding one needs up to six times its bytes.
 */
export const INDEX_SIZE_MAX = 1 << 30;

/** Blocks of one LZ4 frame. Writers use one; empty ones would let a frame go on for ever. */
export const LZ4_FRAME_BLOCKS_MAX = 64;

/** An unsigned varint that still fits a plain number takes at most this many bytes. */
export const UVARINT_SIZE_MAX = 8;

/** Bytes that a streaming encoder gathers before it hands them out. */
export const CHUNK_SIZE = 256 * 1024;

/** Bytes of pages that a merge decodes between two pauses: a few milliseconds of work. */
export const MERGE_BATCH_SIZE = 1 << 20;

/**
 * Pages that a merge makes up as zeros, because a file of the chain let the database grow without
 * holding the new pages. Without a bound, a file of 131 bytes could ask for terabytes of output.
 */
export const ZERO_FILL_PAGES_MAX = 1 << 20;

/** The most bytes an LZ4 block of `size` input bytes can take (LZ4's own bound). */
export function lz4BlockSizeMax(size: number): number {
  return size + Math.floor(size / 255) + 16;
}
