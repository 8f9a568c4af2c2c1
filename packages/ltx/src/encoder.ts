/**
 * Encoder: pages in, the bytes of one LTX file out, rules enforced.
 *
 * Bytes gather inside until `drain` takes them, so that a caller streams at its own pace:
 *
 *     const encoder = new Encoder(header);
 *     for (const { pgno, page } of pages) {
 *       encoder.addPage(pgno, page);
 *       if (encoder.pendingSize >= CHUNK_SIZE) await write(encoder.drain());
 *     }
 *     const { index, trailer, size } = encoder.finish();
 *     await write(encoder.drain());
 *
 * Always true:
 *   - A refused page changes nothing; the encoder goes on with the next one.
 *   - A finished file keeps every rule of page-order.ts. A snapshot has all its pages.
 *   - Memory held: pending bytes, and the index so far (8 to 11 bytes a page).
 */
import { ByteWriter } from "./byte-writer.ts";
import { type Checksum, Crc64, DatabaseChecksum, EMPTY_DATABASE_CHECKSUM } from "./checksum.ts";
import { LtxError } from "./errors.ts";
import { encodeHeader, type Header, type HeaderInit, isSnapshot, makeHeader } from "./header.ts";
import {
  HEADER_SIZE,
  INDEX_FOOTER_LAYOUT,
  INDEX_FOOTER_SIZE,
  PAGE_HEADER_SIZE,
  writeFields,
} from "./layout.ts";
import { CHUNK_SIZE, INDEX_SIZE_MAX } from "./limits.ts";
import { concatBytes } from "./output-stream.ts";
import {
  encodePageFrameInto,
  hashedHeaderSize,
  measurePageFrame,
  type Page,
  type PageEncoding,
  pageFrameSizeMax,
  readEncoding,
  readPgno,
} from "./page-frame.ts";
import { decodePageIndex, type PageIndex, writeIndexEntry } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";
import type { Pgno } from "./pgno.ts";
import { encodeTrailer, type Trailer } from "./trailer.ts";

export interface EncoderOptions {
  /** "block" unless told otherwise; "frame" for readers older than Litestream 0.5.16. */
  readonly encoding?: PageEncoding | undefined;
}

export interface FinishOptions {
  /**
   * The database checksum once the file is applied. Only where the header has `noChecksum: false`,
   * and then required, but for a snapshot, whose checksum follows from its pages.
   */
  readonly postApplyChecksum?: Checksum | undefined;
}

export interface EncodeResult {
  /**
   * What a reader of the file finds. It is decoded when it is first asked for, so that who needs
   * none does not wait for it; a spread (`{ ...result }`) asks.
   */
  readonly index: PageIndex;
  readonly trailer: Trailer;
  /** Bytes of the whole file. */
  readonly size: number;
}

export class Encoder {
  readonly header: Header;
  readonly #encoding: PageEncoding;
  readonly #order: PageOrder;
  readonly #crc = new Crc64();
  readonly #database: DatabaseChecksum | undefined;
  readonly #pending = new ByteWriter(CHUNK_SIZE);
  readonly #index = new ByteWriter();
  #offset = HEADER_SIZE;
  #finished = false;

  constructor(header: HeaderInit, options: EncoderOptions = {}) {
    this.header = makeHeader(header);
    this.#encoding = options.encoding ?? "block";
    this.#order = new PageOrder(this.header);
    const hasChecksum = !this.header.noChecksum;
    this.#database = hasChecksum && isSnapshot(this.header) ? new DatabaseChecksum() : undefined;
    this.#emit(encodeHeader(this.header));
  }

  /** Bytes that wait to be drained. */
  get pendingSize(): number {
    return this.#pending.length;
  }

  /** Compresses and appends a page. It is used before this returns and may be reused then. */
  addPage(pgno: Pgno, page: Uint8Array): void {
    this.#check(pgno, page);
    const start = this.#pending.reserve(pageFrameSizeMax(page.length));
    const buffer = this.#pending.buffer;
    this.#append(pgno, page, encodePageFrameInto(pgno, page, this.#encoding, buffer, start), start);
  }

  /**
   * Appends a page whose frame, which decodes to it, is at hand: no compression. If the frame has
   * the other encoding, the same as `addPage`. That it is one whole frame of that page number is
   * checked; that it decodes to the page is the caller's word.
   */
  addFrame(pgno: Pgno, page: Uint8Array, frame: Uint8Array): void {
    if (readEncoding(frame, 0) !== this.#encoding) {
      this.addPage(pgno, page);
      return;
    }
    this.#check(pgno, page);
    const isWhole = measurePageFrame(frame, 0, frame.length, page.length, 0) === frame.length;
    if (!isWhole || readPgno(frame, 0) !== pgno) {
      const problem = `${frame.length} bytes that are not one frame of page ${pgno}`;
      throw new LtxError("PAGE_REFUSED", problem, { field: "page" });
    }
    const start = this.#pending.reserve(frame.length);
    this.#pending.buffer.set(frame, start);
    this.#append(pgno, page, frame.length, start);
  }

  /** Takes the bytes gathered so far. All drained bytes, in order, are the file. */
  drain(): Uint8Array {
    return this.#pending.take();
  }

