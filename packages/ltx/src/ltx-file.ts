/**
 * LtxFile: a whole LTX file in one buffer.
 *
 * Opening it reads header, index and trailer, which are then sound in themselves. Pages are
 * decoded when asked for: all in order by `pages`, which also verifies the file checksum by the
 * time it ends, or any one by `page`, which verifies no more than that page's frame.
 */
import { type DecodedPage, Decoder, type DecoderOptions } from "./decoder.ts";
import { LtxError } from "./errors.ts";
import { decodeHeader, type Header } from "./header.ts";
import { decodePageFrame } from "./page-frame.ts";
import { type PageIndex, readIndexFromTail } from "./page-index.ts";
import type { Pgno } from "./pgno.ts";
import type { Trailer } from "./trailer.ts";

/** Opens a file that is in memory. The bytes must not change while it is in use. */
export function decodeLtx(bytes: Uint8Array): LtxFile {
  const header = decodeHeader(bytes);
  const { pageSize } = header;
  const { index, trailer } = readIndexFromTail(bytes, bytes.length, { pageSize });
  if (index === undefined || trailer === undefined) {
    throw new LtxError("TRUNCATED", "the file is shorter than its index", {
      offset: bytes.length,
      field: "index",
    });
  }
  return new LtxFile(bytes, header, index, trailer);
}

export class LtxFile {
  readonly bytes: Uint8Array;
  readonly header: Header;
  readonly index: PageIndex;
  readonly trailer: Trailer;

  constructor(bytes: Uint8Array, header: Header, index: PageIndex, trailer: Trailer) {
    this.bytes = bytes;
    this.header = header;
    this.index = index;
    this.trailer = trailer;
  }

  /** Every page in order. Once it has ended, the whole file was verified as by `Decoder`. */
  *pages(options: DecoderOptions = {}): Generator<DecodedPage, Trailer, undefined> {
    const decoder = new Decoder(options);
    decoder.push(this.bytes);
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) yield page;
    return decoder.finish();
  }

  /** One page by its index entry, or undefined if the file does not have it. */
  page(pgno: Pgno): Uint8Array | undefined {
    const entry = this.index.find(pgno);
    if (entry === undefined) return undefined;
    const { offset, size } = entry;
    const frame = this.bytes.subarray(offset, offset + size);
    return decodePageFrame(frame, this.header.pageSize, { pgno, at: offset }).page;
  }

  /** Decodes everything and keeps nothing; throws what is wrong with the file. */
  verify(options: DecoderOptions = {}): Trailer {
    const decoder = new Decoder({ ...options, reusePage: true });
    decoder.push(this.bytes);
    while (decoder.next() !== undefined);
    return decoder.finish();
  }
}

/** Verifies a whole file in one buffer; throws what is wrong with it. */
export function verifyLtx(bytes: Uint8Array, options: DecoderOptions = {}): Trailer {
  return decodeLtx(bytes).verify(options);
}
