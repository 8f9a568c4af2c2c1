/**
 * ByteWriter: a buffer that grows, and hands out what was written.
 *
 * `reserve` and `advance` let a writer of unknown size (a compressor) work in the buffer itself.
 */

import { UVARINT_SIZE_MAX } from "./limits.ts";

const CAPACITY_MIN = 256;

/** Numbers up to this one are integers of the processor, and are shifted; others are divided. */
const SHIFTED_MAX = 0x7fff_ffff;

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
    let at = this.reserve(UVARINT_SIZE_MAX);
    const bytes = this.#bytes;
    let rest = value;
    for (; rest > SHIFTED_MAX; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    this.#length = at;
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
