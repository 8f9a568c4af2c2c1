/**
 * How long to wait before the next attempt: decorrelated jitter. Each pause is drawn between the
 * shortest one and three times the one before, so that clients that failed together spread out.
 */

import type { Random } from "../clock.ts";

export interface BackoffOptions {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly random: Random;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #lastMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#lastMs = options.delayMsMin;
  }

  nextMs(): number {
    const { delayMsMin, delayMsMax, random } = this.#options;
    const upper = Math.max(delayMsMin, this.#lastMs * 3);
    this.#lastMs = Math.min(delayMsMax, delayMsMin + random() * (upper - delayMsMin));
    return this.#lastMs;
  }
}
