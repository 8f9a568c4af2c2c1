/**
 * A set of page numbers, one bit each.
 */

export class PageSet implements Iterable<number> {
  #bits = new Uint8Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  has(pgno: number): boolean {
    return ((this.#bits[pgno >>> 3] ?? 0) & (1 << (pgno & 7))) !== 0;
  }

  add(pgno: number): void {
    if (this.has(pgno)) return;
    const at = pgno >>> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at]! |= 1 << (pgno & 7);
    this.#count += 1;
  }

  delete(pgno: number): void {
    if (!this.has(pgno)) return;
    this.#bits[pgno >>> 3]! &= ~(1 << (pgno & 7));
    this.#count -= 1;
  }

  /** Ascending. The set may change meanwhile. */
  *[Symbol.iterator](): Iterator<number> {
    for (let at = 0; at < this.#bits.length; at += 1) {
      if (this.#bits[at] === 0) continue;
      for (let pgno = at * 8; pgno < at * 8 + 8; pgno += 1) if (this.has(pgno)) yield pgno;
    }
  }
}
