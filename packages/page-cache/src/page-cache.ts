/**
 * Pages in a fixed number of frames of one memory, which other threads read while this one writes.
 *
 * Always true:
 *   - A frame holds one page as it is for every pin p with fromSeq <= p < toSeq. Several versions
 *     of one page may be held at once; their ranges do not overlap.
 *   - Only one thread writes. Readers walk a bucket, copy, and then check that the version of the
 *     frame is even and did not change; so every change of a frame happens while it is odd.
 *   - What is evicted is only forgotten: every page can be fetched again.
 *
 * It does not load pages and knows nothing of where they come from.
 */

import {
  bucketOf,
  type CacheLayout,
  FRAME_WORD,
  FRAME_WORDS,
  HEADER_WORD,
  LAYOUT_VERSION,
  layOut,
  MAGIC,
} from "./layout.ts";
import { PROTECTED_SHARE } from "./limits.ts";
import { Sieve } from "./sieve.ts";

export interface PageCacheOptions {
  readonly pageSize: number;
  readonly frameCount: number;
}

export interface PageCacheStats {
  readonly frameCount: number;
  readonly pageSize: number;
  /** Frames that hold a page. */
  readonly usedCount: number;
  /** Of these, versions that a newer one has followed. */
  readonly closedCount: number;
  readonly insertCount: number;
  readonly evictCount: number;
  /** Of `get` only: readers in other threads count their own. */
  readonly hitCount: number;
  readonly missCount: number;
}

const WORD_RANGE = 2 ** 32;
const ALL_ONES = 0xffff_ffff;
const OPEN_END = ALL_ONES * WORD_RANGE + ALL_ONES;

export class PageCache {
  readonly pageSize: number;
  readonly frameCount: number;
  readonly #layout: CacheLayout;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #sieve: Sieve;
  /** Free frames; a stack. */
  readonly #free: Int32Array;
  #freeCount: number;
  /** Frames whose range has an end. */
  readonly #closed = new Set<number>();
  #insertCount = 0;
  #evictCount = 0;
  #hitCount = 0;
  #missCount = 0;

  /** Formats the memory, which must be zeroed and of at least `byteLengthFor(...)` bytes. */
  constructor(memory: ArrayBufferLike, { pageSize, frameCount }: PageCacheOptions) {
    const layout = layOut(frameCount, pageSize);
    if (memory.byteLength < layout.byteLength) {
      throw new RangeError(`memory has ${memory.byteLength} bytes, not ${layout.byteLength}`);
    }
    this.pageSize = pageSize;
    this.frameCount = frameCount;
    this.#layout = layout;
    this.#words = new Int32Array(memory, 0, layout.pagesOffset / 4);
    this.#bytes = new Uint8Array(memory, 0, layout.byteLength);
    const protectedCount = Math.floor(frameCount / PROTECTED_SHARE);
    this.#sieve = new Sieve(frameCount, (frame) => this.#takeVisited(frame), protectedCount);
    this.#free = Int32Array.from({ length: frameCount }, (_, index) => frameCount - 1 - index);
    this.#freeCount = frameCount;
    this.#format();
  }

  get stats(): PageCacheStats {
    return {
      frameCount: this.frameCount,
      pageSize: this.pageSize,
      usedCount: this.frameCount - this.#freeCount,
      closedCount: this.#closed.size,
      insertCount: this.#insertCount,
      evictCount: this.#evictCount,
      hitCount: this.#hitCount,
      missCount: this.#missCount,
    };
  }

  /** Whether a page can enter without another leaving. */
  get hasRoom(): boolean {
    return this.#freeCount > 0;
  }

