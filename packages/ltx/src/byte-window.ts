/**
 * ByteWindow: the bytes of a stream that have arrived and are not used up yet.
 *
 * It holds the chunk being read and, where a structure spans chunks, a copy of what is left of it;
 * so its memory is bounded by one chunk and one structure.
 */

export class ByteWindow {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #offset: number;
  #owned = false;

  /** For a stream of which the bytes before `offset` were used up elsewhere. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  /** Where the unused bytes lie, good until the next `push`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get size(): number {
    return this.#end - this.#start;
  }

  /** Bytes of the stream from its start to the first unused one. */
  get offset(): number {
    return this.#offset;
  }

  /** Where in the stream `bytes[0]` lies; for the offsets in errors. */
  get at(): number {
    return this.#offset - this.#start;
  }

  /** Adds a chunk, which must not change until it is used up. */
  push(chunk: Uint8Array): void {
    if (this.size === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const size = this.size + chunk.length;
    if (this.#owned && this.#end + chunk.length <= this.#bytes.length) {
      this.#bytes.set(chunk, this.#end);
    } else if (this.#owned && size * 2 <= this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#bytes.set(chunk, this.size);
      this.#start = 0;
    } else {
      const grown = new Uint8Array(size * 2);
      grown.set(this.#bytes.subarray(this.#start, this.#end));
      grown.set(chunk, this.size);
      this.#bytes = grown;
      this.#start = 0;
      this.#owned = true;
    }
    this.#end = this.#start + size;
  }

  /** Uses up bytes from the front. */
  skip(size: number): void {
    this.#start += size;
    this.#offset += size;
  }
}
