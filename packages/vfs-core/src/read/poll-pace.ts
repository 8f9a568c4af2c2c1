/**
 * How long a follower pauses between two polls.
 *
 * Always true: what was quiet for some time is looked at again after a tenth of that time, but
 * never sooner than the shorter interval nor later than the longer one; and soon, while somebody
 * waits for a transaction.
 */

import type { Clock } from "../clock.ts";
import { QUIET_POLLS, WAIT_POLL_MS } from "../limits.ts";

export interface PollPaceOptions {
  readonly clock: Clock;
  /** Zero: only when asked. */
  readonly intervalMs: number;
  readonly intervalMsMax: number;
  readonly isAwaited: () => boolean;
}

export class PollPace {
  readonly #options: PollPaceOptions;
  #newsMs: number;

  constructor(options: PollPaceOptions) {
    this.#options = options;
    this.#newsMs = options.clock.monotonicMs();
  }

  /** Something was written. */
  onNews(): void {
    this.#newsMs = this.#options.clock.monotonicMs();
  }

  /** Undefined: until somebody asks. */
  get pauseMs(): number | undefined {
    const { clock, intervalMs, intervalMsMax, isAwaited } = this.#options;
    if (isAwaited()) return intervalMs === 0 ? WAIT_POLL_MS : Math.min(intervalMs, WAIT_POLL_MS);
    if (intervalMs === 0) return undefined;
    const quietMs = clock.monotonicMs() - this.#newsMs;
    return Math.min(Math.max(intervalMs, quietMs / QUIET_POLLS), intervalMsMax);
  }
}
