/**
 * The records of the frames and the buckets that lead to them: what readers in other threads look
 * at, and how one thread changes it under their eyes.
 *
 * Always true:
 *   - Every change of a record, and of the page that it is for, happens while its version is odd.
 *   - A version only grows, even while the frame is out of use: a reader that was asleep for long
 *     finds out.
 *   - Where a record stands says nothing: a reader that was led to a wrong one sees that, and one
 *     that is led nowhere takes the page for absent, which is never wrong.
 */

import {
  bucketOf,
  type CacheLayout,
  FRAME_WORD,
  FRAME_WORDS,
  HEADER_WORD,
  LAYOUT_VERSION,
  MAGIC,
} from "./layout.ts";

const WORD_RANGE = 2 ** 32;
const ALL_ONES = 0xffff_ffff;

/** The end of the range of a version that no other has followed. */
export const OPEN_END: number = ALL_ONES * WORD_RANGE + ALL_ONES;

export class FrameTable {
  #words: Int32Array;
  readonly #layout: CacheLayout;
  #bucketCount: number;

  /** Formats the words, which must be zero. */
  constructor(words: Int32Array, layout: CacheLayout, bucketCount: number) {
    this.#words = words;
    this.#layout = layout;
    this.#bucketCount = bucketCount;
    words[HEADER_WORD.layoutVersion] = LAYOUT_VERSION;
    words[HEADER_WORD.pageSize] = layout.pageSize;
    words[HEADER_WORD.frameCountMax] = layout.frameCountMax;
    words[HEADER_WORD.bucketCount] = bucketCount;
    words[HEADER_WORD.bucketsOffset] = layout.bucketsOffset;
    words[HEADER_WORD.framesOffset] = layout.framesOffset;
    words[HEADER_WORD.pagesOffset] = layout.pagesOffset;
    Atomics.store(words, HEADER_WORD.magic, MAGIC);
  }

  /** The same words, and more records. */
  extend(words: Int32Array): void {
    this.#words = words;
  }

  get bucketCount(): number {
    return this.#bucketCount;
  }

  /** Zero when the frame is free. */
  pgnoOf(frame: number): number {
    return this.#words[this.#word(frame, FRAME_WORD.pgno)]! >>> 0;
  }

  startOf(frame: number): number {
    return this.#number(frame, FRAME_WORD.fromSeqLow, FRAME_WORD.fromSeqHigh);
  }

  endOf(frame: number): number {
    return this.#number(frame, FRAME_WORD.toSeqLow, FRAME_WORD.toSeqHigh);
  }

  /** The frame of the page at a pin; without one, the frame whose range has no end. */
  find(pgno: number, seq: number | undefined): number | undefined {
    for (let link = this.#words[this.#bucketWord(pgno)]!; link !== 0; ) {
      const frame = link - 1;
      if (this.pgnoOf(frame) === pgno) {
        const end = this.endOf(frame);
        const isRight = seq === undefined ? end === OPEN_END : this.startOf(frame) <= seq;
        if (isRight && (seq === undefined || seq < end)) return frame;
      }
      link = this.#next(frame);
    }
    return undefined;
  }

  /**
   * A frame of a version of the page that some pin in the range sees; with `behind`, the next one
   * in the bucket after that.
   */
  overlapping(pgno: number, fromSeq: number, end: number, behind?: number): number | undefined {
    let link = behind === undefined ? this.#words[this.#bucketWord(pgno)]! : this.#next(behind);
    while (link !== 0) {
      const frame = link - 1;
      const isOverlapping =
        this.pgnoOf(frame) === pgno && this.startOf(frame) < end && this.endOf(frame) > fromSeq;
      if (isOverlapping) return frame;
      link = this.#next(frame);
    }
    return undefined;
  }

  /** From now until `publish`, the bytes of a free frame may be written. */
  open(frame: number): void {
    this.#begin(frame);
  }