  /** Ends the file. What is then pending is its last bytes. */
  finish(options: FinishOptions = {}): EncodeResult {
    this.#requireOpen();
    const missing = this.#order.findGapAtEnd();
    if (missing !== undefined) {
      throw new LtxError("SNAPSHOT_INCOMPLETE", `page ${missing} is missing`, { field: "pgno" });
    }
    const postApplyChecksum = this.#settleChecksum(options.postApplyChecksum);
    this.#finished = true;
    this.#emit(new Uint8Array(PAGE_HEADER_SIZE));
    this.#offset += PAGE_HEADER_SIZE;
    this.#index.uvarint(0);
    const indexBytes = this.#index.take();
    const footer = new Uint8Array(INDEX_FOOTER_SIZE);
    writeFields(INDEX_FOOTER_LAYOUT, { indexSize: BigInt(indexBytes.length) }, footer, 0);
    this.#emit(indexBytes);
    this.#emit(footer);
    const fileChecksum = EMPTY_DATABASE_CHECKSUM;
    const unsealed = encodeTrailer({ postApplyChecksum, fileChecksum });
    const trailer = {
      postApplyChecksum,
      fileChecksum: this.#crc.update(unsealed, 0, 8).checksum(),
    };
    const trailerBytes = encodeTrailer(trailer);
    this.#pending.bytes(trailerBytes);
    const place = { at: this.#offset, pageSize: this.header.pageSize };
    let index: PageIndex | undefined;
    return {
      get index() {
        index ??= decodePageIndex(indexBytes, place);
        return index;
      },
      trailer,
      size: this.#offset + indexBytes.length + footer.length + trailerBytes.length,
    };
  }

  #check(pgno: Pgno, page: Uint8Array): void {
    this.#requireOpen();
    if (page.length !== this.header.pageSize) {
      const problem = `${page.length} bytes for page ${pgno} of ${this.header.pageSize}`;
      throw new LtxError("PAGE_REFUSED", problem, { field: "page" });
    }
    const fault = this.#order.findFault(pgno);
    if (fault !== undefined) throw new LtxError("PAGE_REFUSED", fault, { field: "pgno" });
    const missing = this.#order.findGap(pgno);
    if (missing !== undefined) {
      const problem = `page ${pgno} of a snapshot where page ${missing} is due`;
      throw new LtxError("SNAPSHOT_INCOMPLETE", problem, { field: "pgno" });
    }
    if (this.#index.length > INDEX_SIZE_MAX - 32) {
      throw new LtxError("LIMIT_EXCEEDED", "too many pages for one file", { field: "indexSize" });
    }
  }

  #append(pgno: Pgno, page: Uint8Array, size: number, start: number): void {
    const buffer = this.#pending.buffer;
    this.#crc.update(buffer, start, start + hashedHeaderSize(this.#encoding)).update(page);
    this.#database?.toggle(pgno, page);
    this.#pending.advance(size);
    writeIndexEntry(this.#index, pgno, this.#offset, size);
    this.#offset += size;
    this.#order.accept(pgno);
  }

  /** Everything but pages goes into the file as it goes into the checksum. */
  #emit(bytes: Uint8Array): void {
    this.#crc.update(bytes);
    this.#pending.bytes(bytes);
  }

  #settleChecksum(given: Checksum | undefined): Checksum | undefined {
    if (this.header.noChecksum) {
      if (given === undefined) return undefined;
      throw new RangeError("a post-apply checksum for a file without checksums");
    }
    const isEmpty = this.header.commit === 0;
    const known = isEmpty ? EMPTY_DATABASE_CHECKSUM : this.#database?.value();
    if (given === undefined && known === undefined) {
      const field = "postApplyChecksum";
      throw new LtxError("CHECKSUM_REQUIRED", "no post-apply checksum was given", { field });
    }
    if (given !== undefined && known !== undefined && given !== known) {
      const field = "postApplyChecksum";
      throw new LtxError("CHECKSUM_MISMATCH", "the pages come to another checksum", { field });
    }
    return given ?? known;
  }

  #requireOpen(): void {
    if (this.#finished) throw new LtxError("CLOSED", "the file is finished");
  }
}

export interface EncodeLtxOptions extends EncoderOptions, FinishOptions {
  readonly header: HeaderInit;
  /** In ascending order. */
  readonly pages: Iterable<Page>;
}

/** A whole file in one buffer. */
export function encodeLtx(options: EncodeLtxOptions): Uint8Array {
  return encodeWhole(options).bytes;
}

/** The same, with the index that a reader of the file would find. */
export function encodeLtxWithIndex(
  options: EncodeLtxOptions,
): EncodeResult & { readonly bytes: Uint8Array } {
  const { bytes, result } = encodeWhole(options);
  return { ...result, bytes };
}

function encodeWhole(options: EncodeLtxOptions): {
  readonly bytes: Uint8Array;
  readonly result: EncodeResult;
} {
  const encoder = new Encoder(options.header, options);
  const chunks: Uint8Array[] = [];
  for (const { pgno, page } of options.pages) {
    encoder.addPage(pgno, page);
    if (encoder.pendingSize >= CHUNK_SIZE) chunks.push(encoder.drain());
  }
  const result = encoder.finish(options);
  chunks.push(encoder.drain());
  return { bytes: concatBytes(chunks), result };
}
