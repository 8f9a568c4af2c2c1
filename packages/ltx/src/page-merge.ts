/**
 * PageMerge: the pages of many files that follow one another, as if they were one file.
 *
 * The rules are those of compactor.ts; this is where they are carried out. In terms of one page:
 *   - An input's page outlives it only as far as the smallest `commit` from that input on.
 *   - Above the smallest `commit` of all inputs, every page must come from some input, or is made
 *     up: what a base below these files holds there was cut off.
 */
import type { Checksum } from "./checksum.ts";
import type { DecodedPage } from "./decoder.ts";
import { LtxError } from "./errors.ts";
import { type Header, isSnapshot, makeHeader } from "./header.ts";
import { MERGE_BATCH_SIZE, ZERO_FILL_PAGES_MAX } from "./limits.ts";
import { type LtxSource, LtxStream } from "./ltx-stream.ts";
import type { Page } from "./page-frame.ts";
import { lockPgno, type Pgno } from "./pgno.ts";

export interface PageMergeOptions {
  /** Whether the output goes without database checksums; true unless told otherwise. */
  readonly noChecksum?: boolean | undefined;
  /** Takes inputs whose txids leave gaps. What the gap changed is lost. */
  readonly allowGaps?: boolean | undefined;
  /** Takes a snapshot that lacks pages; they come out as zeros if no newer input has them. */
  readonly allowIncompleteSnapshot?: boolean | undefined;
  /** "reject" ends in PAGE_MISSING where "zeros" (the default) makes up a page. */
  readonly missingPages?: "zeros" | "reject" | undefined;
  /**
   * Called, and waited for, after about every megabyte of pages that was decoded or made up, those
   * that are cut off included. Where inputs are at hand, nothing else lets others have their turn.
   */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** A page of the output; good until the next call. */
export interface MergedPage extends Page {
  /** The frame as the input has it; undefined for a page that was made up. */
  readonly frame: Uint8Array | undefined;
}

interface Cursor {
  readonly stream: LtxStream;
  readonly age: number;
  /** The highest page of this input that no input from it on cuts off. */
  readonly survivingMax: number;
  page: DecodedPage | undefined;
}

export class PageMerge implements AsyncDisposable {
  readonly header: Header;
  readonly #options: PageMergeOptions;
  readonly #cursors: readonly Cursor[];
  readonly #lock: Pgno;
  readonly #zeros: Uint8Array;
  /** Cursors with a page, as a heap: the lowest page number first, then the newest input. */
  readonly #heap: Cursor[] = [];
  /** Cursors whose page was used up. */
  readonly #spent: Cursor[];
  /** From here on, the pages that no input has are made up. */
  #fill: number;
  #zeroPages = 0;
  /** Bytes of pages since the last pause. */
  #batch = 0;

  private constructor(streams: readonly LtxStream[], options: PageMergeOptions) {
    const headers = streams.map((stream) => stream.header);
    this.header = mergeHeaders(headers, options);
    this.#options = options;
    this.#cursors = makeCursors(streams);
    this.#lock = lockPgno(this.header.pageSize);
    this.#zeros = new Uint8Array(this.header.pageSize);
    this.#spent = [...this.#cursors];
    const isComplete = !(isSnapshot(this.header) && options.allowIncompleteSnapshot === true);
    this.#fill = isComplete ? (this.#cursors[0] as Cursor).survivingMax + 1 : 1;
  }

  /** Opens all inputs, oldest first, and checks that they fit together. */
  static async open(
    inputs: readonly LtxSource[],
    options: PageMergeOptions = {},
  ): Promise<PageMerge> {
    if (inputs.length === 0) throw new RangeError("nothing to merge");
    const { allowIncompleteSnapshot } = options;
    const opening = inputs.map((input) =>
      LtxStream.open(input, { reusePage: true, allowIncompleteSnapshot }),
    );
    const settled = await Promise.allSettled(opening);
    const streams = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    try {
      for (const one of settled) if (one.status === "rejected") throw one.reason;
      return new PageMerge(streams, options);
    } catch (error) {
      await closeAll(streams);
      throw error;
    }
  }

  /** Pages made up so far. */
  get zeroPages(): number {
    return this.#zeroPages;
  }

  /** What the output's trailer has, once the last page has been taken. */
  get postApplyChecksum(): Checksum | undefined {
    if (this.header.noChecksum) return undefined;
    return this.#cursors.at(-1)?.stream.trailer?.postApplyChecksum;
  }

