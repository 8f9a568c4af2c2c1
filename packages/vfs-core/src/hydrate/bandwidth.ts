/**
 * Bytes per second that hydration may ask for: over any longer time no more, though one request at
 * a time may be ahead by its own size.
 */

import type { Clock } from "../clock.ts";

export class Bandwidth {
  readonly #clock: Clock;
  readonly #bytesPerSecondMax: number | undefined;
  #freeAtMs = Number.NEGATIVE_INFINITY;

  /** Undefined: no limit. */
  constructor(clock: Clock, bytesPerSecondMax: number | undefined) {
    this.#clock = clock;
    this.#bytesPerSecondMax = bytesPerSecondMax;
  }

  get isLimited(): boolean {
    return this.#bytesPerSecondMax !== undefined;
  }

  /** Resolves when so many bytes may be asked for. Rejects with the reason of the signal. */
  async admit(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecondMax === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + (bytes * 1000) / this.#bytesPerSecondMax;
    if (startMs > nowMs) await this.#clock.sleep(startMs - nowMs, { signal });
  }
}
