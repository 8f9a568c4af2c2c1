/**
 * Decoder: the bytes of one LTX file in, its pages out, everything verified.
 *
 * Bytes are pushed in chunks of any size, pages are pulled:
 *
 *     const decoder = new Decoder();
 *     for await (const chunk of chunks) {
 *       decoder.push(chunk);
 *       for (let page = decoder.next(); page !== undefined; page = decoder.next()) use(page);
 *     }
 *     const trailer = decoder.finish();
 *
 * Verified: header, page headers, LZ4, the rules of page-order.ts, that the index is exactly that
 * of the pages, trailer, file checksum, and the database checksum of a snapshot that has one. All
 * of it holds only once `finish` has returned: pages come out before their checksum has been seen.
 * A file has one error: whatever is called after it was thrown throws it again.
 *
 * Memory held: the current chunk, and one frame and one page. Nothing is kept per page.
 */
import { ByteWindow } from "./byte-window.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type Checksum, Crc64, DatabaseChecksum, EMPTY_DATABASE_CHECKSUM } from "./checksum.ts";
import { LtxError, type LtxErrorCode } from "./errors.ts";
import { decodeHeader, type Header, isSnapshot, refuseForeign } from "./header.ts";
import { HEADER_SIZE, INDEX_FOOTER_SIZE, PAGE_HEADER_SIZE, TRAILER_SIZE } from "./layout.ts";
import {
  decodePayload,
  hashedHeaderSize,
  measurePageFrame,
  type Page,
  type PageEncoding,
  readEncoding,
  readPgno,
} from "./page-frame.ts";
import { readIndexSize, writeIndexEntry } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";
import type { Pgno } from "./pgno.ts";
import { decodeTrailer, type Trailer } from "./trailer.ts";

export interface DecoderOptions {
  /**
   * Takes a snapshot that lacks pages. Litestream's VFS can leave such files behind; what the
   * missing pages hold, nobody knows.
   */
  readonly allowIncompleteSnapshot?: boolean | undefined;
  /** Gives out the same page buffer again and again: each page is good until the next call. */
  readonly reusePage?: boolean | undefined;
  /** Goes on where another decoder stood; the next byte pushed is the one at its `offset`. */
  readonly from?: DecoderCheckpoint | undefined;
}

/**
 * Where a decoder stands between two pages. All bytes before are in it, as checksums: a decoder
 * that goes on from there verifies the whole file, and fails if it was damaged before, too.
 */
export interface DecoderCheckpoint {
  readonly header: Header;
  /** Bytes from the start of the file to the next page header. */
  readonly offset: number;
  /** Of the file so far. */
  readonly fileCrc: bigint;
  /** Of the index that the pages so far make, and its bytes. */
  readonly indexCrc: bigint;
  readonly indexSize: number;
  readonly lastPgno: number;
  readonly hasGap: boolean;
  /** Of a snapshot that has one. */
  readonly database: Checksum | undefined;
}

export interface DecodedPage extends Page {
  /** Bytes from the start of the file to the page header. */
  readonly offset: number;
  /** Bytes of the frame, as the index gives it. */
  readonly size: number;
  readonly encoding: PageEncoding;
}

type State =
  | { readonly at: "header" }
  | { readonly at: "pages"; readonly pages: PagesState }
  | { readonly at: "index"; readonly pages: PagesState; readonly left: number }
  | { readonly at: "footer"; readonly pages: PagesState }
  | { readonly at: "done"; readonly header: Header; readonly trailer: Trailer }
  | { readonly at: "failed"; readonly header: Header | undefined; readonly error: LtxError };

interface PagesState {
  readonly header: Header;
  readonly order: PageOrder;
  readonly database: DatabaseChecksum | undefined;
  /** The index that these pages make, as its checksum and size: it may be too large to keep. */
  readonly indexExpected: Crc64;
  readonly indexFound: Crc64;
  indexSize: number;
}

export class Decoder {
  readonly #options: DecoderOptions;
  readonly #window: ByteWindow;
  readonly #crc: Crc64;
  readonly #entry = new ByteWriter();
  #state: State = { at: "header" };
  #page: Uint8Array | undefined;
  #frame: Uint8Array | undefined;

  constructor(options: DecoderOptions = {}) {
    this.#options = options;
    const { from } = options;
    this.#window = new ByteWindow(from?.offset);
    this.#crc = new Crc64(from?.fileCrc);
    if (from !== undefined) this.#state = { at: "pages", pages: this.#beginPages(from.header) };
  }

