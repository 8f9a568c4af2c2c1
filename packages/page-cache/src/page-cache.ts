/**
 * Pages in frames of one memory, which other threads read while this one writes.
 *
 * Always true:
 *   - A frame holds one page as it is for every pin p with fromSeq <= p < toSeq. Several versions
 *     of one page may be held at once; their ranges do not overlap.
 *   - Only one thread writes. Readers walk a bucket, copy, and then check that the version of the
 *     frame is even and did not change; see `FrameTable`.
 *   - A frame that holds a page stands in one of two queues: of those that may be evicted, or of
 *     the pinned ones, which are never more than a share of all.
 *   - What is evicted is only forgotten: every page can be fetched again.
 *
 * It does not load pages and knows nothing of where they come from.
 */

import type { CacheMemory } from "./cache-memory.ts";
import { FrameTable, OPEN_END } from "./frame-table.ts";
import {
  bucketCountFor,
  byteLengthFor,
  type CacheLayout,
  FRAME_BYTES,
  framesWithin,
  layOut,
} from "./layout.ts";
import { PINNED_SHARE, PROTECTED_SHARE } from "./limits.ts";
import { Sieve } from "./sieve.ts";

export interface PageCacheOptions {
  readonly pageSize: number;
  readonly frameCount: number;
}

export interface PageCacheStats {
  readonly frameCount: number;
  /** The most that `resize` can make of it. */
  readonly frameCountMax: number;
  readonly pageSize: number;
  /** Bytes that the cache may take, and takes once every frame is used. */
  readonly byteLength: number;
  /** Frames that hold a page. */
  readonly usedCount: number;
  /** Of these, versions that a newer one has followed. */
  readonly closedCount: number;
  /** Of these, pages that eviction leaves alone, and the most that there may be of them. */
  readonly pinnedCount: number;
  readonly pinnedCountMax: number;
  readonly insertCount: number;
  readonly evictCount: number;
  /** Of `get` only: readers in other threads count their own. */
  readonly hitCount: number;
  readonly missCount: number;
}

export class PageCache {
  readonly pageSize: number;
  readonly frameCountMax: number;
  readonly #layout: CacheLayout;
  readonly #memory: CacheMemory;
  readonly #table: FrameTable;
  readonly #evictable: Sieve;
  readonly #pinned: Sieve;
  /** By frame: 1 when it stands in the queue of pinned ones. */
  #isPinned: Uint8Array;
  #frameCount: number;
  /** Frames from here on hold no page. Above `#frameCount` while the cache shrinks. */
  #frameEnd: number;
  /** Free frames below `#frameCount`; a stack. */
  #free: Int32Array = new Int32Array(0);
  #freeCount = 0;
  #usedCount = 0;
  /** Frames whose range has an end. */
  readonly #closed = new Set<number>();
  #insertCount = 0;
  #evictCount = 0;
  #hitCount = 0;
  #missCount = 0;

