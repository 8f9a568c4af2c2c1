/**
 * The pasts that threads have opened by `at()`, each until it is left, or its mount is closed.
 */

import type { Moment, Mount, Past } from "@headwater/vfs-core";

export interface OpenedPast {
  readonly name: string;
  /** Never given twice in one process. */
  readonly number: number;
  readonly txid: bigint;
  readonly createdAtMs: number;
}

interface Claim {
  readonly mount: Mount;
  readonly past: Past;
}

const claims = new Map<number, Claim>();
let lastNumber = 0;

export async function claimPast(
  mount: Mount,
  moment: Moment,
  signal: AbortSignal,
): Promise<OpenedPast> {
  const past = await mount.at(moment, { signal });
  lastNumber += 1;
  const number = lastNumber;
  claims.set(number, { mount, past });
  const { name, txid, createdAtMs } = past;
  return { name, number, txid, createdAtMs };
}

export async function leavePast(number: number): Promise<void> {
  const claim = claims.get(number);
  claims.delete(number);
  await claim?.past.close();
}

/** Of a mount that is closed: its pasts are closed with it, and what they hold may go. */
export function forgetPasts(mount: Mount): void {
  for (const [number, claim] of claims) if (claim.mount === mount) claims.delete(number);
}
