/**
 * The memory of a page cache, in native code, where SQLite threads find pages in it.
 *
 * Always true:
 *   - A buffer is of the records in use, or of a piece of the pages; no page is in two pieces.
 *   - A buffer stays as long as the memory, also while the bytes that it is of are given back.
 *   - The buffer of a piece is made when the first page of it is written: the garbage collector has
 *     the bytes of all buffers on its bill, and a full cache at once would make it begin right when
 *     somebody waits for a database to open.
 */

import type { CacheMemory } from "@headwater/vfs-core";
import type { Native } from "../native.ts";

/** A multiple of every page size. */
const PIECE_BYTES = 2 ** 20;

export class NativeCacheMemory implements CacheMemory {
  readonly byteLengthMax: number;
  readonly #native: Native;
  readonly #mount: number;
  /** Of all bytes of each. */
  readonly #pieces: (Uint8Array | undefined)[] = [];
  /** Where the records end. */
  #pagesOffset = 0;
  #byteLength = 0;
  #extended = 0;

  constructor(native: Native, mount: number, byteLength: number, byteLengthMax: number) {
    this.#native = native;
    this.#mount = mount;
    this.byteLengthMax = native.cacheReserve(mount, byteLength, byteLengthMax);
  }

  resize(byteLength: number): void {
    if (byteLength > this.#extended) {
      this.#native.cacheExtend(this.#mount, this.#extended, byteLength);
      this.#extended = byteLength;
    } else if (byteLength < this.#byteLength) {
      this.#native.cacheRelease(this.#mount, byteLength, this.#byteLength);
    }
    this.#byteLength = byteLength;
  }

  words(byteLength: number, pagesOffset: number): Int32Array {
    this.#pagesOffset = pagesOffset;
    return new Int32Array(this.#native.cacheBuffer(this.#mount, 0, byteLength));
  }

  bytes(offset: number, length: number): Uint8Array {
    const { buffer } = this.#pieceAt(offset);
    return new Uint8Array(buffer, this.#placeIn(offset), length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#pieceAt(offset).set(bytes, this.#placeIn(offset));
  }

  #placeIn(offset: number): number {
    return (offset - this.#pagesOffset) % PIECE_BYTES;
  }

  #pieceAt(offset: number): Uint8Array {
    const index = Math.floor((offset - this.#pagesOffset) / PIECE_BYTES);
    this.#pieces[index] ??= this.#makePiece(index);
    return this.#pieces[index];
  }

  #makePiece(index: number): Uint8Array {
    const start = this.#pagesOffset + index * PIECE_BYTES;
    const end = Math.min(start + PIECE_BYTES, this.byteLengthMax);
    return new Uint8Array(this.#native.cacheBuffer(this.#mount, start, end));
  }
}
