/**
 * PageOrder: which page may come next in a file.
 *
 * The rules, for encoder and decoder alike:
 *   - Page numbers ascend, and none is above the header's `commit`.
 *   - The lock page is in no file.
 *   - A snapshot has every other page from 1 to `commit`.
 */
import type { Header } from "./header.ts";
import { isSnapshot } from "./header.ts";
import { lockPgno, type Pgno } from "./pgno.ts";

export class PageOrder {
  readonly #commit: number;
  readonly #lock: Pgno;
  readonly #complete: boolean;
  #last: number;
  #hasGap: boolean;

  /** `allowIncomplete` lifts the last rule. With `from`, it goes on where another one stood. */
  constructor(
    header: Header,
    allowIncomplete = false,
    from?: { readonly lastPgno: number; readonly hasGap: boolean },
  ) {
    this.#last = from?.lastPgno ?? 0;
    this.#hasGap = from?.hasGap ?? false;
    this.#commit = header.commit;
    this.#lock = lockPgno(header.pageSize);
    this.#complete = isSnapshot(header) && !allowIncomplete;
  }

  /** Why the page may not come next, or undefined. Changes nothing. */
  findFault(pgno: Pgno): string | undefined {
    if (pgno > this.#commit) return `page ${pgno} of a database of ${this.#commit} pages`;
    if (pgno === this.#lock) return `page ${pgno} is the lock page`;
    if (pgno <= this.#last) return `page ${pgno} after page ${this.#last}`;
    return undefined;
  }

  /** The page that a snapshot lacks if `pgno` comes next, or undefined. Changes nothing. */
  findGap(pgno: Pgno): Pgno | undefined {
    const next = this.#next();
    return this.#complete && pgno !== next ? next : undefined;
  }

  /** The page that a snapshot lacks if no more come, or undefined. */
  findGapAtEnd(): Pgno | undefined {
    const next = this.#next();
    return this.#complete && next <= this.#commit ? next : undefined;
  }

  accept(pgno: Pgno): void {
    if (pgno !== this.#next()) this.#hasGap = true;
    this.#last = pgno;
  }

  /** The page accepted last; zero before the first. */
  get last(): number {
    return this.#last;
  }

  /** Whether pages were left out before that one. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Whether the pages so far are all that a database of `commit` pages has. */
  get whole(): boolean {
    return !this.#hasGap && this.#next() > this.#commit;
  }

  #next(): Pgno {
    const next = this.#last + 1;
    return (next === this.#lock ? next + 1 : next) as Pgno;
  }
}