  /**
   * The next page if it has arrived already and no pause is due; undefined says nothing about
   * whether there is one.
   */
  nextNow(): MergedPage | undefined {
    while (!this.#isPauseDue) {
      for (let cursor = this.#spent.at(-1); cursor !== undefined; cursor = this.#spent.at(-1)) {
        if (this.#isPauseDue) return undefined;
        cursor.page = cursor.stream.nextNow();
        if (cursor.page === undefined) return undefined;
        this.#advanced(cursor);
      }
      const page = this.#pick();
      if (page !== "cut off") return page;
    }
    return undefined;
  }

  /** The next page of the output; undefined once all inputs have ended and were verified. */
  async next(): Promise<MergedPage | undefined> {
    for (;;) {
      if (this.#isPauseDue) await this.#pause();
      for (let cursor = this.#spent.at(-1); cursor !== undefined; cursor = this.#spent.at(-1)) {
        if (this.#isPauseDue) await this.#pause();
        cursor.page = cursor.stream.nextNow() ?? (await cursor.stream.next());
        this.#advanced(cursor);
      }
      const page = this.#pick();
      if (page !== "cut off") return page;
    }
  }

  /** Closes all inputs. May be called again. */
  async close(): Promise<void> {
    await closeAll(this.#cursors.map((cursor) => cursor.stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isPauseDue(): boolean {
    return this.#batch >= MERGE_BATCH_SIZE && this.#options.pause !== undefined;
  }

  async #pause(): Promise<void> {
    this.#batch = 0;
    await this.#options.pause?.();
  }

  /** Takes in the last of the spent cursors, which stands at its next page or at its end. */
  #advanced(cursor: Cursor): void {
    this.#spent.pop();
    if (cursor.page === undefined) return;
    heapPush(this.#heap, cursor);
    this.#batch += this.header.pageSize;
  }

  /** The page that is due, given that every cursor stands at its next one. */
  #pick(): MergedPage | "cut off" | undefined {
    const first = this.#heap[0];
    const firstPgno = first?.page?.pgno ?? Number.POSITIVE_INFINITY;
    if (this.#fill === this.#lock) this.#fill += 1;
    if (this.#fill <= this.header.commit && this.#fill < firstPgno) return this.#makeUp();
    if (first === undefined) return undefined;
    while (this.#heap[0]?.page?.pgno === firstPgno) this.#spent.push(heapPop(this.#heap));
    const { page, stream, survivingMax } = first;
    if (page === undefined || page.pgno > survivingMax) return "cut off";
    this.#fill = Math.max(this.#fill, page.pgno + 1);
    return { pgno: page.pgno, page: page.page, frame: stream.frame };
  }

  #makeUp(): MergedPage {
    const pgno = this.#fill as Pgno;
    const field = "pgno";
    if (this.#options.missingPages === "reject") {
      throw new LtxError("PAGE_MISSING", `no input has page ${pgno} since it was cut off`, {
        field,
      });
    }
    if (this.#zeroPages >= ZERO_FILL_PAGES_MAX) {
      const problem = `more than ${ZERO_FILL_PAGES_MAX} pages are in no input`;
      throw new LtxError("LIMIT_EXCEEDED", problem, { field });
    }
    this.#fill += 1;
    this.#zeroPages += 1;
    this.#batch += this.header.pageSize;
    return { pgno, page: this.#zeros, frame: undefined };
  }
}

function makeCursors(streams: readonly LtxStream[]): Cursor[] {
  let survivingMax = Number.POSITIVE_INFINITY;
  const cursors = streams.toReversed().map((stream, fromEnd) => {
    survivingMax = Math.min(survivingMax, stream.header.commit);
    return { stream, age: streams.length - fromEnd, survivingMax, page: undefined };
  });
  return cursors.reverse();
}

function mergeHeaders(headers: readonly Header[], options: PageMergeOptions): Header {
  const first = headers[0] as Header;
  const last = headers.at(-1) as Header;
  for (let index = 1; index < headers.length; index += 1) {
    checkPair(headers[index - 1] as Header, headers[index] as Header, options);
  }
  const noChecksum = options.noChecksum ?? true;
  const lacksChecksum = last.noChecksum || (first.noChecksum && !isSnapshot(first));
  if (!noChecksum && lacksChecksum) {
    const field = "preApplyChecksum";
    throw new LtxError("CHECKSUM_REQUIRED", "the inputs have no checksums", { field });
  }
  return makeHeader({
    noChecksum,
    pageSize: first.pageSize,
    commit: last.commit,
    minTxid: first.minTxid,
    maxTxid: last.maxTxid,
    timestampMs: last.timestampMs,
    preApplyChecksum: noChecksum ? undefined : first.preApplyChecksum,
  });
}

function checkPair(before: Header, after: Header, options: PageMergeOptions): void {
  if (before.pageSize !== after.pageSize) {
    const problem = `pages of ${after.pageSize} bytes after pages of ${before.pageSize}`;
    throw new LtxError("PAGE_SIZE_MISMATCH", problem, { field: "pageSize" });
  }
  const ascends = after.maxTxid > before.maxTxid;
  const touches = options.allowGaps === true || after.minTxid <= before.maxTxid + 1n;
  if (ascends && touches) return;
  const earlier = `${before.minTxid}..${before.maxTxid}`;
  const problem = `txids ${after.minTxid}..${after.maxTxid} after ${earlier}`;
  throw new LtxError("NOT_CONTIGUOUS", problem, { field: "minTxid" });
}

async function closeAll(streams: readonly LtxStream[]): Promise<void> {
  await Promise.allSettled(streams.map((stream) => stream.close()));
}

function heapPush(heap: Cursor[], cursor: Cursor): void {
  let at = heap.length;
  heap.push(cursor);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(cursor, heap[parent] as Cursor)) break;
    heap[at] = heap[parent] as Cursor;
    at = parent;
  }
  heap[at] = cursor;
}

/** Takes the first cursor off a heap that is not empty. */
function heapPop(heap: Cursor[]): Cursor {
  const first = heap[0] as Cursor;
  const moved = heap.pop() as Cursor;
  const { length } = heap;
  if (length === 0) return first;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= length) break;
    if (child + 1 < length && isBefore(heap[child + 1] as Cursor, heap[child] as Cursor))
      child += 1;
    if (!isBefore(heap[child] as Cursor, moved)) break;
    heap[at] = heap[child] as Cursor;
    at = child;
  }
  heap[at] = moved;
  return first;
}

function isBefore(a: Cursor, b: Cursor): boolean {
  const byPgno = (a.page?.pgno ?? 0) - (b.page?.pgno ?? 0);
  return byPgno !== 0 ? byPgno < 0 : a.age > b.age;
}
