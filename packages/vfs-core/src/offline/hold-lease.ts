/**
 * Work that only the holder of the lease may do, without a mount.
 *
 * Always true: the work ends when the lease is lost, and the lease is given back when it has ended.
 */

import type { Lease } from "@headwater/lease";
import type { LeaseChoice } from "../options.ts";
import { requireConditions } from "../write/write-claim.ts";
import { explainLease, takeLease } from "../write/write-lease.ts";
import type { OfflineReplica } from "./offline-replica.ts";

export interface HoldLeaseOptions {
  readonly lease?: Exclude<LeaseChoice, "off"> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HeldWork {
  /** Aborts when the caller's does, and when the lease is lost. */
  readonly signal: AbortSignal;
  /** Rejects when the lease is not ours. `serverDateMs`: the store's clock, if it was just told. */
  readonly stillOurs: (serverDateMs?: number | undefined) => Promise<void>;
}

/** Rejects with LEASE_HELD when a writer has it. */
export async function holdLease<Result>(
  { replica, once, random }: OfflineReplica,
  { lease: choice = {}, signal }: HoldLeaseOptions,
  work: (held: HeldWork) => Promise<Result>,
): Promise<Result> {
  await requireConditions({ lease: choice, random }, { replica }, signal);
  const lease = (await takeLease(replica, once, choice, { random, signal })) as Lease;
  const signals = signal === undefined ? [] : [signal];
  const stillOurs = async (serverDateMs?: number | undefined) => {
    try {
      await lease.check({ serverDateMs });
    } catch (error) {
      throw explainLease(replica, error);
    }
  };
  try {
    return await work({ signal: AbortSignal.any([...signals, lease.lost]), stillOurs });
  } catch (error) {
    throw explainLease(replica, error);
  } finally {
    // One that cannot be given back expires.
    await lease.release().catch(() => {});
  }
}
