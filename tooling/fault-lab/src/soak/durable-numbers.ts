/**
 * Which transactions are in the bucket, and since when: so what somebody who follows must have seen
 * by now.
 */

interface Told {
  readonly number: number;
  readonly atMs: number;
}

export class DurableNumbers {
  readonly #lagMsMax: number;
  #told: readonly Told[] = [];

  constructor(lagMsMax: number) {
    this.#lagMsMax = lagMsMax;
  }

  get newest(): number {
    return this.#told.at(-1)?.number ?? 0;
  }

  add(number: number, atMs: number): void {
    this.#told = [...this.#told, { number, atMs }];
  }

  mustBeSeen(nowMs: number): number {
    const last = this.#told.findLastIndex(({ atMs }) => atMs <= nowMs - this.#lagMsMax);
    if (last === -1) return 0;
    this.#told = this.#told.slice(last);
    return this.#told[0]!.number;
  }
}