  /** The header, once its 100 bytes have been pushed. */
  get header(): Header | undefined {
    const state = this.#state;
    if (state.at === "header") return undefined;
    return "pages" in state ? state.pages.header : state.header;
  }

  /** True once the whole file has been seen and verified. */
  get done(): boolean {
    return this.#state.at === "done";
  }

  /** The frame of the page given last, good until the next call. */
  get frame(): Uint8Array | undefined {
    return this.#frame;
  }

  /** Where it stands after the page given last; undefined before the header and after all pages. */
  checkpoint(): DecoderCheckpoint | undefined {
    const state = this.#state;
    if (state.at !== "pages") return undefined;
    const { header, order, database, indexExpected, indexSize } = state.pages;
    return {
      header,
      offset: this.#window.offset,
      fileCrc: this.#crc.value(),
      indexCrc: indexExpected.value(),
      indexSize,
      lastPgno: order.last,
      hasGap: order.hasGap,
      database: database?.value(),
    };
  }

  /** Adds the next bytes of the file. They must not change until `next` has given undefined. */
  push(chunk: Uint8Array): void {
    this.#frame = undefined;
    if (this.#state.at === "failed") throw this.#state.error;
    this.#window.push(chunk);
    if (this.#state.at !== "header") return;
    try {
      this.#readHeader();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** The next page; undefined if that takes more bytes, or if there are no more pages. */
  next(): DecodedPage | undefined {
    this.#frame = undefined;
    try {
      return this.#advance();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Ends the file: every byte was pushed and every page taken. Verifies that it is whole. */
  finish(): Trailer {
    if (this.next() !== undefined) throw new RangeError("finish() before the last page was taken");
    const state = this.#state;
    if (state.at === "done") return state.trailer;
    const offset = this.#window.offset + this.#window.size;
    throw this.#fail(
      new LtxError("TRUNCATED", "the file ends too early", { offset, field: state.at }),
    );
  }

  #advance(): DecodedPage | undefined {
    for (;;) {
      const state = this.#state;
      switch (state.at) {
        case "header":
          if (!this.#readHeader()) return undefined;
          break;
        case "pages": {
          const page = this.#readPage(state.pages);
          if (page !== "end") return page;
          break;
        }
        case "index":
          if (!this.#readIndex(state.pages, state.left)) return undefined;
          break;
        case "footer":
          if (!this.#readFooter(state.pages)) return undefined;
          break;
        case "done":
          this.#refuseMore();
          return undefined;
        case "failed":
          throw state.error;
      }
    }
  }

  #fail(error: unknown): unknown {
    if (LtxError.is(error)) this.#state = { at: "failed", header: this.header, error };
    return error;
  }

  #readHeader(): boolean {
    const { bytes, start, size } = this.#window;
    if (size < HEADER_SIZE) {
      // Whatever is no LTX file is refused at its first bytes, not when a stream of it ends.
      refuseForeign(bytes.subarray(start, start + size));
      return false;
    }
    const header = decodeHeader(bytes.subarray(start, start + HEADER_SIZE));
    this.#state = { at: "pages", pages: this.#beginPages(header) };
    this.#take(HEADER_SIZE);
    return true;
  }

  #beginPages(header: Header): PagesState {
    const { allowIncompleteSnapshot, from } = this.#options;
    const isVerifiable = isSnapshot(header) && !header.noChecksum;
    return {
      header,
      order: new PageOrder(header, allowIncompleteSnapshot, from),
      database: isVerifiable ? new DatabaseChecksum(from?.database) : undefined,
      indexExpected: new Crc64(from?.indexCrc),
      indexFound: new Crc64(),
      indexSize: from?.indexSize ?? 0,
    };
  }

  #readPage(pages: PagesState): DecodedPage | "end" | undefined {
    const { bytes, start, end, at, offset } = this.#window;
    if (end - start < PAGE_HEADER_SIZE) return undefined;
    if (isEndOfPages(bytes, start)) {
      this.#endPages(pages);
      return "end";
    }
    const { pageSize } = pages.header;
    const size = measurePageFrame(bytes, start, end, pageSize, at);
    if (size < 0) return undefined;
    const pgno = readPgno(bytes, start);
    this.#checkOrder(pages.order, pgno);
    const page = this.#pageBuffer(pageSize);
    decodePayload(bytes, start, start + size, page, at);
    const encoding = readEncoding(bytes, start);
    this.#crc.update(bytes, start, start + hashedHeaderSize(encoding)).update(page);
    pages.database?.toggle(pgno, page);
    this.#expectIndexEntry(pages, pgno, offset, size);
    pages.order.accept(pgno);
    this.#frame = bytes.subarray(start, start + size);
    this.#window.skip(size);
    return { pgno, page, offset, size, encoding };
  }

  #checkOrder(order: PageOrder, pgno: Pgno): void {
    const fault = order.findFault(pgno);
    if (fault !== undefined) throw this.#error("PAGE_INVALID", fault, "pgno");
    const missing = order.findGap(pgno);
    if (missing === undefined) return;
    throw this.#error("SNAPSHOT_INCOMPLETE", `page ${pgno} where ${missing} is due`, "pgno");
  }

  #endPages(pages: PagesState): void {
    const missing = pages.order.findGapAtEnd();
    if (missing !== undefined) {
      throw this.#error("SNAPSHOT_INCOMPLETE", `page ${missing} is missing`, "pgno");
    }
    this.#take(PAGE_HEADER_SIZE);
    this.#entry.uvarint(0);
    this.#expectIndexBytes(pages);
    this.#state = { at: "index", pages, left: pages.indexSize };
  }

  #expectIndexEntry(pages: PagesState, pgno: Pgno, offset: number, size: number): void {
    writeIndexEntry(this.#entry, pgno, offset, size);
    this.#expectIndexBytes(pages);
  }

  #expectIndexBytes(pages: PagesState): void {
    const entry = this.#entry;
    pages.indexExpected.update(entry.buffer, 0, entry.length);
    pages.indexSize += entry.length;
    entry.clear();
  }

