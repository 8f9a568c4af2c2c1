/**
 * In which order the pages of b-trees follow one another, as far as somebody has seen that: so that
 * a scan can be told from misses at random, and the pages be fetched that it is going to read,
 * wherever they lie.
 *
 * It is a hint, at four bytes a page.
 */

/** Nothing is known of the page. */
const UNKNOWN = 0;
/** What comes after it is not known. */
const LAST = 0xffff_ffff;

export class PageOrder {
  /** By page, the one after it. */
  #after = new Uint32Array(0);
  readonly #firsts = new Set<number>();

  /** From now on pages up to this one can be noted; of later ones nothing is known. */
  reserve(pageCount: number): void {
    const after = new Uint32Array(pageCount + 1);
    after.set(this.#after.subarray(0, after.length));
    this.#after = after;
  }

  /** Pages of one level of a tree, in the order of their keys, with none left out. */
  note(pgnos: readonly number[]): void {
    for (const [index, pgno] of pgnos.entries()) this.#after[pgno] = pgnos[index + 1] ?? LAST;
  }

  /** The first page of a level, which no other comes before. */
  noteFirst(pgno: number): void {
    this.#firsts.add(pgno);
  }

  get firsts(): Iterable<number> {
    return this.#firsts;
  }

  /** Of pages that have changed. */
  forget(pgnos: Uint32Array): void {
    for (const pgno of pgnos) {
      if (pgno < this.#after.length) this.#after[pgno] = UNKNOWN;
      this.#firsts.delete(pgno);
    }
  }

  /** Whether it is known to be a page of a tree that has a place in its order. */
  isKnown(pgno: number): boolean {
    return (this.#after[pgno] ?? UNKNOWN) !== UNKNOWN;
  }

  /** Undefined when it is not known. */
  after(pgno: number): number | undefined {
    const next = this.#after[pgno] ?? UNKNOWN;
    return next === UNKNOWN || next === LAST ? undefined : next;
  }

  /** Whether one comes after the other, with no more than so many pages between. */
  isSoonAfter(pgno: number, before: number, betweenMax: number): boolean {
    let next = this.after(before);
    for (let between = 0; between < betweenMax && next !== undefined; between += 1) {
      if (next === pgno) return true;
      next = this.after(next);
    }
    return next === pgno;
  }
}
