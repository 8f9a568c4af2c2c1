/**
 * Copies of pages, one after another in large buffers: so that pages which follow each other can be
 * written in one call as they lie.
 *
 * There are two buffers, used in turn: copies are good until the second next `turn`.
 */

export class PageSlab {
  readonly #slabs: readonly [Uint8Array, Uint8Array];
  #isOdd = false;
  #end = 0;

  /** So many bytes, but one page at the least, may be copied between two turns. */
  constructor(sizeBytes: number, pageSize: number) {
    const size = Math.max(sizeBytes, pageSize);
    this.#slabs = [new Uint8Array(size), new Uint8Array(size)];
  }

  turn(): void {
    this.#isOdd = !this.#isOdd;
    this.#end = 0;
  }

  copy(page: Uint8Array): Uint8Array {
    const slab = this.#slabs[this.#isOdd ? 1 : 0];
    const start = this.#end;
    this.#end = start + page.byteLength;
    if (this.#end > slab.byteLength) throw new RangeError("more pages than a slab has room for");
    slab.set(page, start);
    return slab.subarray(start, this.#end);
  }
}
