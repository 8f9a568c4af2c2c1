/** How often something happened within the last hour, to the minute. */

import type { Clock } from "./clock.ts";

const MINUTE_MS = 60_000;
const MINUTES = 60;

export class HourCount {
  readonly #clock: Clock;
  readonly #counts = new Uint32Array(MINUTES);
  #minute: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#minute = this.#now();
  }

  add(): void {
    this.#moveOn();
    this.#counts[this.#minute % MINUTES]! += 1;
  }

  get count(): number {
    this.#moveOn();
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Empties the minutes that have begun since the last look. */
  #moveOn(): void {
    const now = this.#now();
    const first = Math.max(this.#minute + 1, now - MINUTES + 1);
    for (let minute = first; minute <= now; minute += 1) this.#counts[minute % MINUTES] = 0;
    this.#minute = now;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / MINUTE_MS);
  }
}
