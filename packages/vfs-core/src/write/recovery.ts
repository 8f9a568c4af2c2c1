/**
 * What a journal that an earlier run left behind means, now that the bucket's position is known.
 *
 *   bucket at the journal's position          its later commits are pending
 *   bucket one further, by our own upload     the same, from what that upload held
 *   the same, with a commit that was not made what was made in its place is a conflict
 *   bucket further, on top of our own upload  right only if nothing is pending after that
 *   anything else                             right only if nothing is pending: else a conflict
 *
 * That a file of ours is in the bucket does not say that it is in the database. One that was long
 * under way may have come when the transaction was somebody else's already, and retention had
 * taken away the file that would have kept it out. The newest name is never taken away; further
 * back, the next file says which one it continues (node-id.ts). Where it does not say so, or is
 * gone itself, a conflict is declared: no commit is dropped that may be in no restore.
 *
 * Pure, but for these two questions about files in the bucket.
 */

import type { SyncedPoint, UploadIntent } from "../disk/journal-folder.ts";
import { continuesFile } from "./node-id.ts";

export interface RecoveryFacts {
  /** Undefined in a folder that was never used. */
  readonly synced: SyncedPoint | undefined;
  /** Of one transaction. */
  readonly intents: readonly UploadIntent[];
  readonly bucketTxid: bigint;
  /** The file checksum of the level-0 file of that transaction; undefined when it is not there. */
  readonly checksumOf: (txid: bigint) => Promise<bigint | undefined>;
  /** The node id in it; undefined when it is not there. */
  readonly nodeIdOf: (txid: bigint) => Promise<bigint | undefined>;
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
  const { synced, intents, bucketTxid } = facts;
  if (synced === undefined) {
    return { seq: 0, txid: bucketTxid, fileChecksum: undefined, mayContinue: false };
  }
  let point: SyncedPoint | UploadIntent = synced;
  const nextTxid = synced.txid + 1n;
  const tried = intents.filter(({ txid }) => txid === nextTxid);
  if (tried.length > 0 && bucketTxid >= nextTxid) {
    point = (await findLanded(tried, facts)) ?? synced;
  }
  const { txid, fileChecksum } = point;
  const isTakenBack = (point as UploadIntent).isTakenBack === true;
  // The newest commit in it is one that the journal has not; another may have its number.
  const seq = isTakenBack ? point.seq - 1 : point.seq;
  return { seq, txid, fileChecksum, mayContinue: txid === bucketTxid && !isTakenBack };
}

/** The upload of these, all for one transaction, that is a part of the bucket's history. */
async function findLanded(
  tried: readonly UploadIntent[],
  { bucketTxid, checksumOf, nodeIdOf }: RecoveryFacts,
): Promise<UploadIntent | undefined> {
  const { txid } = tried[0]!;
  const found = await checksumOf(txid);
  const landed = tried.find(({ fileChecksum }) => fileChecksum === found);
  if (landed === undefined || bucketTxid === txid) return landed;
  const nodeId = await nodeIdOf(txid + 1n);
  return nodeId !== undefined && continuesFile(nodeId, landed.fileChecksum) ? landed : undefined;
}
