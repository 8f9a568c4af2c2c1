/**
 * What a replica has, from one listing and a look at its newest file.
 */

import { findReachable } from "../compact/reachable.ts";
import { withExactTimes } from "../exact-times.ts";
import { SNAPSHOT_LEVEL } from "../limits.ts";
import { loadFile } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { probePrefix } from "../probe-prefix.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, planRestore } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import type { OfflineReplica } from "./offline-replica.ts";

export interface LevelInfo {
  readonly level: number;
  readonly fileCount: number;
  readonly bytes: number;
  readonly minTxid: bigint;
  readonly maxTxid: bigint;
}

export interface Moment {
  readonly txid: bigint;
  /** When it was made; by the store's clock and ours, so take it with a grain of salt. */
  readonly createdAtMs: number;
}

export interface ReplicaInfo {
  readonly name: string;
  /** Of the levels that have files. */
  readonly levels: readonly LevelInfo[];
  readonly fileCount: number;
  readonly bytes: number;
  readonly pageSize: number;
  readonly pageCount: number;
  /** The newest state, and the oldest one that can be restored. */
  readonly newest: Moment;
  readonly oldest: Moment;
  /** At how many transactions the database can be restored exactly. */
  readonly momentCount: number;
  /** How long ago the newest transaction was made. */
  readonly ageMs: number;
  /** Undefined: everything that is there can be reached. */
  readonly gapBefore: bigint | undefined;
}

/** Rejects with REPLICA_NOT_FOUND where there is none. */
export async function readReplicaInfo(
  { replica, queue }: OfflineReplica,
  signal?: AbortSignal,
): Promise<ReplicaInfo> {
  let nowMs = replica.clock.nowMs();
  const onServerDate = (serverDateMs: number) => {
    nowMs = serverDateMs;
  };
  const levels = await listReplica(replica, { signal, onServerDate });
  const sound = withoutStrays(levels);
  const plan = planRestore(sound, { type: "latest" });
  const reachable = [...findReachable(sound)];
  const last = plan.files.at(-1);
  if (last === undefined) {
    const sentence = `no file holds the first transaction; they start at ${plan.gapBefore}`;
    throw replicaError(replica, "REPLICA_DAMAGED", sentence);
  }
  const first = fileEndingAt(sound, reachable[0]!) ?? last;
  const [[oldestFile = first], [newestFile = last]] = (await withExactTimes(
    replica,
    [[first], [last]],
    signal,
  )) as [LtxFile[], LtxFile[]];
  const { pageSize, pageCount } = await callStore(replica, () =>
    loadFile(replica, last, { queue, signal }),
  );
  const infos = levels.flatMap((files, level) => toLevelInfo(files, level) ?? []);
  return {
    name: replica.name,
    levels: infos,
    fileCount: infos.reduce((sum, { fileCount }) => sum + fileCount, 0),
    bytes: infos.reduce((sum, { bytes }) => sum + bytes, 0),
    pageSize,
    pageCount,
    newest: toMoment(newestFile),
    oldest: toMoment(oldestFile),
    momentCount: reachable.length,
    ageMs: Math.max(0, nowMs - newestFile.createdAtMs),
    gapBefore: plan.gapBefore,
  };
}

export interface ListReplicaOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onServerDate?: ((serverDateMs: number) => void) | undefined;
}

/** The files of a replica that is there; rejects with REPLICA_NOT_FOUND where there is none. */
export async function listReplica(
  replica: Replica,
  options: ListReplicaOptions = {},
): Promise<FilesByLevel> {
  const levels = await listLtxFiles(replica, options);
  if (levels.every((files) => files.length === 0)) {
    await probePrefix(replica, options);
    throw replicaError(replica, "REPLICA_NOT_FOUND", "there is no replica here; check the URL");
  }
  return levels;
}

/** The one that says best when that was: a file above is as new as its newest transaction. */
function fileEndingAt(levels: FilesByLevel, txid: bigint): LtxFile | undefined {
  for (let level = 0; level <= SNAPSHOT_LEVEL; level += 1) {
    const file = levels[level]?.find(({ maxTxid }) => maxTxid === txid);
    if (file !== undefined) return file;
  }
  return undefined;
}

function toMoment({ maxTxid, createdAtMs }: LtxFile): Moment {
  return { txid: maxTxid, createdAtMs };
}

function toLevelInfo(files: readonly LtxFile[], level: number): LevelInfo | undefined {
  const [first] = files;
  if (first === undefined) return undefined;
  let { maxTxid }: { maxTxid: bigint } = first;
  for (const file of files) if (file.maxTxid > maxTxid) maxTxid = file.maxTxid;
  return {
    level,
    fileCount: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    minTxid: first.minTxid,
    maxTxid,
  };
}
