/**
 * The page map: for each page, the LTX file and byte range that hold its newest copy.
 *
 * Always true:
 *   - A page map belongs to one txid and never changes. New files make a new one, which shares
 *     every chunk of 512 pages that they did not touch.
 *   - Page numbers above `pageCount` are absent, even if an older file has them, and stay absent
 *     when the database grows again without writing them.
 *   - A file never replaces what a file with a later last transaction has brought.
 *   - Maps of different file tables share nothing: all pages of one differ from those of another.
 *
 * Twelve bytes a page: ordinal + 1 (0: absent); offset, low 32 bits; size (17 bits) and offset,
 * high 15 bits. It does not fetch pages and does not choose files (restore-plan.ts).
 */

import type { FileTable } from "./file-table.ts";
import type { LtxFile } from "./ltx-file.ts";

export interface PageLocation {
  readonly file: LtxFile;
  /** Bytes from the start of the file to the frame of the page. */
  readonly offset: number;
  /** Bytes of the frame. */
  readonly size: number;
}

/** Where the pages of one file lie: `PageIndex` of @headwater/ltx is one. */
export interface PageRanges {
  readonly count: number;
  readonly pgnos: Uint32Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

const CHUNK_PAGES = 512;
const ENTRY_WORDS = 3;
const OFFSET_HIGH_BITS = 15;
const OFFSET_MAX = 2 ** (32 + OFFSET_HIGH_BITS) - 1;
const SIZE_MAX = 2 ** (32 - OFFSET_HIGH_BITS) - 1;

type Chunk = Uint32Array;

/** Of chunks that were moved, the new one by the old one. */
export type MovedChunks = Map<Chunk, Chunk>;

type PageMapParts = Pick<PageMap, "files" | "txid" | "pageCount" | "chunks" | "lastFile">;

export class PageMap {
  readonly files: FileTable;
  readonly txid: bigint;
  readonly pageCount: number;
  readonly chunks: readonly (Chunk | undefined)[];
  /** The file that has brought the last transaction; undefined before the first. */
  readonly lastFile: LtxFile | undefined;

  private constructor({ files, txid, pageCount, chunks, lastFile }: PageMapParts) {
    this.files = files;
    this.txid = txid;
    this.pageCount = pageCount;
    this.chunks = chunks;
    this.lastFile = lastFile;
  }

  static empty(files: FileTable): PageMap {
    return new PageMap({ files, txid: 0n, pageCount: 0, chunks: [], lastFile: undefined });
  }

  /** For `PageMapBuilder` only. */
  static from(parts: PageMapParts): PageMap {
    return new PageMap(parts);
  }

  find(pgno: number): PageLocation | undefined {
    const chunk = this.chunks[chunkOf(pgno)];
    if (chunk === undefined) return undefined;
    const at = entryOf(pgno);
    const ordinal = chunk[at]!;
    if (ordinal === 0) return undefined;
    return {
      file: this.files.get(ordinal - 1),
      offset: offsetAt(chunk, at),
      size: chunk[at + 2]! >>> OFFSET_HIGH_BITS,
    };
  }

  has(pgno: number): boolean {
    return (this.chunks[chunkOf(pgno)]?.[entryOf(pgno)] ?? 0) !== 0;
  }

  /** Whether both maps have the page at the same place, or both have it nowhere. */
  isSameAt(pgno: number, other: PageMap): boolean {
    if (this.files !== other.files) return !this.has(pgno) && !other.has(pgno);
    const a = this.chunks[chunkOf(pgno)];
    const b = other.chunks[chunkOf(pgno)];
    if (a === b) return true;
    const at = entryOf(pgno);
    const ordinal = a?.[at] ?? 0;
    if (ordinal !== (b?.[at] ?? 0)) return false;
    if (ordinal === 0) return true;
    return a![at + 1] === b![at + 1] && a![at + 2] === b![at + 2];
  }

  /** The pages of this map that `base` has elsewhere or not at all, ascending. */
  changedSince(base: PageMap): Uint32Array {
    const pgnos: number[] = [];
    for (const [index, chunk] of this.chunks.entries()) {
      const before = base.files === this.files ? base.chunks[index] : undefined;
      if (chunk === undefined || chunk === before) continue;
      for (let at = 0; at < chunk.length; at += ENTRY_WORDS) {
        if (chunk[at] === 0) continue;
        const isSame =
          before !== undefined &&
          chunk[at] === before[at] &&
          chunk[at + 1] === before[at + 1] &&
          chunk[at + 2] === before[at + 2];
        if (!isSame) pgnos.push(index * CHUNK_PAGES + at / ENTRY_WORDS + 1);
      }
    }
    return Uint32Array.from(pgnos);
  }

  /**
   * The same map, but pages in files of these ordinals are where `heir` has them, if it does; only
   * those that `like` has at the same place, if it is given. Right only if the heir's copies are
   * the same. Maps that share a chunk still do when both are moved with one `done`, which has the
   * new chunk of each old one.
   */
  moved(
    going: ReadonlySet<number>,
    heir: LtxFile,
    ranges: PageRanges,
    done: MovedChunks,
    like?: PageMap,
  ): PageMap {
    const ordinal = this.files.add(heir);
    const chunks = [...this.chunks];
    for (let start = 0, end = 0; start < ranges.count; start = end) {
      const here = chunkOf(ranges.pgnos[start]!);
      while (end < ranges.count && chunkOf(ranges.pgnos[end]!) === here) end += 1;
      const chunk = chunks[here];
      if (chunk === undefined) continue;
      const known = done.get(chunk);
      const mayMove = (pgno: number) =>
        going.has(chunk[entryOf(pgno)]! - 1) && (like?.isSameAt(pgno, this) ?? true);
      const moved = known ?? moveEntries(chunk, mayMove, ordinal, ranges, start, end);
      if (known === undefined) done.set(chunk, moved);
      chunks[here] = moved;
    }
    const { files, txid, pageCount, lastFile } = this;
    return new PageMap({ files, txid, pageCount, chunks, lastFile });
  }

