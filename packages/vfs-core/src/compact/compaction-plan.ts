/**
 * Which files of one level make the next file of the level above. Pure.
 *
 * Always true of a plan:
 *   - Each source touches or overlaps the one before and reaches farther: there is no gap within.
 *   - The output starts just after what its level already has there, so the files of a level follow
 *     one another, also when a source straddles that point. A straddling source holds the newest
 *     copy of every page of its whole range, so under the shorter name it is right too.
 *   - A hole that others left in a level is filled first, as long as the files below it are there.
 *   - What is missing on a level may be jumped over only where it or a higher level has it.
 *   - A file of level 0 that may have come when its name was free again is no source (strays.ts).
 *   - Sources are of one window of time, so that restoring stays possible at the end of each one.
 *     The window of now is not over, and waits.
 */

import { COMPACT_BYTES_MAX, COMPACT_FILES_MAX, SNAPSHOT_LEVEL } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import { type FilesByLevel, planRestore } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";

export type CompactionPlan =
  | { readonly type: "nothing" }
  | {
      readonly type: "compact";
      readonly level: number;
      /** Oldest first. */
      readonly sources: readonly LtxFile[];
      readonly minTxid: bigint;
      readonly maxTxid: bigint;
    }
  /** Transactions are in no file: nothing after them can be compacted. */
  | { readonly type: "gap"; readonly afterTxid: bigint; readonly beforeTxid: bigint }
  /** One file alone is more than one output may be. */
  | { readonly type: "too-large"; readonly file: LtxFile };

export interface CompactionWindows {
  readonly nowMs: number;
  /** Length of a window, which starts at a multiple of it. */
  readonly windowMs: number;
  /** What was made before this moment is one window: nobody was promised a restore to within. */
  readonly sinceMs: number;
}

export interface CompactionRules {
  /** Undefined: everything that is there, at once. */
  readonly windows?: CompactionWindows | undefined;
  readonly filesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
}

/** Transactions that a level lacks: after `afterTxid`, and before `beforeTxid`, if it goes on. */
interface Hole {
  readonly afterTxid: bigint;
  readonly beforeTxid: bigint | undefined;
}

/** Plans the compaction of the level below into `level`. */
export function planCompaction(
  levels: FilesByLevel,
  level: number,
  rules: CompactionRules = {},
): CompactionPlan {
  const below = withoutStrays(levels)[level - 1] ?? [];
  const upwards = levels.map((files, index) => (index < level ? [] : files));
  const reach = planRestore(upwards, { type: "latest" }).txid;
  for (const hole of findHoles(levels[level] ?? [])) {
    const plan = fillHole(below, level, hole, rules);
    if (plan === "wait") continue;
    if (plan !== undefined) return plan;
    const { afterTxid, beforeTxid } = hole;
    const first = below.find((file) => file.minTxid > afterTxid + 1n);
    if (first === undefined) break;
    if (beforeTxid !== undefined && first.minTxid >= beforeTxid) continue;
    if (first.minTxid <= reach + 1n) {
      const rest = { afterTxid: first.minTxid - 1n, beforeTxid };
      const later = fillHole(below, level, rest, rules);
      if (typeof later === "object") return later;
    } else if (beforeTxid === undefined && isLost(levels, first.minTxid)) {
      return { type: "gap", afterTxid, beforeTxid: first.minTxid };
    }
  }
  return { type: "nothing" };
}

/** Whether no file at all leads up to a transaction. Else what is missing will yet come up. */
function isLost(levels: FilesByLevel, txid: bigint): boolean {
  return planRestore(levels, { type: "latest" }).txid + 1n < txid;
}

/** Plans one file of everything; the snapshots that are there already help. */
export function planSnapshot(levels: FilesByLevel): CompactionPlan {
  const { files, txid, gapBefore } = planRestore(levels, { type: "latest" });
  if (gapBefore !== undefined) return { type: "gap", afterTxid: txid, beforeTxid: gapBefore };
  if (files.every(({ level }) => level === SNAPSHOT_LEVEL)) return { type: "nothing" };
  return { type: "compact", level: SNAPSHOT_LEVEL, sources: files, minTxid: 1n, maxTxid: txid };
}

/** In ascending order. The last one is open and always there. */
function findHoles(files: readonly LtxFile[]): Hole[] {
  const holes: Hole[] = [];
  let end = 0n;
  for (const { minTxid, maxTxid } of files) {
    if (minTxid > end + 1n) holes.push({ afterTxid: end, beforeTxid: minTxid });
    if (maxTxid > end) end = maxTxid;
  }
  return [...holes, { afterTxid: end, beforeTxid: undefined }];
}

/** Undefined when no file goes on where the hole begins; "wait" when the window is not over. */
function fillHole(
  below: readonly LtxFile[],
  level: number,
  { afterTxid, beforeTxid }: Hole,
  { windows, filesMax = COMPACT_FILES_MAX, bytesMax = COMPACT_BYTES_MAX }: CompactionRules,
): CompactionPlan | "wait" | undefined {
  const sources: LtxFile[] = [];
  let txid = afterTxid;
  let bytes = 0;
  let next = 0;
  let best: LtxFile | undefined;
  while (sources.length < filesMax && (beforeTxid === undefined || txid < beforeTxid - 1n)) {
    for (; next < below.length && below[next]!.minTxid <= txid + 1n; next += 1) {
      const file = below[next]!;
      if (best === undefined || file.maxTxid >= best.maxTxid) best = file;
    }
    if (best === undefined || best.maxTxid <= txid) break;
    if (!isOfWindow(best, sources[0], windows)) {
      if (sources.length === 0) return "wait";
      break;
    }
    bytes += best.size;
    if (bytes > bytesMax && sources.length === 0) return { type: "too-large", file: best };
    if (bytes > bytesMax) break;
    sources.push(best);
    txid = best.maxTxid;
  }
  if (sources.length === 0) return undefined;
  return { type: "compact", level, sources, minTxid: afterTxid + 1n, maxTxid: txid };
}

function isOfWindow(
  file: LtxFile,
  first: LtxFile | undefined,
  windows: CompactionWindows | undefined,
): boolean {
  if (windows === undefined) return true;
  const { nowMs, windowMs, sinceMs } = windows;
  const windowOf = (ms: number) => Math.floor(ms / windowMs);
  if (windowOf(file.createdAtMs) === windowOf(nowMs)) return false;
  if (first === undefined || file.createdAtMs < sinceMs) return true;
  return windowOf(file.createdAtMs) === windowOf(first.createdAtMs);
}
