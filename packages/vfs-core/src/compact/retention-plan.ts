/**
 * Which files have served their time, and what must not get lost with them. Pure.
 *
 * What is promised, and so is kept:
 *   - the latest state, and the newest file of each level;
 *   - every transaction of level 0 for `level0RetentionMs`, and longer as long as level 1 has not
 *     taken it over;
 *   - for `snapshotRetentionMs`, the last transaction of every file of the levels above to which
 *     these lead without level 0. To begin there, the newest snapshot from before that time is kept
 *     as well: Litestream deletes it, and with it the way to every moment up to the next snapshot.
 *
 * Zero as a retention means for ever.
 */

import { SNAPSHOT_LEVEL } from "../limits.ts";
import { compareFiles, type LtxFile } from "../ltx-file.ts";
import { type FilesByLevel, planRestore } from "../restore-plan.ts";
import { Holders } from "./holders.ts";
import { findReachable } from "./reachable.ts";

export interface RetentionTimes {
  readonly nowMs: number;
  readonly level0RetentionMs: number;
  readonly snapshotRetentionMs: number;
}

/** A file that may go, and the one that has the newest copies of its pages from then on. */
export interface Retirement {
  readonly file: LtxFile;
  readonly heir: LtxFile;
}

/** Files of level 0 that are old enough and that a file above holds, in the order of deletion. */
export function planLevel0Retention(levels: FilesByLevel, times: RetentionTimes): Retirement[] {
  const { nowMs, level0RetentionMs } = times;
  const level0 = levels[0] ?? [];
  if (level0RetentionMs === 0 || (levels[1] ?? []).length === 0) return [];
  const reachable = findReachable([[], ...levels.slice(1)]);
  const above = levels.slice(1).map((files) => new Holders(files));
  const kept = level0.find(({ createdAtMs }) => createdAtMs >= nowMs - level0RetentionMs);
  const retired: Retirement[] = [];
  for (const file of level0.slice(0, -1)) {
    if (file === kept) break;
    const heir = findHeir(levels, above, file, reachable);
    // A file that is kept needs all before it, back to where a file above ends.
    if (heir === undefined || (kept !== undefined && heir.maxTxid >= kept.minTxid)) continue;
    retired.push({ file, heir });
  }
  return retired;
}

/** Old snapshots, and the files that only led on from them, in the order of deletion. */
export function planSnapshotRetention(levels: FilesByLevel, times: RetentionTimes): Retirement[] {
  const base = findBase(levels, times);
  if (base === undefined) return [];
  const { nowMs, snapshotRetentionMs } = times;
  const isOld = ({ createdAtMs }: LtxFile) => createdAtMs < nowMs - snapshotRetentionMs;
  const snapshots = levels[SNAPSHOT_LEVEL]!.filter(
    (file) => file.maxTxid < base.maxTxid && isOld(file),
  );
  const between = levels
    .slice(1, SNAPSHOT_LEVEL)
    .flatMap((files) => files.slice(0, -1))
    .filter((file) => file.maxTxid < base.maxTxid);
  // Without its snapshot, a moment that is no longer promised cannot be restored, which one is
  // told. With the snapshot and without the files after it, one would get an older state unawares.
  return [...snapshots, ...between.sort(compareFiles)].map((file) => ({ file, heir: base }));
}

/**
 * A promised transaction that could not be restored any more without the doomed files, or undefined
 * when there is none. The last look before anything is deleted, whatever the plan was. Others get
 * their turn between its parts: with thousands of files, each takes some milliseconds.
 */
export async function findLoss(
  levels: FilesByLevel,
  doomed: readonly LtxFile[],
  times: RetentionTimes,
  giveWay: () => Promise<void>,
): Promise<bigint | undefined> {
  const keys = new Set(doomed.map(({ key }) => key));
  const left = levels.map((files) => files.filter(({ key }) => !keys.has(key)));
  await giveWay();
  const before = planRestore(levels, { type: "latest" });
  await giveWay();
  const after = planRestore(left, { type: "latest" });
  if (before.txid !== after.txid || before.gapBefore !== after.gapBefore) return before.txid;
  await giveWay();
  const reachable = findReachable(levels);
  await giveWay();
  const stillReachable = findReachable(left);
  await giveWay();
  const promised = findPromised(levels, times);
  await giveWay();
  for (const txid of promised) {
    if (reachable.has(txid) && !stillReachable.has(txid)) return txid;
  }
  return undefined;
}

/** The transactions that one may restore to, as far as the files allow it at all. */
export function findPromised(levels: FilesByLevel, times: RetentionTimes): Set<bigint> {
  const { nowMs, level0RetentionMs } = times;
  const floor = findBase(levels, times)?.maxTxid ?? 0n;
  const reachable = findReachable([[], ...levels.slice(1)]);
  const since = level0RetentionMs === 0 ? Number.NEGATIVE_INFINITY : nowMs - level0RetentionMs;
  const promised = new Set<bigint>();
  for (const { level, maxTxid, createdAtMs } of levels.flat()) {
    const isPromised =
      level === 0 ? createdAtMs >= since : maxTxid >= floor && reachable.has(maxTxid);
    if (isPromised) promised.add(maxTxid);
  }
  return promised;
}

/** The newest snapshot from before the time for which restoring is promised. */
function findBase(
  levels: FilesByLevel,
  { nowMs, snapshotRetentionMs }: RetentionTimes,
): LtxFile | undefined {
  if (snapshotRetentionMs === 0) return undefined;
  const snapshots = levels[SNAPSHOT_LEVEL] ?? [];
  return snapshots.findLast(({ createdAtMs }) => createdAtMs < nowMs - snapshotRetentionMs);
}

/**
 * The file of the lowest level above that holds the end of this one, and so the newest copy of all
 * its pages that were not written again later; to whose own end the files above lead.
 */
function findHeir(
  levels: FilesByLevel,
  [level1, ...higher]: readonly Holders[],
  { maxTxid }: LtxFile,
  reachable: ReadonlySet<bigint>,
): LtxFile | undefined {
  const isLedTo = (other: LtxFile) => reachable.has(other.maxTxid);
  const inLevel1 = level1!.findLast(maxTxid, isLedTo);
  if (inLevel1 !== undefined) return inLevel1;
  // Before level 1 began, a higher level has to do. A hole in it is filled from these files first.
  if (maxTxid >= levels[1]![0]!.minTxid) return undefined;
  for (const holders of higher) {
    const heir = holders.findFirst(maxTxid, isLedTo);
    if (heir !== undefined) return heir;
  }
  return undefined;
}