  /** Adds the ordinals of all files that the map points into; `seen` saves looking twice. */
  collectOrdinals(into: Set<number>, seen = new Set<Chunk>()): void {
    for (const chunk of this.chunks) {
      if (chunk === undefined || seen.has(chunk)) continue;
      seen.add(chunk);
      let last = 0;
      for (let at = 0; at < chunk.length; at += ENTRY_WORDS) {
        const ordinal = chunk[at]!;
        if (ordinal === last || ordinal === 0) continue;
        into.add(ordinal - 1);
        last = ordinal;
      }
    }
  }
}

type Chunks = (Chunk | undefined)[];

/** Applies files to a page map, oldest first. */
export class PageMapBuilder {
  readonly #files: FileTable;
  readonly #chunks: Chunks;
  /** Chunks that no other map shares. */
  readonly #own = new Set<number>();
  #txid: bigint;
  #pageCount: number;
  #pageCountMin: number;
  #lastFile: LtxFile | undefined;

  constructor(base: PageMap) {
    this.#files = base.files;
    this.#chunks = [...base.chunks];
    this.#txid = base.txid;
    this.#pageCount = base.pageCount;
    this.#pageCountMin = base.pageCount;
    this.#lastFile = base.lastFile;
  }

  get txid(): bigint {
    return this.#txid;
  }

  /** Applies one file. False, and nothing happens, when it brings nothing that is not here. */
  apply(file: LtxFile, pageCount: number, ranges: PageRanges): boolean {
    if (file.maxTxid <= this.#txid) return false;
    if (pageCount < this.#pageCount) this.#dropAbove(pageCount);
    const ordinal = this.#files.add(file);
    for (let index = 0; index < ranges.count; index += 1) {
      const pgno = ranges.pgnos[index]!;
      if (pgno > pageCount) continue;
      this.#set(pgno, ordinal, ranges.offsets[index]!, ranges.sizes[index]!);
    }
    this.#txid = file.maxTxid;
    this.#lastFile = file;
    this.#pageCount = pageCount;
    this.#pageCountMin = Math.min(this.#pageCountMin, pageCount);
    return true;
  }

  /** The new map. The builder must not be used afterwards. */
  build(): PageMap {
    return PageMap.from({
      files: this.#files,
      txid: this.#txid,
      pageCount: this.#pageCount,
      chunks: this.#chunks,
      lastFile: this.#lastFile,
    });
  }

  /** The smallest size that the database had from the base to the new map. */
  get pageCountMin(): number {
    return this.#pageCountMin;
  }

  #set(pgno: number, ordinal: number, offset: number, size: number): void {
    writeEntry(this.#ownChunk(chunkOf(pgno)), pgno, ordinal, offset, size);
  }

  #dropAbove(pageCount: number): void {
    const keep = pageCount === 0 ? 0 : chunkOf(pageCount) + 1;
    this.#chunks.length = Math.min(this.#chunks.length, keep);
    for (const index of this.#own) if (index >= keep) this.#own.delete(index);
    const last = keep - 1;
    if (this.#chunks[last] === undefined || pageCount === keep * CHUNK_PAGES) return;
    this.#ownChunk(last).fill(0, entryOf(pageCount) + ENTRY_WORDS);
  }

  #ownChunk(index: number): Chunk {
    const present = this.#chunks[index];
    if (present !== undefined && this.#own.has(index)) return present;
    const own = present?.slice() ?? new Uint32Array(CHUNK_PAGES * ENTRY_WORDS);
    while (this.#chunks.length < index) this.#chunks.push(undefined);
    this.#chunks[index] = own;
    this.#own.add(index);
    return own;
  }
}

function chunkOf(pgno: number): number {
  return Math.floor((pgno - 1) / CHUNK_PAGES);
}

/** The first word of a page's entry in its chunk. */
function entryOf(pgno: number): number {
  return ((pgno - 1) % CHUNK_PAGES) * ENTRY_WORDS;
}

function writeEntry(
  chunk: Chunk,
  pgno: number,
  ordinal: number,
  offset: number,
  size: number,
): void {
  if (offset > OFFSET_MAX || size > SIZE_MAX) {
    throw new RangeError(`page ${pgno}: ${size} bytes at ${offset} are beyond a page map`);
  }
  const at = entryOf(pgno);
  chunk[at] = ordinal + 1;
  chunk[at + 1] = offset % 2 ** 32;
  chunk[at + 2] = size * 2 ** OFFSET_HIGH_BITS + Math.floor(offset / 2 ** 32);
}

/** A copy with the entries from `start` to `end` moved; the chunk itself if none has to be. */
function moveEntries(
  chunk: Chunk,
  mayMove: (pgno: number) => boolean,
  ordinal: number,
  { pgnos, offsets, sizes }: PageRanges,
  start: number,
  end: number,
): Chunk {
  let moved = chunk;
  for (let index = start; index < end; index += 1) {
    const pgno = pgnos[index]!;
    if (!mayMove(pgno)) continue;
    if (moved === chunk) moved = chunk.slice();
    writeEntry(moved, pgno, ordinal, offsets[index]!, sizes[index]!);
  }
  return moved;
}

function offsetAt(chunk: Chunk, at: number): number {
  return (chunk[at + 2]! & (2 ** OFFSET_HIGH_BITS - 1)) * 2 ** 32 + chunk[at + 1]!;
}
