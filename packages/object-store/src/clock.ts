/**
 * Time and randomness as arguments, so that tests decide them.
 *
 * The real ones are in system.ts.
 */

import type { CallOptions } from "./object-store.ts";

export interface Clock {
  /** Milliseconds since the Unix epoch. No two machines agree on it. */
  nowMs(): number;
  /** Milliseconds since some moment in the past. Never goes back; for durations. */
  monotonicMs(): number;
  /** Rejects with `signal.reason` when the signal aborts. */
  sleep(durationMs: number, options?: CallOptions): Promise<void>;
}

/** As `Math.random`: 0 and up, below 1. */
export type Random = () => number;
