/**
 * PageIndex: where each page of one file lies, from the end of that file.
 *
 * Always true of a decoded index:
 *   - Pages ascend, and so do their byte ranges, which do not overlap.
 *   - Every range lies between the header and the index, and is no longer than a frame can be.
 *
 * It is three typed arrays, 16 bytes a page, because a database has millions of pages.
 */
import { ByteWriter } from "./byte-writer.ts";
import { LtxError } from "./errors.ts";
import {
  HEADER_SIZE,
  INDEX_FOOTER_LAYOUT,
  INDEX_FOOTER_SIZE,
  PAGE_HEADER_SIZE,
  readFields,
  TAIL_SIZE,
} from "./layout.ts";
import { FILE_SIZE_MAX, INDEX_SIZE_MAX, PAGE_SIZE_MAX, PGNO_MAX } from "./limits.ts";
import { pageFrameSizeLimit } from "./page-frame.ts";
import type { Pgno } from "./pgno.ts";
import { decodeTrailer, type Trailer } from "./trailer.ts";
import { UvarintReader } from "./uvarint-reader.ts";

export interface PageIndexEntry {
  readonly pgno: Pgno;
  /** Bytes from the start of the file to the page header. */
  readonly offset: number;
  /** Bytes of page header, payload size (if any) and payload. */
  readonly size: number;
}

/** Bytes [offset, offset + length) of a file. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** Where each page of one file lies. */
export class PageIndex {
  readonly count: number;
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;

  /** The arrays have one length, and the pages ascend. */
  constructor(pgnos: Uint32Array, offsets: Float64Array, sizes: Uint32Array) {
    if (offsets.length !== pgnos.length || sizes.length !== pgnos.length) {
      throw new RangeError("the arrays of a page index differ in length");
    }
    this.count = pgnos.length;
    this.pgnos = pgnos;
    this.offsets = offsets;
    this.sizes = sizes;
  }

