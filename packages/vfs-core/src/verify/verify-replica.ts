/**
 * Whether a replica is what it should be: every file read to its last byte, and all of them looked
 * at together.
 *
 * Always true: it changes nothing. Files that go away while it looks count for nothing.
 */

import { decodeTrailer, parseFileName, TRAILER_SIZE } from "@headwater/ltx";
import { CHECK_NAME } from "@headwater/object-store";
import { readSound } from "../compact/merge-sources.ts";
import { findReachable } from "../compact/reachable.ts";
import { HeadwaterError } from "../errors.ts";
import { inParallel } from "../in-parallel.ts";
import { SNAPSHOT_LEVEL, VERIFY_PARALLEL, WHOLE_FILE_BYTES } from "../limits.ts";
import { type FileLink, type LoadedFile, loadFile } from "../load-file.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { listReplica } from "../offline/replica-info.ts";
import { callStore, isGone, type Replica } from "../replica.ts";
import { type FilesByLevel, planRestore, type RestorePlan } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import { continuesFile } from "../write/node-id.ts";

export type FindingType =
  /** The bytes of a file are not what they should be. */
  | "damaged"
  /** Transactions are in no file. */
  | "gap"
  /** Files of one database have pages of different sizes. */
  | "page-size"
  /** A file says that it continues another file than the one before it. */
  | "fork"
  /** An upload that came when its name was free again; it is no part of the history. */
  | "stray"
  /** A file that no restore needs or reaches, since what led to it is gone. */
  | "zombie"
  /** An object that is no part of a replica. */
  | "foreign";

export interface Finding {
  readonly type: FindingType;
  /** Something is wrong; else it is only good to know. */
  readonly isDamage: boolean;
  readonly key: string | undefined;
  /** What was found, and what to do: each a sentence's worth of words. */
  readonly what: string;
  readonly next: string;
}

