/**
 * Which pages of an old image are still right although they are in other objects now: compaction
 * and snapshots move pages without changing them.
 *
 * What proves it: an object that the database consisted of then is still there, so up to its last
 * transaction the history is the same. A page that was last written before that, and is in no file
 * from there to now, has not changed, whichever object holds it.
 */

import { ObjectStoreError } from "@headwater/object-store";
import { HeadwaterError } from "../errors.ts";
import type { FileTable } from "../file-table.ts";
import { HYDRATE_MOVED_FILES_MAX, REPLAN_TRIES, SNAPSHOT_LEVEL } from "../limits.ts";
import { type LoadedFile, loadedBytesOf, loadFile } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import type { MountState } from "../mount-state.ts";
import type { PageMap } from "../page-map.ts";
import { isListed } from "../read/lineage.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { isGone, type Replica } from "../replica.ts";
import { planFollow } from "../restore-plan.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { nameObject, type RecordedFile } from "./image-record.ts";
import { PageSet } from "./page-set.ts";

export interface FindSinceOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly state: MountState;
  readonly bandwidth: Bandwidth;
  readonly signal: AbortSignal;
  /** Called when the store does not answer; resolves when it may be asked again. */
  readonly pause: (error: unknown) => Promise<void>;
}

/** What has happened since, as far as the files tell that are there now. */
export interface Since {
  /** Up to there nothing has. */
  readonly anchorTxid: bigint;
  /** Files that hold everything from there to the last one's end, oldest first. */
  readonly chain: readonly LoadedFile[];
  readonly txid: bigint;
  /** What the maps of that history have in common. */
  readonly history: FileTable;
  readonly changed: PageSet;
  /** Pages above have been gone in between. */
  readonly pageCountMin: number;
}

/** Undefined when nothing proves anything. Rejects only with the reason of the signal. */
export async function findSince(
  files: readonly RecordedFile[],
  options: FindSinceOptions,
): Promise<Since | undefined> {
  const { state, signal, pause } = options;
  for (let tries = 0; tries < REPLAN_TRIES; ) {
    try {
      const since = await readSince(files, options);
      if (since === undefined || isUpTo(since, state.versions.newest.map)) return since;
      tries += 1;
    } catch (error) {
      signal.throwIfAborted();
      if (isAway(error)) await pause(error);
      // Whatever else is wrong there, whoever fetches the pages will meet it, too.
      else if (!isGone(error)) return undefined;
      else tries += 1;
    }
  }
  return undefined;
}

/**
 * Whether it tells of all that has led to that state: what was polled meanwhile may be newer, or
 * another history, whose transactions have the same numbers.
 */
export function isUpTo({ txid, history }: Since, map: PageMap): boolean {
  return map.files === history && map.txid <= txid;
}

/** Of a page that was in that file. */
export function isUnchanged(since: Since, pgno: number, { maxTxid }: RecordedFile): boolean {
  const { anchorTxid, pageCountMin, changed } = since;
  return maxTxid <= anchorTxid && pgno <= pageCountMin && !changed.has(pgno);
}

/**
 * The same map, but what has changed since is where the chain has it: to fetch and verify that is
 * less than to read a snapshot whole for the sake of it. Undefined when it is not.
 */
export function pointAtChain(
  map: PageMap,
  { chain, txid }: Since,
  away: ReadonlySet<LtxFile>,
): PageMap | undefined {
  const sizeOf = (files: Iterable<LtxFile>) => [...files].reduce((sum, { size }) => sum + size, 0);
  const isLess = sizeOf(chain.map(({ file }) => file)) < sizeOf(away);
  if (map.txid !== txid || !isLess) return undefined;
  const going = new Set<number>();
  for (const file of away) {
    const ordinal = map.files.find(file);
    if (ordinal !== undefined) going.add(ordinal);
  }
  let moved = map;
  for (const { file, index } of chain) {
    moved = moved.moved(going, file, index, new Map());
    going.add(map.files.add(file));
  }
  return moved;
}

function isAway(error: unknown): boolean {
  if (HeadwaterError.is(error, "STORE_UNAVAILABLE")) return true;
  return ObjectStoreError.is(error, "UNAVAILABLE", "THROTTLED");
}

async function readSince(
  files: readonly RecordedFile[],
  { replica, queue, state, bandwidth, signal }: FindSinceOptions,
): Promise<Since | undefined> {
  const { files: history, lastFile } = state.versions.newest.map;
  const levels = await listLtxFiles(replica, { signal });
  // What is listed may belong to another history, which nobody has noticed yet.
  if (lastFile === undefined || !isListed(levels, lastFile)) return undefined;
  const names = new Set(files.map(({ name }) => name));
  let anchor: LtxFile | undefined;
  for (const file of levels.flat()) {
    if (anchor !== undefined && file.maxTxid <= anchor.maxTxid) continue;
    const name = nameObject(file);
    if (name !== undefined && names.has(name)) anchor = file;
  }
  if (anchor === undefined) return undefined;
  // Snapshots have every page, and so do not tell which ones have changed.
  const plan = planFollow(levels.slice(0, SNAPSHOT_LEVEL), anchor.maxTxid);
  if (plan.files.length > HYDRATE_MOVED_FILES_MAX) return undefined;
  const options = { queue, signal, priority: "hydrate" } as const;
  const chain = await Promise.all(
    plan.files.map(async (file) => {
      await bandwidth.admit(loadedBytesOf(file), signal);
      const loaded = await loadFile(replica, file, options);
      return { ...loaded, body: undefined };
    }),
  );
  const changed = new PageSet();
  let pageCountMin = Number.POSITIVE_INFINITY;
  for (const { index, pageCount } of chain) {
    for (const pgno of index.pgnos) changed.add(pgno);
    pageCountMin = Math.min(pageCountMin, pageCount);
  }
  return { anchorTxid: anchor.maxTxid, chain, txid: plan.txid, history, changed, pageCountMin };
}
