/**
 * Text that compresses about as well as text does: a vocabulary with common and rare words.
 */

import { type Random, randomBetween } from "../seeded-random.ts";

const SYLLABLES = "ba co di fu ga hel in jo ka lu mer no or pa qui ra sto ti un ver wa xe yo zin";
const VOCABULARY_SIZE = 4000;

export class Words {
  readonly #random: Random;
  readonly #vocabulary: readonly string[];

  constructor(random: Random) {
    this.#random = random;
    const syllables = SYLLABLES.split(" ");
    this.#vocabulary = Array.from({ length: VOCABULARY_SIZE }, () => {
      const count = randomBetween(random, 1, 4);
      return Array.from(
        { length: count },
        () => syllables[randomBetween(random, 0, syllables.length - 1)],
      ).join("");
    });
  }

  /** Exactly `length` characters. */
  text(length: number): string {
    let text = this.#word();
    while (text.length < length) text += ` ${this.#word()}`;
    return text.slice(0, length);
  }

  name(): string {
    const [first = "", second = ""] = [this.#word(), this.#word()];
    return `${capital(first)} ${capital(second)}`;
  }

  /** Low numbers come up far more often than high ones, as in a language. */
  #word(): string {
    const rank = Math.floor(VOCABULARY_SIZE * this.#random() ** 3);
    return this.#vocabulary[rank] as string;
  }
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
