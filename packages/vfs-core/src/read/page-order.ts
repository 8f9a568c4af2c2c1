/**
 * In which order the pages of b-trees follow one another, as far as somebody has seen that: so that
 * a scan can be told from misses at random, and the pages be fetched that it is going to read,
 * wherever they lie.
 *
 * It is a hint, at four bytes a page; four more once somebody has read backwards.
 */

/** Nothing is known of the page. */
const UNKNOWN = 0;
/** Nothing comes after it. */
const LAST = 0xffff_ffff;
/** Something comes after it, and it is not known what. */
const OPEN = 0xffff_fffe;

export class PageOrder {
  /** By page, the one after it. */
  #after = new Uint32Array(0);
  /** By page, the one before it. Undefined until it is asked for. */
  #before: Uint32Array | undefined;
  readonly #firsts = new Set<number>();

  /** From now on pages up to this one can be noted; of later ones nothing is known. */
  reserve(pageCount: number): void {
    const after = new Uint32Array(pageCount + 1);
    after.set(this.#after.subarray(0, after.length));
    this.#after = after;
    this.#before = undefined;
  }

  /**
   * Pages of one level of a tree, in the order of their keys, with none left out; `isOpen`: but
   * more come after them.
   */
  note(pgnos: readonly number[], isOpen = false): void {
    for (const [index, pgno] of pgnos.entries()) {
      const next = pgnos[index + 1];
      this.#after[pgno] = next ?? (isOpen ? OPEN : LAST);
      if (next !== undefined && this.#before !== undefined) this.#before[next] = pgno;
    }
  }

  /** The first page of a level, which no other comes before. */
  noteFirst(pgno: number): void {
    this.#firsts.add(pgno);
  }

  get firsts(): Iterable<number> {
    return this.#firsts;
  }

  isFirst(pgno: number): boolean {
    return this.#firsts.has(pgno);
  }

  /** Of pages that have changed. */
  forget(pgnos: Uint32Array): void {
    for (const pgno of pgnos) {
      if (pgno < this.#after.length) this.#after[pgno] = UNKNOWN;
      if (this.#before !== undefined && pgno < this.#before.length) this.#before[pgno] = UNKNOWN;
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
    return next === UNKNOWN || next >= OPEN ? undefined : next;
  }

  /** Whether something comes after it, and it is not known what. */
  isOpen(pgno: number): boolean {
    return this.#after[pgno] === OPEN;
  }

  /** Undefined when it is not known. */
  before(pgno: number): number | undefined {
    this.#before ??= reversed(this.#after);
    const previous = this.#before[pgno] ?? UNKNOWN;
    return previous === UNKNOWN ? undefined : previous;
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

function reversed(after: Uint32Array): Uint32Array {
  const before = new Uint32Array(after.length);
  for (const [pgno, next] of after.entries()) {
    if (next !== UNKNOWN && next < before.length) before[next] = pgno;
  }
  return before;
}
