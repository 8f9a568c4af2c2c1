import { untilAborted } from "@headwater/object-store";
import type { Clock } from "../../src/clock.ts";
import { deferred } from "../../src/deferred.ts";
import { systemClock } from "../../src/system.ts";

interface SleepOptions {
  readonly signal?: AbortSignal | undefined;
}

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

  sleep(durationMs: number, options: SleepOptions = {}): Promise<void> {
    return systemClock.sleep(durationMs, options);
  }

  yield(): Promise<void> {
    return systemClock.yield();
  }
}

/** The same; and sleeps of one length end only when a test says so. */
export class WakingClock extends JumpingClock {
  readonly sleepMs: number;
  #isAsleep = deferred<void>();
  #wake = deferred<void>();

  constructor(sleepMs: number) {
    super();
    this.sleepMs = sleepMs;
  }

  /** Resolves when who was asleep, or fell asleep before long, is asleep again. */
  async wake(): Promise<void> {
    await this.#isAsleep.promise;
    const { resolve } = this.#wake;
    this.#isAsleep = deferred();
    this.#wake = deferred();
    resolve();
    await this.#isAsleep.promise;
  }

  override async sleep(durationMs: number, options: SleepOptions = {}): Promise<void> {
    if (durationMs !== this.sleepMs) return super.sleep(durationMs, options);
    this.#isAsleep.resolve();
    await untilAborted(this.#wake.promise, options.signal);
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

/** Counts the turns that were left to others. */
export class CountingClock extends StillClock {
  turns = 0;

  override async yield(): Promise<void> {
    this.turns += 1;
  }
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
