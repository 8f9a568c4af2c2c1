/** SeededRandom: the same numbers for the same seed, on every machine (xoshiro128**). */

export class SeededRandom {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    let mixed = seed | 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e37_79b9) | 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
      return word ^ (word >>> 15);
    });
  }

  /** 0..2^32-1. */
  u32(): number {
    const state = this.#state as unknown as [number, number, number, number];
    const scrambled = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 11);
    return scrambled;
  }

  /** 0..limit-1. */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  /** min..max, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.u32() < probability * 2 ** 32;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.u32());
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
