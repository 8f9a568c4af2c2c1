/**
 * Deadlines of many short waits with one timer: almost all of them are over before it rings.
 */

import type { Clock } from "./clock.ts";
import { DEADLINE_STEP_MS } from "./limits.ts";

interface Wait {
  readonly deadlineMs: number;
  readonly onLate: () => void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  #isTicking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onLate` a moment after the time is over, unless the returned function was called. */
  set(durationMs: number, onLate: () => void): () => void {
    const wait = { deadlineMs: this.#clock.monotonicMs() + durationMs, onLate };
    this.#waits.add(wait);
    if (!this.#isTicking) void this.#tick();
    return () => this.#waits.delete(wait);
  }

  async #tick(): Promise<void> {
    this.#isTicking = true;
    while (this.#waits.size > 0) {
      await this.#clock.sleep(DEADLINE_STEP_MS);
      const nowMs = this.#clock.monotonicMs();
      for (const wait of this.#waits) {
        if (wait.deadlineMs > nowMs) continue;
        this.#waits.delete(wait);
        wait.onLate();
      }
    }
    this.#isTicking = false;
  }
}
