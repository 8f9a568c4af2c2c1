/**
 * LtxStream: an LTX file that arrives in chunks, such as the body of a download.
 *
 * The header is there once it is open; pages follow one at a time. The trailer, and with it the
 * knowledge that all of it was right, is there once the last page has been taken.
 */
import {
  type DecodedPage,
  Decoder,
  type DecoderCheckpoint,
  type DecoderOptions,
} from "./decoder.ts";
import { LtxError } from "./errors.ts";
import type { Header } from "./header.ts";
import type { Trailer } from "./trailer.ts";

/** A file as one buffer, or as chunks of any size. A chunk must not change once it was given. */
export type LtxSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Opens a stream: reads as far as the header. With `from`, the source begins at its offset. */
export async function decodeLtxStream(
  source: LtxSource,
  options: DecoderOptions = {},
): Promise<LtxStream> {
  return LtxStream.open(source, options);
}

export class LtxStream implements AsyncDisposable {
  readonly header: Header;
  readonly #decoder: Decoder;
  readonly #chunks: ChunkIterator;
  #trailer: Trailer | undefined;
  #closed = false;

  private constructor(header: Header, decoder: Decoder, chunks: ChunkIterator) {
    this.header = header;
    this.#decoder = decoder;
    this.#chunks = chunks;
  }

  static async open(source: LtxSource, options: DecoderOptions = {}): Promise<LtxStream> {
    const decoder = new Decoder(options);
    const chunks = iterate(source);
    try {
      while (decoder.header === undefined) {
        const { done, value } = await chunks.next();
        if (done === true) decoder.finish();
        else decoder.push(value);
      }
      return new LtxStream(decoder.header, decoder, chunks);
    } catch (error) {
      await chunks.return?.();
      throw error;
    }
  }

  /** The trailer, once every page has been taken and all of it has been verified. */
  get trailer(): Trailer | undefined {
    return this.#trailer;
  }

  /** As that of a `Decoder`. */
  checkpoint(): DecoderCheckpoint | undefined {
    return this.#decoder.checkpoint();
  }

  /** The frame of the page given last, good until the next call. */
  get frame(): Uint8Array | undefined {
    return this.#decoder.frame;
  }

  /** The next page if it has arrived already; undefined says nothing about whether there is one. */
  nextNow(): DecodedPage | undefined {
    return this.#decoder.next();
  }

  /** The next page, or undefined after the last one, once the whole file has been verified. */
  async next(): Promise<DecodedPage | undefined> {
    if (this.#trailer !== undefined) return undefined;
    if (this.#closed) throw new LtxError("CLOSED", "the stream is closed");
    for (;;) {
      const page = this.#decoder.next();
      if (page !== undefined) return page;
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        this.#trailer = this.#decoder.finish();
        return undefined;
      }
      this.#decoder.push(value);
    }
  }

  /** Every page; to be used once. Leaving the loop early closes the stream. */
  async *pages(): AsyncGenerator<DecodedPage, void, undefined> {
    try {
      for (;;) {
        const page = this.nextNow() ?? (await this.next());
        if (page === undefined) return;
        yield page;
      }
    } finally {
      await this.close();
    }
  }

  /** Lets go of the source. May be called again. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#trailer === undefined) await this.#chunks.return?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type ChunkIterator = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

/** Any source as an iterable of its chunks. */
export function iterateChunks(source: LtxSource): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  return source instanceof Uint8Array ? [source] : source;
}

function iterate(source: LtxSource): ChunkIterator {
  const chunks = iterateChunks(source);
  if (Symbol.asyncIterator in chunks) return chunks[Symbol.asyncIterator]();
  return chunks[Symbol.iterator]();
}
