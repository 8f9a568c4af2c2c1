/**
 * The pasts that threads have opened by `at()`, each until it is left.
 */

import type { Moment, Mount, Past } from "@headwater/vfs-core";

export interface OpenedPast {
  readonly name: string;
  /** Never given twice in one process. */
  readonly number: number;
  readonly txid: bigint;
  readonly createdAtMs: number;
}

const claims = new Map<number, Past>();
let lastNumber = 0;

export async function claimPast(
  mount: Mount,
  moment: Moment,
  signal: AbortSignal,
): Promise<OpenedPast> {
  const past = await mount.at(moment, { signal });
  lastNumber += 1;
  const number = lastNumber;
  claims.set(number, past);
  const { name, txid, createdAtMs } = past;
  return { name, number, txid, createdAtMs };
}

export async function leavePast(number: number): Promise<void> {
  const past = claims.get(number);
  claims.delete(number);
  await past?.close();
}
