import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/system.ts";

/** The real clock, but the monotonic one can be put forward. */
export class JumpingClock implements Clock {
  #aheadMs = 0;

  jump(durationMs: number): void {
    this.#aheadMs += durationMs;
  }

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs;
  }

  sleep(durationMs: number, options = {}): Promise<void> {
    return systemClock.sleep(durationMs, options);
  }

  yield(): Promise<void> {
    return systemClock.yield();
  }
}

/** A clock by which so many times more time passes. */
export class FastClock implements Clock {
  readonly #speed: number;

  constructor(speed: number) {
    this.#speed = speed;
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() * this.#speed;
  }

  sleep(durationMs: number, options = {}): Promise<void> {
    return systemClock.sleep(durationMs / this.#speed, options);
  }

  yield(): Promise<void> {
    return systemClock.yield();
  }
}

/** A clock that stands still until a test moves it; sleeping moves it too. */
export class StillClock implements Clock {
  ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  nowMs(): number {
    return this.ms;
  }

  monotonicMs(): number {
    return this.ms;
  }

  async sleep(durationMs: number): Promise<void> {
    this.ms += durationMs;
  }

  async yield(): Promise<void> {}
}

/** The real clock, but so many times faster, by day and by stopwatch. */
export class RacingClock implements Clock {
  readonly #speed: number;
  readonly #startMs = systemClock.nowMs();

  constructor(speed: number) {
    this.#speed = speed;
  }

  nowMs(): number {
    return this.#startMs + (systemClock.nowMs() - this.#startMs) * this.#speed;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() * this.#speed;
  }

  sleep(durationMs: number, options = {}): Promise<void> {
    return systemClock.sleep(durationMs / this.#speed, options);
  }

  yield(): Promise<void> {
    return systemClock.yield();
  }
}
