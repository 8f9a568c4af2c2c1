/**
 * ByteWriter: a buffer that grows, and hands out what was written.
 *
 * `reserve` and `advance` let a writer of unknown size (a compressor) work in the buffer itself.
 */

const CAPACITY_MIN = 256;

export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = CAPACITY_MIN) {
    this.#bytes = new Uint8Array(Math.max(capacity, CAPACITY_MIN));
  }

  get length(): number {
    return this.#length;
  }

  /** The buffer, good until the next call; what was written is at [0, length). */
  get buffer(): Uint8Array {
    return this.#bytes;
  }

  /** Makes room for `size` more bytes and gives back where in `buffer` they start. */
  reserve(size: number): number {
    const needed = this.#length + size;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    return this.#length;
  }

  /** Counts bytes that were written into reserved room. */
  advance(size: number): void {
    this.#length += size;
  }

  bytes(bytes: Uint8Array): void {
    const start = this.reserve(bytes.length);
    this.#bytes.set(bytes, start);
    this.#length += bytes.length;
  }

  /** Unsigned LEB128. */
  uvarint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#length = 0;
  }

  /** What was written so far, as bytes of its own; the writer starts afresh. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}