export interface VerifyOptions {
  /** Do not read the files: look at their names alone. Default false. */
  readonly isQuick?: boolean | undefined;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Verification {
  readonly findings: readonly Finding[];
  readonly fileCount: number;
  readonly bytes: number;
  /** The last transaction that a restore can have. */
  readonly txid: bigint;
  readonly isSound: boolean;
}

/** What reading a file has told. */
interface Checked {
  readonly pageSize: number;
  readonly link: FileLink | undefined;
}

export async function verifyReplica(
  offline: OfflineReplica,
  options: VerifyOptions = {},
): Promise<Verification> {
  const { replica } = offline;
  const { signal } = options;
  const levels = await listReplica(replica, { signal });
  const checked = new Map<LtxFile, Checked | HeadwaterError>();
  if (options.isQuick !== true) await checkFiles(offline, levels.flat(), checked, options);
  const present = await stillPresent(replica, levels, checked, signal);
  const sound = withoutStrays(present);
  const plan = planRestore(sound, { type: "latest" });
  const findings = [
    ...findDamage(checked, plan),
    ...findGaps(plan),
    ...findPageSizes(checked),
    ...findForks(sound, checked),
    ...findLeftovers(present, sound, plan),
    ...(await findForeign(replica, signal)),
  ];
  const files = present.flat();
  return {
    findings,
    fileCount: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    txid: plan.txid,
    isSound: !findings.some(({ isDamage }) => isDamage),
  };
}

/** Files that are gone get no entry. */
async function checkFiles(
  offline: OfflineReplica,
  files: readonly LtxFile[],
  checked: Map<LtxFile, Checked | HeadwaterError>,
  { onProgress, signal }: VerifyOptions,
): Promise<void> {
  const bytesTotal = files.reduce((sum, { size }) => sum + size, 0);
  let bytesDone = 0;
  onProgress?.(0, bytesTotal);
  await callStore(offline.replica, () =>
    inParallel(files, VERIFY_PARALLEL, async (file) => {
      try {
        checked.set(file, await checkFile(offline, file, signal));
      } catch (error) {
        if (HeadwaterError.is(error, "REPLICA_DAMAGED")) checked.set(file, error);
        else if (!isGone(error)) throw error;
      }
      bytesDone += file.size;
      onProgress?.(bytesDone, bytesTotal);
    }),
  );
}

async function checkFile(
  { replica, queue }: OfflineReplica,
  file: LtxFile,
  signal: AbortSignal | undefined,
): Promise<Checked> {
  if (file.size <= WHOLE_FILE_BYTES) {
    const loaded: LoadedFile = await loadFile(replica, file, { queue, signal });
    return { pageSize: loaded.pageSize, link: loaded.link };
  }
  const pause = async () => signal?.throwIfAborted();
  const { pageSize, nodeId } = await readSound(replica, file, { queue, signal, pause });
  const range = { offset: file.size - TRAILER_SIZE, length: TRAILER_SIZE };
  const { body } = await replica.store.get(file.key, { range, signal });
  return { pageSize, link: { nodeId, fileChecksum: decodeTrailer(body).fileChecksum } };
}

/** Without those that were deleted since: a writer goes on compacting. */
async function stillPresent(
  replica: Replica,
  levels: FilesByLevel,
  checked: Map<LtxFile, Checked | HeadwaterError>,
  signal: AbortSignal | undefined,
): Promise<FilesByLevel> {
  if (checked.size === 0) return levels;
  const now = await listLtxFiles(replica, { signal });
  const present = levels.map((files, level) =>
    files.filter((file) => now[level]?.some((other) => isSameFile(other, file)) === true),
  );
  const kept = new Set(present.flat());
  for (const file of checked.keys()) if (!kept.has(file)) checked.delete(file);
  // What came meanwhile closes what would look like a gap.
  return present.map((files, level) => {
    const keys = new Set(files.map(({ key }) => key));
    const later = (now[level] ?? []).filter(({ key }) => !keys.has(key));
    return [...files, ...later].sort((a, b) => (a.key < b.key ? -1 : 1));
  });
}

function findDamage(
  checked: ReadonlyMap<LtxFile, Checked | HeadwaterError>,
  { files }: RestorePlan,
): Finding[] {
  return [...checked].flatMap(([file, result]) => {
    if (!HeadwaterError.is(result)) return [];
    const isNeeded = files.includes(file);
    const next = isNeeded
      ? "restore it from a copy of the bucket, or take a new snapshot from a sound database file"
      : 'no restore of the newest state needs it: take a snapshot ("headwater snapshot")';
    return [{ type: "damaged", isDamage: true, key: file.key, what: result.message, next }];
  });
}

function findGaps({ files, txid, gapBefore }: RestorePlan): Finding[] {
  if (gapBefore === undefined) return [];
  const next =
    files.length === 0
      ? "bring the missing files back: without them, nothing can be restored"
      : `restore to ${txid} ("headwater restore --txid ${txid}"), or bring the missing files ` +
        "back; what comes after the gap cannot be restored";
  return [
    {
      type: "gap",
      isDamage: true,
      key: undefined,
      what: `transactions ${txid + 1n} to ${gapBefore - 1n} are in no file`,
      next,
    },
  ];
}

function findPageSizes(checked: ReadonlyMap<LtxFile, Checked | HeadwaterError>): Finding[] {
  const sizes = new Map<number, LtxFile>();
  for (const [file, result] of checked) {
    if (!HeadwaterError.is(result)) sizes.set(result.pageSize, file);
  }
  if (sizes.size < 2) return [];
  const all = [...sizes].map(([size, { key }]) => `${size} bytes in ${key}`).join(", ");
  return [
    {
      type: "page-size",
      isDamage: true,
      key: undefined,
      what: `pages have different sizes: ${all}`,
      next: "files of two databases are mixed here: take one of them away to a prefix of its own",
    },
  ];
}

/** Only our own uploads name the one before them. */
function findForks(
  [level0 = []]: FilesByLevel,
  checked: ReadonlyMap<LtxFile, Checked | HeadwaterError>,
): Finding[] {
  return level0.flatMap((file, index) => {
    const before = level0[index - 1];
    const [link, linkBefore] = [linkOf(checked.get(file)), linkOf(before && checked.get(before))];
    if (link === undefined || linkBefore === undefined) return [];
    if (before?.maxTxid !== file.minTxid - 1n) return [];
    if (link.nodeId >> 32n === 0n || continuesFile(link.nodeId, linkBefore.fileChecksum)) return [];
    const what = `${file.key} does not continue ${before.key}, but another file of its name`;
    const next =
      "somebody has written here without the lease: compare with the writer's own database";
    return [{ type: "fork", isDamage: true, key: file.key, what, next }];
  });
}

function linkOf(result: Checked | HeadwaterError | undefined): FileLink | undefined {
  return result === undefined || HeadwaterError.is(result) ? undefined : result.link;
}

function findLeftovers(present: FilesByLevel, sound: FilesByLevel, plan: RestorePlan): Finding[] {
  const kept = new Set(sound.flat());
  const reachable = findReachable(sound);
  return present.flat().flatMap((file): Finding[] => {
    const { key } = file;
    if (!kept.has(file)) {
      const what = `${key} came when its name was free again, and is no part of the history`;
      const next = 'nothing has to be done: "headwater retain" takes it away in time';
      return [{ type: "stray", isDamage: false, key, what, next }];
    }
    // What is behind a gap is told with the gap.
    const isBehindGap = file.maxTxid > plan.txid;
    if (isBehindGap || reachable.has(file.maxTxid) || file.level === SNAPSHOT_LEVEL) return [];
    const what = `${key} cannot be reached by a restore, since what led to it is gone`;
    const next = "nothing has to be done: every later moment can be restored without it";
    return [{ type: "zombie", isDamage: false, key, what, next }];
  });
}

async function findForeign(replica: Replica, signal: AbortSignal | undefined): Promise<Finding[]> {
  const { store, layout } = replica;
  const findings: Finding[] = [];
  const prefixes = new Set([layout.rootPrefix, layout.levelsPrefix]);
  const seen = new Set<string>();
  await callStore(replica, async () => {
    for (const prefix of prefixes) {
      for await (const { key } of store.list(prefix, { signal })) {
        if (seen.has(key) || isOurs(replica, key)) continue;
        seen.add(key);
        const what = `${key} is no part of a replica`;
        const next = "it does no harm; delete it if nobody needs it";
        findings.push({ type: "foreign", isDamage: false, key, what, next });
      }
    }
  });
  return findings;
}

function isOurs({ layout }: Replica, key: string): boolean {
  if (key === layout.lockKey || key.startsWith(layout.rootPrefix + CHECK_NAME)) return true;
  for (let level = 0; level <= SNAPSHOT_LEVEL; level += 1) {
    const prefix = layout.levelPrefix(level);
    if (key.startsWith(prefix)) return parseFileName(key.slice(prefix.length)) !== undefined;
  }
  return false;
}
