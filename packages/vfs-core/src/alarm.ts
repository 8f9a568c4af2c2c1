/**
 * A sleep that others can end. A ring while nobody sleeps ends the next sleep at once.
 */

import type { Clock } from "./clock.ts";
import { OVER } from "./over.ts";

export class Alarm {
  readonly #clock: Clock;
  #hasRung = false;
  #wake: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.abort(OVER);
  }

  /** Resolves at a ring or after the time; without a time, at a ring only. */
  async wait(durationMs: number | undefined): Promise<void> {
    if (!this.#hasRung) {
      const wake = new AbortController();
      this.#wake = wake;
      if (durationMs === undefined) await untilAborted(wake.signal);
      else await this.#clock.sleep(durationMs, { signal: wake.signal }).catch(() => {});
      this.#wake = undefined;
    }
    this.#hasRung = false;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