  /** Formats the memory, which must be zeroed and of at least `byteLengthFor(...)` bytes. */
  constructor(memory: CacheMemory, { pageSize, frameCount }: PageCacheOptions) {
    const wanted = byteLengthFor(frameCount, pageSize);
    if (memory.byteLengthMax < wanted) {
      throw new RangeError(`memory has ${memory.byteLengthMax} bytes, not ${wanted}`);
    }
    this.pageSize = pageSize;
    this.frameCountMax = framesWithin(memory.byteLengthMax, pageSize);
    this.#layout = layOut(this.frameCountMax, pageSize);
    this.#memory = memory;
    this.#frameCount = frameCount;
    this.#frameEnd = frameCount;
    memory.resize(this.#pageOffset(frameCount));
    this.#table = new FrameTable(this.#words(), this.#layout, bucketCountFor(frameCount));
    const takeVisited = (frame: number) => this.#table.takeVisited(frame);
    this.#evictable = new Sieve(frameCount, takeVisited, shareOf(frameCount, PROTECTED_SHARE));
    this.#pinned = new Sieve(frameCount, takeVisited);
    this.#isPinned = new Uint8Array(frameCount);
    this.#listFree(() => true);
  }

  /** While the cache shrinks, what it is to have in the end. */
  get frameCount(): number {
    return this.#frameCount;
  }

  get stats(): PageCacheStats {
    return {
      frameCount: this.#frameCount,
      frameCountMax: this.frameCountMax,
      pageSize: this.pageSize,
      byteLength: byteLengthFor(this.#frameCount, this.pageSize),
      usedCount: this.#usedCount,
      closedCount: this.#closed.size,
      pinnedCount: this.#pinned.count,
      pinnedCountMax: this.#pinnedCountMax,
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

  /** How many pages can. */
  get roomCount(): number {
    return this.#freeCount;
  }

  /** The page as of `seq`: a view that is right until the next change of the cache. */
  get(pgno: number, seq: number): Uint8Array | undefined {
    const frame = this.#table.find(pgno, seq);
    if (frame === undefined) {
      this.#missCount += 1;
      return undefined;
    }
    this.#hitCount += 1;
    this.#table.setVisited(frame, true);
    return this.#page(frame);
  }

  /** As `get`, but it is no use of the page: nothing is counted and eviction sees nothing. */
  peek(pgno: number, seq: number): Uint8Array | undefined {
    const frame = this.#table.find(pgno, seq);
    return frame === undefined ? undefined : this.#page(frame);
  }

  /** Whether the page is here, which is no use of it. */
  has(pgno: number, seq: number): boolean {
    return this.#table.find(pgno, seq) !== undefined;
  }

  /** Whether a reader has used the page since it came or since eviction last looked at it. */
  wasUsed(pgno: number, seq: number): boolean {
    const frame = this.#table.find(pgno, seq);
    return frame !== undefined && this.#table.isVisited(frame);
  }

  /** Takes back that the page was used: a scan that has passed it says nothing of its future. */
  forgetUse(pgno: number, seq: number): void {
    const frame = this.#table.find(pgno, seq);
    if (frame !== undefined) this.#table.setVisited(frame, false);
  }

  /**
   * The page is about to be read: eviction gives it as much time as one that comes ahead of its
   * use. False when it is not here.
   */
  expect(pgno: number, seq: number): boolean {
    const frame = this.#table.find(pgno, seq);
    if (frame === undefined) return false;
    if (this.#isPinned[frame] === 1) return true;
    this.#evictable.remove(frame);
    this.#evictable.insert(frame, true);
    return true;
  }

  /**
   * Takes a copy of the page, right for pins from `fromSeq` up to but not including `toSeq`. It
   * enters as not yet used. A version that is here already keeps its frame, over both ranges.
   * `isAhead`: it is about to be read for the first time, and eviction gives it time for that.
   */
  insert(
    pgno: number,
    fromSeq: number,
    toSeq: number | undefined,
    page: Uint8Array,
    isAhead = false,
  ): void {
    if (page.byteLength !== this.pageSize) {
      throw new RangeError(`page has ${page.byteLength} bytes, not ${this.pageSize}`);
    }
    const end = toSeq ?? OPEN_END;
    if (fromSeq >= end) return;
    if (this.#widen(pgno, fromSeq, end)) return;
    const frame = this.#takeFrame();
    this.#fill(frame, page, pgno, fromSeq, end);
    this.#evictable.insert(frame, isAhead);
    this.#insertCount += 1;
  }

  /**
   * Eviction leaves the newest version of the page alone from now on, until another version follows
   * it. When as many are pinned as may be, the one that SIEVE would evict among them becomes an
   * ordinary page. False when the page is not here, or none may be pinned.
   */
  pin(pgno: number): boolean {
    const frame = this.#table.find(pgno, undefined);
    if (frame === undefined) return false;
    if (this.#isPinned[frame] === 1) return true;
    if (this.#pinnedCountMax === 0) return false;
    this.#unpinDownTo(this.#pinnedCountMax - 1);
    this.#evictable.remove(frame);
    this.#pinned.insert(frame);
    this.#isPinned[frame] = 1;
    return true;
  }

  /** The newest version of the page ends at `seq`. Tells whether it was here. */
  close(pgno: number, seq: number): boolean {
    const frame = this.#table.find(pgno, undefined);
    if (frame === undefined) return false;
    this.#closeFrame(frame, seq);
    return true;
  }

  /** The newest version of every page above `pgno` ends at `seq`. */
  closeAbove(pgno: number, seq: number): void {
    for (let frame = 0; frame < this.#frameEnd; frame += 1) {
      if (this.#table.pgnoOf(frame) <= pgno || this.#table.endOf(frame) !== OPEN_END) continue;
      this.#closeFrame(frame, seq);
    }
  }

  /** Lets go of all versions that no pin from `oldestPin` on can see. */
  reclaim(oldestPin: number): void {
    for (const frame of this.#closed) {
      if (this.#table.endOf(frame) > oldestPin) continue;
      this.#queueOf(frame).remove(frame);
      this.#release(frame);
    }
  }

  /**
   * From now on the cache has so many frames. More are there at once; fewer only when `settle`, to
   * be called until then, has said so.
   */
  resize(frameCount: number): void {
    if (!Number.isSafeInteger(frameCount) || frameCount < 1 || frameCount > this.frameCountMax) {
      throw new RangeError(`frame count must be from 1 to ${this.frameCountMax}: ${frameCount}`);
    }
    if (frameCount > this.#frameEnd) {
      this.#memory.resize(this.#pageOffset(frameCount));
      this.#frameEnd = frameCount;
      this.#table.extend(this.#words());
    }
    this.#frameCount = frameCount;
    this.#resizeQueues();
    this.#unpinDownTo(this.#pinnedCountMax);
    this.#listFree((frame) => this.#table.pgnoOf(frame) === 0);
    this.#rehash();
  }

  /**
   * Goes on with shrinking, by up to so many frames: what SIEVE would evict goes, what stays moves
   * together, and the memory behind is given back. True when there is nothing left to do.
   */
  settle(frameCountMax: number): boolean {
    if (this.#frameEnd === this.#frameCount) return true;
    const end = Math.max(this.#frameCount, this.#frameEnd - frameCountMax);
    while (this.#frameEnd > end) {
      const last = this.#frameEnd - 1;
      if (this.#table.pgnoOf(last) !== 0) this.#vacate(last);
      this.#frameEnd = last;
    }
    this.#memory.resize(this.#pageOffset(end));
    if (end > this.#frameCount) return false;
    this.#resizeQueues();
    this.#rehash();
    return true;
  }

  /** Moves the page of a frame that is to go, unless eviction takes it first. */
  #vacate(frame: number): void {
    while (this.#freeCount === 0) {
      if (this.#evict() === frame) return;
    }
    const table = this.#table;
    const queue = this.#queueOf(frame);
    const isVisited = table.isVisited(frame);
    this.#freeCount -= 1;
    const to = this.#free[this.#freeCount]!;
    this.#isPinned[to] = this.#isPinned[frame]!;
    const page = this.#page(frame);
    this.#fill(to, page, table.pgnoOf(frame), table.startOf(frame), table.endOf(frame));
    queue.replace(frame, to);
    table.setVisited(to, isVisited);
    this.#release(frame);
  }

  /** Tens of thousands of times in a second of a scan: it makes no objects. */
  #fill(frame: number, page: Uint8Array, pgno: number, fromSeq: number, end: number): void {
    this.#table.open(frame);
    this.#memory.write(this.#pageOffset(frame), page);
    this.#table.publish(frame, pgno, fromSeq, end);
    this.#usedCount += 1;
    this.#noteEnd(frame, end);
  }

  /**
   * If a version of the page that overlaps the range is here, it is the same version: true, and its
   * frame now holds for both ranges.
   */
  #widen(pgno: number, fromSeq: number, end: number): boolean {
    const frame = this.#table.overlapping(pgno, fromSeq, end);
    if (frame === undefined) return false;
    // Two versions cannot both be the one that is offered: the range is wrong, keep what is here.
    if (this.#table.overlapping(pgno, fromSeq, end, frame) !== undefined) return true;
    const start = Math.min(this.#table.startOf(frame), fromSeq);
    const widest = Math.max(this.#table.endOf(frame), end);
    if (start !== this.#table.startOf(frame) || widest !== this.#table.endOf(frame)) {
      this.#table.setRange(frame, start, widest);
      this.#noteEnd(frame, widest);
    }
    return true;
  }

  #closeFrame(frame: number, seq: number): void {
    const start = this.#table.startOf(frame);
    if (start >= seq) {
      this.#queueOf(frame).remove(frame);
      this.#release(frame);
      return;
    }
    this.#table.setRange(frame, start, seq);
    this.#noteEnd(frame, seq);
    if (this.#isPinned[frame] === 0) return;
    this.#pinned.remove(frame);
    this.#unpin(frame);
  }

  #takeFrame(): number {
    while (this.#freeCount === 0) this.#evict();
    this.#freeCount -= 1;
    return this.#free[this.#freeCount]!;
  }

  #evict(): number {
    const frame = this.#evictable.evict();
    if (frame === undefined) throw new Error("page cache: every frame is used, none is queued");
    this.#release(frame);
    this.#evictCount += 1;
    return frame;
  }

  /** Makes a frame free that is in no queue any more. */
  #release(frame: number): void {
    this.#table.empty(frame);
    this.#closed.delete(frame);
    this.#isPinned[frame] = 0;
    this.#usedCount -= 1;
    if (frame >= this.#frameCount) return;
    this.#free[this.#freeCount] = frame;
    this.#freeCount += 1;
  }

  get #pinnedCountMax(): number {
    return shareOf(this.#frameCount, PINNED_SHARE);
  }

  #unpinDownTo(count: number): void {
    while (this.#pinned.count > count) this.#unpin(this.#pinned.evict()!);
  }

  /** What has left the queue of pinned frames is a page like others, which has just come. */
  #unpin(frame: number): void {
    this.#isPinned[frame] = 0;
    this.#evictable.insert(frame);
  }

  #queueOf(frame: number): Sieve {
    return this.#isPinned[frame] === 1 ? this.#pinned : this.#evictable;
  }

  #noteEnd(frame: number, end: number): void {
    if (end === OPEN_END) this.#closed.delete(frame);
    else this.#closed.add(frame);
  }

  #resizeQueues(): void {
    this.#evictable.resize(this.#frameEnd, shareOf(this.#frameCount, PROTECTED_SHARE));
    this.#pinned.resize(this.#frameEnd, 0);
    const isPinned = new Uint8Array(this.#frameEnd);
    isPinned.set(this.#isPinned.subarray(0, this.#frameEnd));
    this.#isPinned = isPinned;
  }

  /** A new cache is not asked for each frame: it would touch all of its memory. */
  #listFree(isFree: (frame: number) => boolean): void {
    const free = new Int32Array(this.#frameCount);
    let count = 0;
    for (let frame = this.#frameCount - 1; frame >= 0; frame -= 1) {
      if (!isFree(frame)) continue;
      free[count] = frame;
      count += 1;
    }
    this.#free = free;
    this.#freeCount = count;
  }

  /** Buckets enough for every frame that may be used now. */
  #rehash(): void {
    const bucketCount = bucketCountFor(this.#frameEnd);
    if (bucketCount !== this.#table.bucketCount) this.#table.rehash(bucketCount, this.#frameEnd);
  }

  /** With the records of the frames that there are. */
  #words(): Int32Array {
    const { framesOffset, pagesOffset } = this.#layout;
    return this.#memory.words(framesOffset + this.#frameEnd * FRAME_BYTES, pagesOffset);
  }

  #pageOffset(frame: number): number {
    return this.#layout.pagesOffset + frame * this.pageSize;
  }

  #page(frame: number): Uint8Array {
    return this.#memory.bytes(this.#pageOffset(frame), this.pageSize);
  }
}

function shareOf(frameCount: number, share: number): number {
  return Math.floor(frameCount / share);
}
