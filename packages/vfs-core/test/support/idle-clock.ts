/**
 * A clock that moves on by itself, to the next moment that somebody sleeps until, as soon as there
 * is nothing else left to do: what takes time then takes exactly that, and no real time.
 */

import type { Clock, SleepOptions } from "../../src/clock.ts";

/** Turns of the event loop in which nothing happens before everybody counts as asleep. */
const QUIET_TURNS = 3;

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export class IdleClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #nowMs = 0;
  #doneCount = 0;
  #isMoving = false;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, { signal }: SleepOptions = {}): Promise<void> {
    this.#doneCount += 1;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", onAbort);
        this.#doneCount += 1;
        settle();
      };
      const onAbort = () => end(() => reject(signal?.reason));
      const dueMs = this.#nowMs + durationMs;
      const sleeper: Sleeper = { dueMs, wake: () => end(resolve) };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.add(sleeper);
      if (!this.#isMoving) void this.#move();
    });
  }

  yield(): Promise<void> {
    this.#doneCount += 1;
    return new Promise((resolve) => setImmediate(resolve));
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    while (this.#sleepers.size > 0) {
      for (let turns = 0; turns < QUIET_TURNS; ) {
        const before = this.#doneCount;
        await new Promise((resolve) => setImmediate(resolve));
        turns = before === this.#doneCount ? turns + 1 : 0;
      }
      const sleepers = [...this.#sleepers];
      const nextMs = Math.min(...sleepers.map(({ dueMs }) => dueMs));
      if (sleepers.length === 0) break;
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      for (const { dueMs, wake } of sleepers) if (dueMs <= this.#nowMs) wake();
    }
    this.#isMoving = false;
  }
}