  #readIndex(pages: PagesState, left: number): boolean {
    const { bytes, start, size } = this.#window;
    const taken = Math.min(left, size);
    pages.indexFound.update(bytes, start, start + taken);
    this.#take(taken);
    this.#state = { at: "index", pages, left: left - taken };
    if (taken < left) return false;
    if (pages.indexFound.value() !== pages.indexExpected.value()) {
      throw this.#error("INDEX_INVALID", "the index is not that of the pages", "index");
    }
    this.#state = { at: "footer", pages };
    return true;
  }

  #readFooter(pages: PagesState): boolean {
    const { bytes, start, size, offset } = this.#window;
    if (size < INDEX_FOOTER_SIZE + TRAILER_SIZE) return false;
    const { header, indexSize } = pages;
    const found = readIndexSize(bytes, start, offset, offset);
    if (found !== indexSize) {
      const problem = `an index of ${found} bytes that has ${indexSize}`;
      throw this.#error("INDEX_INVALID", problem, "indexSize");
    }
    this.#take(INDEX_FOOTER_SIZE);
    const trailerAt = start + INDEX_FOOTER_SIZE;
    const trailer = decodeTrailer(bytes.subarray(trailerAt, trailerAt + TRAILER_SIZE), {
      noChecksum: header.noChecksum,
      at: offset + INDEX_FOOTER_SIZE,
    });
    this.#take(8);
    const database = header.commit === 0 ? EMPTY_DATABASE_CHECKSUM : pages.database?.value();
    if (this.#crc.checksum() !== trailer.fileChecksum) {
      throw this.#error("CHECKSUM_MISMATCH", "the file is damaged", "fileChecksum");
    }
    this.#window.skip(8);
    const claimed = trailer.postApplyChecksum;
    const isVerifiable = claimed !== undefined && database !== undefined && pages.order.whole;
    if (isVerifiable && claimed !== database) {
      throw this.#error("CHECKSUM_MISMATCH", "not that of the database", "postApplyChecksum");
    }
    this.#state = { at: "done", header, trailer };
    return true;
  }

  #refuseMore(): void {
    if (this.#window.size === 0) return;
    throw this.#error("TRAILER_INVALID", "bytes after the end of the file", "trailer");
  }

  /** Uses up bytes that the file checksum takes as they are. */
  #take(size: number): void {
    const { bytes, start } = this.#window;
    this.#crc.update(bytes, start, start + size);
    this.#window.skip(size);
  }

  #pageBuffer(pageSize: number): Uint8Array {
    if (this.#options.reusePage !== true) return new Uint8Array(pageSize);
    this.#page ??= new Uint8Array(pageSize);
    return this.#page;
  }

  #error(code: LtxErrorCode, problem: string, field: string): LtxError {
    return new LtxError(code, problem, { offset: this.#window.offset, field });
  }
}

function isEndOfPages(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + PAGE_HEADER_SIZE; at += 1) {
    if (bytes[at] !== 0) return false;
  }
  return true;
}
