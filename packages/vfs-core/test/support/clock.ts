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
