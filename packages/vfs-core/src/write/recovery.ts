/**
 * What a journal that an earlier run left behind means, now that the bucket's position is known.
 *
 *   bucket at the journal's position          its later commits are pending
 *   bucket one further, by our own upload     the same, from what that upload held
 *   the same, with a commit that was not made what was made in its place is a conflict
 *   anything else                             right only if nothing is pending: else a conflict
 *
 * Pure, but for the one question whether a file in the bucket is the one that was to be uploaded.
 */

import type { SyncedPoint, UploadIntent } from "../disk/journal-folder.ts";

export interface RecoveryFacts {
  /** Undefined in a folder that was never used. */
  readonly synced: SyncedPoint | undefined;
  /** Of one transaction. */
  readonly intents: readonly UploadIntent[];
  readonly bucketTxid: bigint;
  /** The file checksum of the level-0 file of that transaction; undefined when it is not there. */
  readonly checksumOf: (txid: bigint) => Promise<bigint | undefined>;
}

export interface RecoveryDecision {
  /** Commits after this one are not in the bucket. */
  readonly seq: number;
  /** Where the bucket stood then, and the checksum of the file that brought it there, if known. */
  readonly txid: bigint;
  readonly fileChecksum: bigint | undefined;
  /** Whether pending commits may be uploaded on top of what the bucket holds now. */
  readonly mayContinue: boolean;
}

export async function decideRecovery(facts: RecoveryFacts): Promise<RecoveryDecision> {
  const { synced, intents, bucketTxid, checksumOf } = facts;
  if (synced === undefined) {
    return { seq: 0, txid: bucketTxid, fileChecksum: undefined, mayContinue: false };
  }
  let point: SyncedPoint | UploadIntent = synced;
  const nextTxid = synced.txid + 1n;
  const tried = intents.filter(({ txid }) => txid === nextTxid);
  if (tried.length > 0 && bucketTxid >= nextTxid) {
    const found = await checksumOf(nextTxid);
    point = tried.find(({ fileChecksum }) => fileChecksum === found) ?? synced;
  }
  const { txid, fileChecksum } = point;
  const isTakenBack = (point as UploadIntent).isTakenBack === true;
  // The newest commit in it is one that the journal has not; another may have its number.
  const seq = isTakenBack ? point.seq - 1 : point.seq;
  return { seq, txid, fileChecksum, mayContinue: txid === bucketTxid && !isTakenBack };
}
