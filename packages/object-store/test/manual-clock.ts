import type { CallOptions, Clock } from "@headwater/object-store";

/** A clock that stands still until somebody sleeps: then it jumps there at once. */
export class ManualClock implements Clock {
  nowValueMs = 1_700_000_000_000;
  readonly sleptMs: number[] = [];

  nowMs(): number {
    return this.nowValueMs;
  }

  monotonicMs(): number {
    return this.nowValueMs;
  }

  async sleep(durationMs: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.sleptMs.push(durationMs);
    this.nowValueMs += durationMs;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
}
