/**
 * Where the objects of a replica lie: the only place that builds their keys.
 *
 *   s3     <path>/<level as four hex digits>/<min>-<max>.ltx
 *   path   <path>/ltx/<level in decimal>/<min>-<max>.ltx
 *   both   <path>/lock.json
 */

import { formatFileName, type Txid } from "@headwater/ltx";
import type { KeyLayout } from "@headwater/object-store";
import { SNAPSHOT_LEVEL } from "./limits.ts";

export interface ReplicaLayout {
  /** What every key of the replica starts with; empty when the replica is the whole bucket. */
  readonly rootPrefix: string;
  /** The lease. */
  readonly lockKey: string;
  /**
   * What the keys of all levels start with. The level follows, as one digit, and a slash: so keys
   * ascend by level.
   */
  readonly levelsPrefix: string;
  /** What the keys of one level start with. */
  levelPrefix(level: number): string;
  fileKey(level: number, minTxid: Txid, maxTxid: Txid): string;
}

export function replicaLayout(kind: KeyLayout, path: string): ReplicaLayout {
  const root = trimSlashes(path);
  const levelsPrefix = kind === "s3" ? `${root}/000` : joinKey(root, "ltx/");
  const levelPrefix = (level: number) => {
    if (!Number.isInteger(level) || level < 0 || level > SNAPSHOT_LEVEL) {
      throw new RangeError(`level out of range: ${level}`);
    }
    return `${levelsPrefix}${level}/`;
  };
  return {
    rootPrefix: root === "" ? "" : `${root}/`,
    lockKey: joinKey(root, "lock.json"),
    levelsPrefix,
    levelPrefix,
    fileKey: (level, minTxid, maxTxid) => levelPrefix(level) + formatFileName(minTxid, maxTxid),
  };
}

function joinKey(root: string, rest: string): string {
  return root === "" ? rest : `${root}/${rest}`;
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}
