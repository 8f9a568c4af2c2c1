/**
 * Time as a number: what is to happen, in order, one thing after another.
 *
 * Always true:
 *   - Nothing runs at the same time as anything else: one event, then all that follows from it
 *     without time passing.
 *   - Which of two events at one moment comes first is thrown from the seed; so the same seed gives
 *     the same run, and its trace has the same hash.
 */

import { createHash } from "node:crypto";
import type { Dice } from "./dice.ts";

export interface Timer {
  readonly atMs: number;
  /** What the trace says when it happens. Undefined: nothing. */
  readonly label: string | undefined;
  readonly fire: () => void;
}

/** More than this is a loop that waits for nothing. */
const EVENTS_MAX = 400_000;
/** Events of one moment are spread over this much, and time never stands still. */
const TIE_MS = 0.01;

export class Scheduler {
  nowMs = 0;
  eventCount = 0;
  readonly #dice: Dice;
  readonly #timers = new Set<Timer>();
  readonly #hash = createHash("sha256");
  readonly #onTrace: ((line: string) => void) | undefined;

  constructor(dice: Dice, onTrace?: (line: string) => void) {
    this.#dice = dice;
    this.#onTrace = onTrace;
  }

  after(delayMs: number, label: string | undefined, fire: () => void): Timer {
    const atMs = this.nowMs + Math.max(0, delayMs) + this.#dice.between(TIE_MS / 2, TIE_MS);
    const timer = { atMs, label, fire };
    this.#timers.add(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    this.#timers.delete(timer);
  }

  delay(durationMs: number): Promise<void> {
    return new Promise((resolve) => this.after(durationMs, undefined, resolve));
  }

  trace(text: string): void {
    const line = `${this.nowMs.toFixed(2).padStart(10)}  ${text}`;
    this.#hash.update(line);
    this.#onTrace?.(line);
  }

  /** Of everything traced so far. Asked for once, at the end. */
  traceHash(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }

  /** Runs all that happens in this time, or until the promise settles, if that is earlier. */
  async run(durationMs: number, until?: Promise<unknown>): Promise<void> {
    const endMs = this.nowMs + durationMs;
    let isOver = false;
    const stop = () => {
      isOver = true;
    };
    until?.then(stop, stop);
    await settle();
    while (!isOver) {
      const next = this.#earliest();
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = next.atMs;
      this.eventCount += 1;
      if (this.eventCount > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events in a run`);
      if (next.label !== undefined) this.trace(next.label);
      next.fire();
      await settle();
    }
    if (!isOver) this.nowMs = endMs;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.atMs < earliest.atMs) earliest = timer;
    }
    return earliest;
  }
}

/** Every promise that can settle without time passing has settled after this. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
