/**
 * The memory of a page cache, in native code, where SQLite threads find pages in it.
 *
 * Always true: one buffer for each time that the memory has grown further than ever; a buffer stays
 * as long as the memory, also while the bytes that it is of are given back.
 */

import type { CacheMemory } from "@headwater/vfs-core";
import type { Native } from "../native.ts";

interface Extent {
  readonly offset: number;
  readonly buffer: ArrayBuffer;
  /** Of all of it. */
  readonly view: Uint8Array;
}

export class NativeCacheMemory implements CacheMemory {
  readonly byteLengthMax: number;
  readonly #native: Native;
  readonly #mount: number;
  readonly #extents: Extent[] = [];
  #byteLength = 0;
  #extended = 0;

  constructor(native: Native, mount: number, byteLength: number, byteLengthMax: number) {
    this.#native = native;
    this.#mount = mount;
    this.byteLengthMax = native.cacheReserve(mount, byteLength, byteLengthMax);
  }

  resize(byteLength: number): void {
    if (byteLength > this.#extended) {
      const buffer = this.#native.cacheExtend(this.#mount, this.#extended, byteLength);
      this.#extents.push({ offset: this.#extended, buffer, view: new Uint8Array(buffer) });
      this.#extended = byteLength;
    } else if (byteLength < this.#byteLength) {
      this.#native.cacheRelease(this.#mount, byteLength, this.#byteLength);
    }
    this.#byteLength = byteLength;
  }

  words(byteLength: number): Int32Array {
    const { buffer } = this.#extentOf(0);
    return new Int32Array(buffer, 0, byteLength / 4);
  }

  bytes(offset: number, length: number): Uint8Array {
    const extent = this.#extentOf(offset);
    return new Uint8Array(extent.buffer, offset - extent.offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const extent = this.#extentOf(offset);
    extent.view.set(bytes, offset - extent.offset);
  }

  #extentOf(offset: number): Extent {
    let index = this.#extents.length - 1;
    while (this.#extents[index]!.offset > offset) index -= 1;
    return this.#extents[index]!;
  }
}