  /** Puts an opened frame, whose bytes are the page's now, in front of its bucket. */
  publish(frame: number, pgno: number, fromSeq: number, end: number): void {
    this.#set(frame, FRAME_WORD.pgno, pgno);
    this.#writeRange(frame, fromSeq, end);
    this.#set(frame, FRAME_WORD.visited, 0);
    const bucket = this.#bucketWord(pgno);
    this.#set(frame, FRAME_WORD.next, Atomics.load(this.#words, bucket));
    this.#commit(frame);
    Atomics.store(this.#words, bucket, frame + 1);
  }

  setRange(frame: number, fromSeq: number, end: number): void {
    this.#begin(frame);
    this.#writeRange(frame, fromSeq, end);
    this.#commit(frame);
  }

  /** Takes a frame out of its bucket and makes it free. */
  empty(frame: number): void {
    const next = this.#next(frame);
    const bucket = this.#bucketWord(this.pgnoOf(frame));
    const first = this.#words[bucket]!;
    if (first === frame + 1) {
      Atomics.store(this.#words, bucket, next);
    } else {
      let before = first - 1;
      for (;;) {
        const link = this.#next(before);
        if (link === frame + 1) break;
        before = link - 1;
      }
      this.#begin(before);
      this.#set(before, FRAME_WORD.next, next);
      this.#commit(before);
    }
    this.#begin(frame);
    this.#set(frame, FRAME_WORD.pgno, 0);
    this.#set(frame, FRAME_WORD.next, 0);
    this.#commit(frame);
  }

  /**
   * Sorts the frames below `frameEnd`, which are all that hold pages, into so many buckets. For
   * readers, pages that are not sorted yet are not here.
   */
  rehash(bucketCount: number, frameEnd: number): void {
    const { bucketsOffset } = this.#layout;
    const wordEnd = bucketsOffset / 4 + Math.max(this.#bucketCount, bucketCount);
    this.#bucketCount = bucketCount;
    Atomics.store(this.#words, HEADER_WORD.bucketCount, bucketCount);
    for (let word = bucketsOffset / 4; word < wordEnd; word += 1) {
      Atomics.store(this.#words, word, 0);
    }
    for (let frame = 0; frame < frameEnd; frame += 1) {
      const pgno = this.pgnoOf(frame);
      if (pgno === 0) continue;
      const bucket = this.#bucketWord(pgno);
      this.#begin(frame);
      this.#set(frame, FRAME_WORD.next, this.#words[bucket]!);
      this.#commit(frame);
      Atomics.store(this.#words, bucket, frame + 1);
    }
  }

  isVisited(frame: number): boolean {
    return Atomics.load(this.#words, this.#word(frame, FRAME_WORD.visited)) !== 0;
  }

  setVisited(frame: number, isVisited: boolean): void {
    this.#set(frame, FRAME_WORD.visited, isVisited ? 1 : 0);
  }

  takeVisited(frame: number): boolean {
    if (!this.isVisited(frame)) return false;
    this.setVisited(frame, false);
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

  #writeRange(frame: number, fromSeq: number, end: number): void {
    const isOpen = end === OPEN_END;
    this.#set(frame, FRAME_WORD.fromSeqLow, fromSeq % WORD_RANGE);
    this.#set(frame, FRAME_WORD.fromSeqHigh, Math.floor(fromSeq / WORD_RANGE));
    this.#set(frame, FRAME_WORD.toSeqLow, isOpen ? ALL_ONES : end % WORD_RANGE);
    this.#set(frame, FRAME_WORD.toSeqHigh, isOpen ? ALL_ONES : Math.floor(end / WORD_RANGE));
  }

  #set(frame: number, word: number, value: number): void {
    Atomics.store(this.#words, this.#word(frame, word), value | 0);
  }

  #next(frame: number): number {
    return this.#words[this.#word(frame, FRAME_WORD.next)]!;
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
    return this.#layout.bucketsOffset / 4 + bucketOf(pgno, this.#bucketCount);
  }
}
