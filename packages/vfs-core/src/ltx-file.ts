/**
 * One LTX file of a replica, as its name and its listing tell it. Immutable, like the object.
 */

import type { Txid } from "@headwater/ltx";
import type { ObjectVersion } from "@headwater/object-store";

export interface LtxFile {
  readonly level: number;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  readonly key: string;
  /** Bytes of the object. */
  readonly size: number;
  /** When its last transaction was made, as far as the store tells. */
  readonly createdAtMs: number;
  /** Of the object; undefined where it did not come from the store. */
  readonly version?: ObjectVersion | undefined;
}

/** Whether both are the same object: a name alone may be given to another one. */
export function isSameFile(a: LtxFile, b: LtxFile): boolean {
  if (a.key !== b.key || a.size !== b.size) return false;
  return a.version === b.version || a.version === undefined || b.version === undefined;
}

/** The same text for the same object, and another one for another, as far as is known. */
export function objectName({ key, size, version }: LtxFile): string {
  return `${key} ${size} ${version ?? ""}`;
}

/** The order of a listing: by first txid, then by last. */
export function compareFiles(a: LtxFile, b: LtxFile): number {
  if (a.minTxid !== b.minTxid) return a.minTxid < b.minTxid ? -1 : 1;
  if (a.maxTxid !== b.maxTxid) return a.maxTxid < b.maxTxid ? -1 : 1;
  return 0;
}
