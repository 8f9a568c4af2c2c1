/**
 * Keys in the order of listings, kept so as they come and go: one costs a search, and no sorting.
 *
 * A walk over them sees what is added and removed ahead of it.
 */

import { compareKeys } from "../object-key.ts";

export class SortedKeys {
  readonly #keys: string[] = [];
  /** Grows with each change, so that a walk knows when its place may have moved. */
  #changes = 0;

  /** One that is not there yet. */
  add(key: string): void {
    this.#keys.splice(this.#countBefore(key), 0, key);
    this.#changes += 1;
  }

  /** One that is there. */
  remove(key: string): void {
    this.#keys.splice(this.#countBefore(key), 1);
    this.#changes += 1;
  }

  /** Those with the prefix, after `startAfter`. */
  *from(prefix: string, startAfter: string | undefined): Iterable<string> {
    let last = startAfter;
    let index = this.#start(prefix, last);
    let changes = this.#changes;
    for (;;) {
      if (changes !== this.#changes) index = this.#start(prefix, last);
      changes = this.#changes;
      const key = this.#keys[index];
      // Keys with one prefix are neighbours.
      if (key === undefined || !key.startsWith(prefix)) return;
      yield key;
      last = key;
      index += 1;
    }
  }

  #start(prefix: string, after: string | undefined): number {
    if (after === undefined || compareKeys(after, prefix) < 0) return this.#countBefore(prefix);
    const index = this.#countBefore(after);
    return this.#keys[index] === after ? index + 1 : index;
  }

  #countBefore(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
