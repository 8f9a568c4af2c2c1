/**
 * At which transactions the database can be restored exactly, all of them at once. Pure.
 *
 * Always true: a txid is in the result if, and only if, `planRestore` for it ends at it. Asking
 * that for each txid apart would look at every file as often as there are txids.
 */

import { SNAPSHOT_LEVEL } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { FilesByLevel } from "../restore-plan.ts";

export function findReachable(levels: FilesByLevel): Set<bigint> {
  const files = levels.flat().sort(compareEnds);
  const reachable = new Set<bigint>();
  let last = 0n;
  for (const { level, minTxid, maxTxid } of files) {
    if (maxTxid === last) continue;
    // A file may be applied to any state within its range, so only the newest state before its end
    // matters. A snapshot needs none.
    if (level !== SNAPSHOT_LEVEL && minTxid > last + 1n) continue;
    reachable.add(maxTxid);
    last = maxTxid;
  }
  return reachable;
}

function compareEnds(a: LtxFile, b: LtxFile): number {
  if (a.maxTxid !== b.maxTxid) return a.maxTxid < b.maxTxid ? -1 : 1;
  return 0;
}
