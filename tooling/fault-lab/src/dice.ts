/**
 * Chance from a seed: the same seed throws the same dice in the same order.
 */

import type { Random } from "@headwater/object-store";
import { seededRandom } from "@headwater/object-store/testing";

export class Dice {
  /** For what wants a function like `Math.random`. */
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** From `low` up to, and without, `high`. */
  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** Other dice: what throws these does not move those. */
  fork(): Dice {
    return new Dice(Math.floor(this.random() * 2 ** 32));
  }
}
