/**
 * The lease of a replica, looked at and broken without wanting it, with failures in this package's
 * words.
 */

import {
  type BreakLeaseOptions,
  breakLease,
  inspectLease,
  type LeaseInspection,
} from "@headwater/lease";
import { callStore } from "../replica.ts";
import { explainLease } from "../write/write-lease.ts";
import type { OfflineReplica } from "./offline-replica.ts";

/** Undefined when there never was one. Rejects with LEASE_INVALID for what is no lease. */
export function inspectReplicaLease(
  offline: OfflineReplica,
  signal?: AbortSignal,
): Promise<LeaseInspection | undefined> {
  const { replica } = offline;
  const { store, layout } = replica;
  return explained(offline, () => inspectLease({ store, key: layout.lockKey, signal }));
}

/** Undefined when there was nobody to take it from. */
export function breakReplicaLease(
  offline: OfflineReplica,
  options: Pick<BreakLeaseOptions, "owner" | "signal">,
): Promise<LeaseInspection | undefined> {
  const { once, replica } = offline;
  const key = replica.layout.lockKey;
  return explained(offline, () => breakLease({ store: once, key, ...options }));
}

async function explained<Result>(
  { replica }: OfflineReplica,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await callStore(replica, call);
  } catch (error) {
    throw explainLease(replica, error);
  }
}