  /** The page as of `seq`: a view that is right until the next change of the cache. */
  get(pgno: number, seq: number): Uint8Array | undefined {
    const frame = this.#find(pgno, seq);
    if (frame === undefined) {
      this.#missCount += 1;
      return undefined;
    }
    this.#hitCount += 1;
    Atomics.store(this.#words, this.#word(frame, FRAME_WORD.visited), 1);
    return this.#page(frame);
  }

  /** As `get`, but it is no use of the page: nothing is counted and eviction sees nothing. */
  peek(pgno: number, seq: number): Uint8Array | undefined {
    const frame = this.#find(pgno, seq);
    return frame === undefined ? undefined : this.#page(frame);
  }

  /** Whether a reader has used the page since it came or since eviction last looked at it. */
  wasUsed(pgno: number, seq: number): boolean {
    const frame = this.#find(pgno, seq);
    if (frame === undefined) return false;
    return Atomics.load(this.#words, this.#word(frame, FRAME_WORD.visited)) !== 0;
  }

  /** Takes back that the page was used: a scan that has passed it says nothing of its future. */
  forgetUse(pgno: number, seq: number): void {
    const frame = this.#find(pgno, seq);
    if (frame !== undefined) Atomics.store(this.#words, this.#word(frame, FRAME_WORD.visited), 0);
  }

  /**
   * Takes a copy of the page, right for pins from `fromSeq` up to but not including `toSeq`. It
   * enters as not yet used. A version that is here already keeps its frame, over both ranges.
   */
  insert(pgno: number, fromSeq: number, toSeq: number | undefined, page: Uint8Array): void {
    if (page.byteLength !== this.pageSize) {
      throw new RangeError(`page has ${page.byteLength} bytes, not ${this.pageSize}`);
    }
    const end = toSeq ?? OPEN_END;
    if (fromSeq >= end) return;
    if (this.#widen(pgno, fromSeq, end)) return;
    const frame = this.#takeFrame();
    this.#begin(frame);
    this.#bytes.set(page, this.#pageOffset(frame));
    this.#setWord(frame, FRAME_WORD.pgno, pgno);
    this.#setRange(frame, fromSeq, end);
    this.#setWord(frame, FRAME_WORD.visited, 0);
    const bucket = this.#bucketWord(pgno);
    this.#setWord(frame, FRAME_WORD.next, Atomics.load(this.#words, bucket));
    this.#commit(frame);
    Atomics.store(this.#words, bucket, frame + 1);
    this.#sieve.insert(frame);
    this.#insertCount += 1;
  }

  /** The newest version of the page ends at `seq`. Tells whether it was here. */
  close(pgno: number, seq: number): boolean {
    const frame = this.#find(pgno, undefined);
    if (frame === undefined) return false;
    this.#closeFrame(frame, seq);
    return true;
  }

  /** The newest version of every page above `pgno` ends at `seq`. */
  closeAbove(pgno: number, seq: number): void {
    for (let frame = 0; frame < this.frameCount; frame += 1) {
      if (this.#pgnoOf(frame) <= pgno || this.#endOf(frame) !== OPEN_END) continue;
      this.#closeFrame(frame, seq);
    }
  }

  /** Lets go of all versions that no pin from `oldestPin` on can see. */
  reclaim(oldestPin: number): void {
    for (const frame of this.#closed) {
      if (this.#endOf(frame) > oldestPin) continue;
      this.#sieve.remove(frame);
      this.#release(frame);
    }
  }

  #format(): void {
    const HEADER = HEADER_WORD;
    const layout = this.#layout;
    this.#words[HEADER.layoutVersion] = LAYOUT_VERSION;
    this.#words[HEADER.pageSize] = layout.pageSize;
    this.#words[HEADER.frameCount] = layout.frameCount;
    this.#words[HEADER.bucketCount] = layout.bucketCount;
    this.#words[HEADER.bucketsOffset] = layout.bucketsOffset;
    this.#words[HEADER.framesOffset] = layout.framesOffset;
    this.#words[HEADER.pagesOffset] = layout.pagesOffset;
    Atomics.store(this.#words, HEADER.magic, MAGIC);
  }

  /** The frame of the page at a pin; without one, the frame whose range has no end. */
  #find(pgno: number, seq: number | undefined): number | undefined {
    const words = this.#words;
    for (let link = words[this.#bucketWord(pgno)]!; link !== 0; ) {
      const frame = link - 1;
      if (this.#pgnoOf(frame) === pgno) {
        const end = this.#endOf(frame);
        const isRight = seq === undefined ? end === OPEN_END : this.#startOf(frame) <= seq;
        if (isRight && (seq === undefined || seq < end)) return frame;
      }
      link = words[this.#word(frame, FRAME_WORD.next)]!;
    }
    return undefined;
  }

  /**
   * If a version of the page that overlaps the range is here, it is the same version: true, and its
   * frame now holds for both ranges.
   */
  #widen(pgno: number, fromSeq: number, end: number): boolean {
    const words = this.#words;
    let overlapping: number | undefined;
    for (let link = words[this.#bucketWord(pgno)]!; link !== 0; ) {
      const frame = link - 1;
      link = words[this.#word(frame, FRAME_WORD.next)]!;
      if (this.#pgnoOf(frame) !== pgno) continue;
      if (this.#startOf(frame) >= end || this.#endOf(frame) <= fromSeq) continue;
      // Two versions cannot both be the one that is offered: the range is wrong, keep what is here.
      if (overlapping !== undefined) return true;
      overlapping = frame;
    }
    if (overlapping === undefined) return false;
    const start = Math.min(this.#startOf(overlapping), fromSeq);
    const widest = Math.max(this.#endOf(overlapping), end);
    if (start === this.#startOf(overlapping) && widest === this.#endOf(overlapping)) return true;
    this.#begin(overlapping);
    this.#setRange(overlapping, start, widest);
    this.#commit(overlapping);
    return true;
  }

  #closeFrame(frame: number, seq: number): void {
    if (this.#startOf(frame) >= seq) {
      this.#sieve.remove(frame);
      this.#release(frame);
      return;
    }
    this.#begin(frame);
    this.#setRange(frame, this.#startOf(frame), seq);
    this.#commit(frame);
  }

  #takeFrame(): number {
    if (this.#freeCount === 0) {
      const evicted = this.#sieve.evict();
      if (evicted === undefined) throw new Error("page cache: every frame is used, none is queued");
      this.#release(evicted);
      this.#evictCount += 1;
    }
    this.#freeCount -= 1;
    return this.#free[this.#freeCount]!;
  }

  /** Takes a frame out of its bucket and puts it on the free stack. */
  #release(frame: number): void {
    const next = this.#words[this.#word(frame, FRAME_WORD.next)]!;
    const bucket = this.#bucketWord(this.#pgnoOf(frame));
    const first = this.#words[bucket]!;
    if (first === frame + 1) {
      Atomics.store(this.#words, bucket, next);
    } else {
      let before = first - 1;
      for (;;) {
        const link = this.#words[this.#word(before, FRAME_WORD.next)]!;
        if (link === frame + 1) break;
        before = link - 1;
      }
      this.#begin(before);
      this.#setWord(before, FRAME_WORD.next, next);
      this.#commit(before);
    }
    this.#begin(frame);
    this.#setWord(frame, FRAME_WORD.pgno, 0);
    this.#setWord(frame, FRAME_WORD.next, 0);
    this.#commit(frame);
    this.#closed.delete(frame);
    this.#free[this.#freeCount] = frame;
    this.#freeCount += 1;
  }

  #takeVisited(frame: number): boolean {
    const word = this.#word(frame, FRAME_WORD.visited);
    if (Atomics.load(this.#words, word) === 0) return false;
    Atomics.store(this.#words, word, 0);
    return true;
  }

  /**
   * Makes the version odd. The load that follows keeps later plain stores, those of the page's
   * bytes, from becoming visible before it on machines that reorder stores.
   */
  #begin(frame: number): void {
    const word = this.#word(frame, FRAME_WORD.version);
    Atomics.store(this.#words, word, (this.#words[word]! + 1) | 0);
    Atomics.load(this.#words, word);
  }

  /** Makes the version even again: everything written since `#begin` is visible before it. */
  #commit(frame: number): void {
    const word = this.#word(frame, FRAME_WORD.version);
    Atomics.store(this.#words, word, (this.#words[word]! + 1) | 0);
  }

  #setRange(frame: number, fromSeq: number, end: number): void {
    const isOpen = end === OPEN_END;
    this.#setWord(frame, FRAME_WORD.fromSeqLow, fromSeq % WORD_RANGE);
    this.#setWord(frame, FRAME_WORD.fromSeqHigh, Math.floor(fromSeq / WORD_RANGE));
    this.#setWord(frame, FRAME_WORD.toSeqLow, isOpen ? ALL_ONES : end % WORD_RANGE);
    this.#setWord(frame, FRAME_WORD.toSeqHigh, isOpen ? ALL_ONES : Math.floor(end / WORD_RANGE));
    if (isOpen) this.#closed.delete(frame);
    else this.#closed.add(frame);
  }

  #setWord(frame: number, word: number, value: number): void {
    Atomics.store(this.#words, this.#word(frame, word), value | 0);
  }

  #pgnoOf(frame: number): number {
    return this.#words[this.#word(frame, FRAME_WORD.pgno)]! >>> 0;
  }

  #startOf(frame: number): number {
    return this.#number(frame, FRAME_WORD.fromSeqLow, FRAME_WORD.fromSeqHigh);
  }

  #endOf(frame: number): number {
    return this.#number(frame, FRAME_WORD.toSeqLow, FRAME_WORD.toSeqHigh);
  }

  #number(frame: number, low: number, high: number): number {
    const words = this.#words;
    const highPart = words[this.#word(frame, high)]! >>> 0;
    return highPart * WORD_RANGE + (words[this.#word(frame, low)]! >>> 0);
  }

  #word(frame: number, word: number): number {
    return this.#layout.framesOffset / 4 + frame * FRAME_WORDS + word;
  }

  #bucketWord(pgno: number): number {
    return this.#layout.bucketsOffset / 4 + bucketOf(pgno, this.#layout.bucketCount);
  }

  #pageOffset(frame: number): number {
    return this.#layout.pagesOffset + frame * this.pageSize;
  }

  #page(frame: number): Uint8Array {
    const offset = this.#pageOffset(frame);
    return this.#bytes.subarray(offset, offset + this.pageSize);
  }
}
