/**
 * Which files, in which order, make the database as of a moment. Pure.
 *
 * A plan starts with a snapshot, if there is one, and goes on with the file that reaches farthest
 * among all levels, again and again. Files may overlap and straddle where the plan stands: a file
 * holds the newest copy of every page that changed in its range, so it may be applied to any state
 * within its range or just before it.
 *
 * Always true: the last txids of the files of a plan ascend.
 */

import { SNAPSHOT_LEVEL } from "./limits.ts";
import { compareFiles, type LtxFile } from "./ltx-file.ts";
import { withoutStrays } from "./strays.ts";

export type PlanTarget =
  | { readonly type: "latest" }
  /** Up to and including this transaction. */
  | { readonly type: "txid"; readonly txid: bigint }
  /** Everything made before, not at, this moment. */
  | { readonly type: "timestamp"; readonly timestampMs: number };

/** Any but the present. */
export type Moment = Exclude<PlanTarget, { readonly type: "latest" }>;

export interface RestorePlan {
  /** Oldest first. Empty when no file continues from where the plan starts. */
  readonly files: readonly LtxFile[];
  /** The last transaction of the plan; where it starts if it is empty. */
  readonly txid: bigint;
  /**
   * Where the next file starts that could not be reached. Told for the latest state, and by a
   * MomentPlanner for a time.
   */
  readonly gapBefore: bigint | undefined;
}

/** The files of each level from 0 to 9, in the order of `compareFiles`. */
export type FilesByLevel = readonly (readonly LtxFile[])[];

/** The plan for the database from nothing. Same result as Litestream's for every listing. */
export function planRestore(levels: FilesByLevel, target: PlanTarget): RestorePlan {
  const accepts = acceptsFor(target);
  const goal = target.type === "txid" ? target.txid : undefined;
  const snapshot = levels[SNAPSHOT_LEVEL]?.findLast(accepts);
  const files = snapshot === undefined ? [] : [snapshot];
  const cursors = openCursors(levels);
  let txid: bigint = snapshot?.maxTxid ?? 0n;
  while (goal === undefined || txid < goal) {
    let best: LtxFile | undefined;
    for (const cursor of cursors) {
      advance(cursor, txid, accepts);
      const { candidate } = cursor;
      if (candidate === undefined) continue;
      if (best === undefined || reachesFarther(candidate, best)) best = candidate;
    }
    if (best === undefined) break;
    files.push(best);
    txid = best.maxTxid;
  }
  return { files, txid, gapBefore: target.type === "latest" ? findGap(levels, txid) : undefined };
}

/**
 * The files that bring a state of `fromTxid` to the latest. Prefers those that start just after it:
 * a file that straddles it names pages as changed that did not change. But where a level above has
 * what level 0 has, it is right, and a file of level 0 may be a stray (strays.ts).
 */
export function planFollow(levels: FilesByLevel, fromTxid: bigint): RestorePlan {
  const waiting = withoutStrays(levels)
    .flat()
    .filter((file) => file.maxTxid > fromTxid);
  waiting.sort(compareFiles);
  const files: LtxFile[] = [];
  let eligible: LtxFile[] = [];
  let txid = fromTxid;
  for (let next = 0; ; ) {
    for (; next < waiting.length && waiting[next]!.minTxid <= txid + 1n; next += 1) {
      eligible.push(waiting[next]!);
    }
    eligible = eligible.filter((file) => file.maxTxid > txid);
    const [first, ...others] = eligible;
    if (first === undefined) break;
    const best = others.reduce((a, b) => (startsCloser(b, a) ? b : a), first);
    files.push(best);
    txid = best.maxTxid;
  }
  return { files, txid, gapBefore: findGap(levels, txid) };
}

interface Cursor {
  readonly files: readonly LtxFile[];
  next: number;
  candidate: LtxFile | undefined;
}

function acceptsFor(target: PlanTarget): (file: LtxFile) => boolean {
  switch (target.type) {
    case "latest":
      return () => true;
    case "txid":
      return (file) => file.maxTxid <= target.txid;
    case "timestamp":
      return (file) => file.createdAtMs < target.timestampMs;
  }
}

/** Highest level first, so that it wins between equals. Snapshots are a base, never a step. */
function openCursors(levels: FilesByLevel): Cursor[] {
  const cursors: Cursor[] = [];
  for (let level = SNAPSHOT_LEVEL - 1; level >= 0; level -= 1) {
    cursors.push({ files: levels[level] ?? [], next: 0, candidate: undefined });
  }
  return cursors;
}

/** Consumes the files that can follow `txid` and keeps the one that goes farthest past it. */
function advance(cursor: Cursor, txid: bigint, accepts: (file: LtxFile) => boolean): void {
  for (; cursor.next < cursor.files.length; cursor.next += 1) {
    const file = cursor.files[cursor.next]!;
    if (file.minTxid > txid + 1n) break;
    if (file.maxTxid <= txid || !accepts(file)) continue;
    if (cursor.candidate === undefined || reachesFarther(file, cursor.candidate)) {
      cursor.candidate = file;
    }
  }
  if (cursor.candidate !== undefined && cursor.candidate.maxTxid <= txid) {
    cursor.candidate = undefined;
  }
}

/** Snapshots reach back to the first transaction, so they leave no gap. */
function findGap(levels: FilesByLevel, txid: bigint): bigint | undefined {
  let gap: bigint | undefined;
  for (const file of levels.slice(0, SNAPSHOT_LEVEL).flat()) {
    if (file.minTxid <= txid + 1n) continue;
    if (gap === undefined || file.minTxid < gap) gap = file.minTxid;
  }
  return gap;
}

function reachesFarther(a: LtxFile, b: LtxFile): boolean {
  if (a.maxTxid !== b.maxTxid) return a.maxTxid > b.maxTxid;
  if (a.minTxid !== b.minTxid) return a.minTxid < b.minTxid;
  if (a.level !== b.level) return a.level > b.level;
  return a.createdAtMs < b.createdAtMs;
}

function startsCloser(a: LtxFile, b: LtxFile): boolean {
  if (rankOf(a) !== rankOf(b)) return rankOf(a) > rankOf(b);
  if (a.minTxid !== b.minTxid) return a.minTxid > b.minTxid;
  if (a.maxTxid !== b.maxTxid) return a.maxTxid > b.maxTxid;
  return a.level > b.level;
}

function rankOf({ level }: LtxFile): number {
  if (level === SNAPSHOT_LEVEL) return 0;
  return level === 0 ? 1 : 2;
}