  /** The place of a page in the arrays, or -1. */
  indexOf(pgno: Pgno): number {
    const { pgnos } = this;
    // In a snapshot each page is at its number less one, but for those after the lock page.
    if (pgnos[pgno - 1] === pgno) return pgno - 1;
    let low = 0;
    let high = pgnos.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = pgnos[middle] as number;
      if (found === pgno) return middle;
      if (found < pgno) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  find(pgno: Pgno): PageIndexEntry | undefined {
    const index = this.indexOf(pgno);
    return index < 0 ? undefined : this.at(index);
  }

  /** The entry at a place of the arrays. */
  at(index: number): PageIndexEntry {
    const pgno = this.pgnos[index];
    if (pgno === undefined) throw new RangeError(`no entry ${index} in ${this.count}`);
    return {
      pgno: pgno as Pgno,
      offset: this.offsets[index] as number,
      size: this.sizes[index] as number,
    };
  }

  *[Symbol.iterator](): IterableIterator<PageIndexEntry> {
    for (let index = 0; index < this.count; index += 1) yield this.at(index);
  }
}

export interface DecodePageIndexOptions {
  /** Where in the file the index starts; the pages, and six zero bytes, end there. */
  readonly at: number;
  /** Bounds a page's size better than the largest page size there is. */
  readonly pageSize?: number | undefined;
}

/** Decodes the bytes of an index, from its first entry to its final zero, without the size. */
export function decodePageIndex(bytes: Uint8Array, options: DecodePageIndexOptions): PageIndex {
  if (bytes.length > INDEX_SIZE_MAX) {
    throw invalid("LIMIT_EXCEEDED", `an index of ${bytes.length} bytes`, options.at, "indexSize");
  }
  const count = countEntries(bytes, options.at);
  const sizeMax = pageFrameSizeLimit(options.pageSize ?? PAGE_SIZE_MAX);
  const pagesEnd = options.at - PAGE_HEADER_SIZE;
  const pgnos = new Uint32Array(count);
  const offsets = new Float64Array(count);
  const sizes = new Uint32Array(count);
  const reader = new UvarintReader(bytes, options.at);
  let pgnoBefore = 0;
  let endBefore = HEADER_SIZE;
  for (let index = 0; index < count; index += 1) {
    const start = reader.offset;
    const pgno = reader.next("pgno");
    const offset = reader.next("offset");
    const size = reader.next("size");
    if (pgno <= pgnoBefore || pgno > PGNO_MAX) {
      throw invalid("INDEX_INVALID", `page ${pgno} after page ${pgnoBefore}`, start, "pgno");
    }
    if (offset < endBefore) {
      const problem = `page ${pgno} at ${offset}, before the end of the last at ${endBefore}`;
      throw invalid("INDEX_INVALID", problem, start, "offset");
    }
    if (size <= PAGE_HEADER_SIZE || size > sizeMax || size > pagesEnd - offset) {
      const problem = `page ${pgno} of ${size} bytes at ${offset}`;
      throw invalid("INDEX_INVALID", problem, start, "size");
    }
    pgnos[index] = pgno;
    offsets[index] = offset;
    sizes[index] = size;
    pgnoBefore = pgno;
    endBefore = offset + size;
  }
  return new PageIndex(pgnos, offsets, sizes);
}

/** The bytes of an index, from its first entry to its final zero, without the size. */
export function encodePageIndex(entries: PageIndex | Iterable<PageIndexEntry>): Uint8Array {
  const writer = new ByteWriter();
  let pgnoBefore = 0;
  const write = (pgno: number, offset: number, size: number): void => {
    if (pgno <= pgnoBefore) {
      throw new RangeError(`page ${pgno} after page ${pgnoBefore} in an index`);
    }
    pgnoBefore = pgno;
    writeIndexEntry(writer, pgno, offset, size);
  };
  if (entries instanceof PageIndex) {
    const { count, pgnos, offsets, sizes } = entries;
    for (let at = 0; at < count; at += 1) {
      write(pgnos[at] as number, offsets[at] as number, sizes[at] as number);
    }
  } else {
    for (const { pgno, offset, size } of entries) write(pgno, offset, size);
  }
  writer.uvarint(0);
  return writer.take();
}

export function writeIndexEntry(
  writer: ByteWriter,
  pgno: number,
  offset: number,
  size: number,
): void {
  writer.uvarint(pgno);
  writer.uvarint(offset);
  writer.uvarint(size);
}

/** What the end of a file shows: its index, or which bytes are missing to show it. */
export type IndexFromTail =
  | { readonly index: PageIndex; readonly trailer: Trailer; readonly needed?: undefined }
  | { readonly index?: undefined; readonly trailer?: undefined; readonly needed: FileRange };

/**
 * Reads the index out of `tail`, the last bytes of a file of `fileSize` bytes. If the index starts
 * before the tail, the answer is the range that is needed in front of it: fetch that range, put it
 * before the tail, and call again. The file checksum is not verified: that takes all the pages.
 */
export function readIndexFromTail(
  tail: Uint8Array,
  fileSize: number,
  options: { readonly pageSize?: number | undefined } = {},
): IndexFromTail {
  if (tail.length > fileSize) throw new RangeError("the tail is larger than the file");
  if (!Number.isSafeInteger(fileSize)) throw new RangeError(`file size ${fileSize}`);
  const headSize = HEADER_SIZE + PAGE_HEADER_SIZE;
  if (fileSize < headSize + 1 + TAIL_SIZE) {
    throw invalid("TRUNCATED", `an LTX file of ${fileSize} bytes`, fileSize, "file");
  }
  const tailAt = fileSize - tail.length;
  if (tail.length < TAIL_SIZE) {
    return { needed: { offset: fileSize - TAIL_SIZE, length: TAIL_SIZE - tail.length } };
  }
  const footerAt = fileSize - TAIL_SIZE;
  const size = readIndexSize(tail, tail.length - TAIL_SIZE, footerAt, footerAt - headSize);
  const indexAt = footerAt - size;
  if (indexAt < tailAt) return { needed: { offset: indexAt, length: tailAt - indexAt } };
  const indexBytes = tail.subarray(indexAt - tailAt, footerAt - tailAt);
  const trailerAt = footerAt + INDEX_FOOTER_SIZE;
  return {
    index: decodePageIndex(indexBytes, { at: indexAt, pageSize: options.pageSize }),
    trailer: decodeTrailer(tail.subarray(trailerAt - tailAt), { at: trailerAt }),
  };
}

/** The eight bytes that give the index's size, checked against what is there and the maximum. */
export function readIndexSize(
  bytes: Uint8Array,
  start: number,
  at: number,
  available: number,
): number {
  const { indexSize } = readFields(INDEX_FOOTER_LAYOUT, bytes, start);
  if (indexSize > BigInt(Math.min(INDEX_SIZE_MAX, FILE_SIZE_MAX))) {
    throw invalid("LIMIT_EXCEEDED", `an index of ${indexSize} bytes`, at, "indexSize");
  }
  const size = Number(indexSize);
  if (size === 0 || size > available) {
    throw invalid("INDEX_INVALID", `an index of ${size} bytes in ${available}`, at, "indexSize");
  }
  return size;
}

/** Counts entries by the bytes that end a number, so that arrays are made once and no larger. */
function countEntries(bytes: Uint8Array, at: number): number {
  if (bytes.length === 0 || bytes[bytes.length - 1] !== 0) {
    const field = "terminator";
    throw invalid("INDEX_INVALID", "the index does not end in a zero", at + bytes.length, field);
  }
  const last = bytes.length - 1;
  let numbers = last;
  for (let index = 0; index < last; index += 1) numbers -= (bytes[index] as number) >>> 7;
  if (numbers % 3 !== 0 || (last > 0 && (bytes[last - 1] as number) >= 0x80)) {
    throw invalid("INDEX_INVALID", "the index ends inside an entry", at + last, "terminator");
  }
  return numbers / 3;
}

function invalid(
  code: "INDEX_INVALID" | "LIMIT_EXCEEDED" | "TRUNCATED",
  problem: string,
  offset: number,
  field: string,
): LtxError {
  return new LtxError(code, problem, { offset, field });
}
