/**
 * The lease of a writer, with its failures in this package's words.
 */

import { acquireLease, type Lease, LeaseError, type LeaseTrail } from "@headwater/lease";
import { metered, type ObjectStore } from "@headwater/object-store";
import type { Random } from "../clock.ts";
import { LEASE_TTL_MS, type LeaseChoice } from "../options.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import { seeLease } from "../seeing/see-lease.ts";
import { systemOwner } from "../system.ts";

export interface TakeLeaseOptions {
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
  /** Of the journal folder, for those who have one. */
  readonly trail?: LeaseTrail | undefined;
}

/** Undefined when the lease is off. When this rejects, nothing of ours is in the store. */
export async function takeLease(
  replica: Replica,
  /** Without retries: the lease has its own, which know how long they may take. */
  store: ObjectStore,
  choice: LeaseChoice,
  { random, signal, trail }: TakeLeaseOptions,
): Promise<Lease | undefined> {
  if (choice === "off") return undefined;
  const { ttlMs = LEASE_TTL_MS, owner = systemOwner(), waitMs = 0 } = choice;
  const { layout, clock, seeing } = replica;
  const counted = metered(store, seeing.meter("lease"));
  const waiting = new AbortController();
  const onAbort = () => waiting.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  // Whoever opens the mount has asked the store about its conditions.
  const given = { key: layout.lockKey, owner, ttlMs, clock, random, trail };
  const options = { ...given, probe: false, settles: true };
  try {
    if (waitMs > 0)
      void clock.sleep(waitMs, waiting).then(
        () => waiting.abort(OVER),
        () => {},
      );
    const acquire = (store: ObjectStore) =>
      acquireLease({ ...options, store, wait: waitMs > 0, signal: waiting.signal }).catch(
        (error) => {
          // The time is over: the last try says who holds it.
          if (error !== OVER) throw error;
          return acquireLease({ ...options, store, signal });
        },
      );
    return await callStore(replica, () => seeLease(seeing, clock, counted, acquire));
  } catch (error) {
    throw explainLease(replica, error);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!waiting.signal.aborted) waiting.abort(OVER);
  }
}

const OVER = Symbol("the wait for the lease is over");

export function explainLease(replica: Replica, error: unknown): unknown {
  if (!LeaseError.is(error)) return error;
  switch (error.code) {
    case "LEASE_HELD":
      return replicaError(replica, "LEASE_HELD", error.message, error);
    case "LEASE_LOST":
    case "LEASE_RELEASED":
      return replicaError(replica, "FENCED", error.message, error);
    case "RECORD_INVALID":
      return replicaError(replica, "LEASE_INVALID", error.message, error);
    case "STORE_UNSUPPORTED":
      return replicaError(replica, "STORE_UNSUPPORTED", error.message, error);
  }
}
