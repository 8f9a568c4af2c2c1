/**
 * Time, turns and chance as arguments, so that tests decide them. The real ones are in system.ts.
 */

export interface SleepOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. No two machines agree on it. */
  nowMs(): number;
  /** Milliseconds since some moment in the past. Never goes back; for durations. */
  monotonicMs(): number;
  /** Rejects with `signal.reason` when the signal aborts. */
  sleep(durationMs: number, options?: SleepOptions): Promise<void>;
  /** Lets everything else that waits for this thread go first. */
  yield(): Promise<void>;
}

/** As `Math.random`: 0 and up, below 1. */
export type Random = () => number;
