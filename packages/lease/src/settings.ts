/**
 * The options of `acquireLease`, checked, with every time that follows from them.
 *
 * The holder stops `marginMs` before its record expires; a contender waits `marginMs` after it. The
 * two together must be longer than what the store's dates may be wrong by and than what clocks
 * drift apart in one TTL.
 */

import type { ObjectStore } from "@headwater/object-store";
import type { Clock, Random } from "./clock.ts";
import type { LeaseTrail } from "./lease-trail.ts";
import { OWNER_LENGTH_MAX, POLL_MS_DEFAULT, TTL_MS_MAX, TTL_MS_MIN } from "./limits.ts";
import { systemClock, systemRandom } from "./system.ts";

export interface AcquireLeaseOptions {
  readonly store: ObjectStore;
  /** The object that is the lease. Litestream's is `lock.json` in the folder of the replica. */
  readonly key: string;
  /** A name for people, such as host and process. It proves nothing. */
  readonly owner: string;
  /** How long a holder that went silent keeps others out. It renews at a third of this. */
  readonly ttlMs: number;
  /** Kept free on both sides of the expiry. By default a sixth of the TTL, and two seconds. */
  readonly marginMs?: number | undefined;
  /** True: wait until the lease is free. False, the default: reject with LEASE_HELD. */
  readonly wait?: boolean | undefined;
  /** How often to look while waiting. */
  readonly pollMs?: number | undefined;
  /** Ends the wait, not the lease. */
  readonly signal?: AbortSignal | undefined;
  /**
   * True: an abort rejects only when what was under way is settled and given back. False, the
   * default: at once, and that goes on behind.
   */
  readonly settles?: boolean | undefined;
  /** The new generation is at least this: for a caller that knows of older holders elsewhere. */
  readonly generationMin?: bigint | undefined;
  /**
   * Ask a store whose provider is not known for what it must refuse, and give up if it does not:
   * about thirty small requests, once per process and place. False: trust what it says of itself.
   */
  readonly probe?: boolean | undefined;
  /** Lets the next process of the same place follow a dead one without waiting for the expiry. */
  readonly trail?: LeaseTrail | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface Settings {
  readonly store: ObjectStore;
  readonly key: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly marginMs: number;
  readonly renewMs: number;
  /** No request of ours is waited for any longer; it then counts as one without an answer. */
  readonly requestTimeoutMs: number;
  /** The longest that the holder does not look at its clocks. */
  readonly watchMs: number;
  readonly pollMs: number;
  readonly generationMin: bigint;
  readonly wait: boolean;
  readonly probe: boolean;
  readonly trail: LeaseTrail | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const MARGIN_MS_WANTED = 2_000;
const WATCH_MS_MAX = 1_000;

export function toSettings(options: AcquireLeaseOptions): Settings {
  const { store, key, owner, ttlMs } = options;
  if (key === "") throw new TypeError("key must not be empty");
  if (owner.length > OWNER_LENGTH_MAX) {
    throw new RangeError(`owner is longer than ${OWNER_LENGTH_MAX} characters`);
  }
  if (!(ttlMs >= TTL_MS_MIN && ttlMs <= TTL_MS_MAX)) {
    throw new RangeError(`ttlMs must be from ${TTL_MS_MIN} to ${TTL_MS_MAX}: ${ttlMs}`);
  }
  const marginMs = options.marginMs ?? defaultMarginMs(ttlMs);
  // Half of the TTL leaves room for one renewal at a third of it.
  if (!(marginMs > 0 && marginMs < ttlMs / 2)) {
    throw new RangeError(`marginMs must be above 0 and below half of ttlMs: ${marginMs}`);
  }
  const pollMs = options.pollMs ?? POLL_MS_DEFAULT;
  if (!(pollMs > 0)) throw new RangeError(`pollMs must be above 0: ${pollMs}`);
  return {
    store,
    key,
    owner,
    ttlMs,
    marginMs,
    pollMs,
    renewMs: ttlMs / 3,
    requestTimeoutMs: ttlMs / 3,
    watchMs: Math.min(marginMs / 2, WATCH_MS_MAX),
    generationMin: options.generationMin ?? 1n,
    wait: options.wait ?? false,
    probe: options.probe ?? true,
    trail: options.trail,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function defaultMarginMs(ttlMs: number): number {
  return Math.min(Math.max(ttlMs / 6, MARGIN_MS_WANTED), ttlMs / 4);
}
