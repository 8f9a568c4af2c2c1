/**
 * The database of a replica as an ordinary file, as of now or of an earlier moment.
 *
 * Always true:
 *   - The file has its name only once it is whole: every byte of every LTX file that it was made of
 *     was read, its checksum was right, and the disk has it all. Before, it is `NAME.restoring`.
 *   - One restore per name at a time, as far as the locks reach.
 *   - However a restore ended, the next one goes on where it was (restore-record.ts).
 *   - An existing file, or what SQLite left beside one, is only taken away when the caller says so.
 *
 * Files of the plan are applied one after another, the oldest first; the pieces of each at once.
 * Memory: RESTORE_PARALLEL pieces with their pages, the index of a file or two, and small files
 * that are on their way.
 */

import { storedPageCount, toPageCount, toPageSize } from "@headwater/ltx";
import { draftOf } from "../disk/durable-file.ts";
import { systemImageFiles } from "../disk/image-file.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { HeadwaterError } from "../errors.ts";
import { type FileLock, type FileLocks, takeLock } from "../file-locks.ts";
import { OPEN_TRIES } from "../limits.ts";
import type { LoadedFile } from "../load-file.ts";
import { loadInOrder } from "../load-in-order.ts";
import { requireOnePageSize } from "../load-map.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { callStore, isGone, type Replica, replicaError } from "../replica.ts";
import type { PlanTarget, RestorePlan } from "../restore-plan.ts";
import { applyFile } from "./apply-file.ts";
import { beginInPlace } from "./change-in-place.ts";
import { choosePlan } from "./choose-plan.ts";
import { DatabasePath } from "./database-path.ts";
import { type FollowPoint, pointOf } from "./follow-point.ts";
import { RestoreKeeper } from "./restore-keeper.ts";

export interface RestoreOptions {
  /** The file to be made. */
  readonly path: string;
  readonly target: PlanTarget;
  readonly locks: FileLocks;
  /** Take the place of a file that is there. Default false: it is refused. */
  readonly overwrite?: boolean | undefined;
  /** Make a file that can follow its replica (follow-replica.ts). It differs in its first bytes. */
  readonly isFollower?: boolean | undefined;
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreProgress {
  readonly bytesDone: number;
  /** Of the LTX files of the plan. */
  readonly bytesTotal: number;
}

export interface RestoreResult {
  readonly path: string;
  /** The last transaction in it. */
  readonly txid: bigint;
  /**
   * Of a time: where the next file starts that was made before it, and that no files lead to;
   * undefined when nothing is missing.
   */
  readonly gapBefore: bigint | undefined;
  /** When that was made. */
  readonly createdAtMs: number;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Bytes of the file. */
  readonly size: number;
  /** LTX files that it was made of. */
  readonly fileCount: number;
  /** Bytes of LTX files that an earlier restore had brought already. */
  readonly bytesKept: number;
  readonly point: FollowPoint;
}

export async function restoreReplica(
  offline: OfflineReplica,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const path = new DatabasePath(options.path);
  await path.requireFile();
  if (options.overwrite !== true) await path.requireFree();
  const lock = lockPath(path, options.locks);
  try {
    const result = await path.guard(() => bring(offline, path, options));
    if (options.overwrite !== true) await path.requireFree();
    await path.guard(() => path.replace());
    return result;
  } finally {
    // While it is held: whoever finds it locked, and gone, makes another one.
    await systemDisk.remove(path.lock).catch(() => {});
    lock.release();
  }
}

function lockPath(path: DatabasePath, locks: FileLocks): FileLock {
  const attempt = (() => {
    try {
      return takeLock(locks, path.lock);
    } catch (error) {
      throw path.explain(error);
    }
  })();
  if (attempt.type === "locked") return attempt.lock;
  throw path.error("IMAGE_LOCKED", `${attempt.holder} restores to it; wait until it has ended`);
}

/** Everything but giving the file its name. */
async function bring(
  offline: OfflineReplica,
  path: DatabasePath,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const { replica } = offline;
  const { target, signal } = options;
  const handle = await systemImageFiles.open(path.partial);
  const keeper = new RestoreKeeper(replica, path.record, handle);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const plan = await choosePlan(replica, target, signal);
        return { path: path.path, ...(await apply(offline, plan, { ...options, handle, keeper })) };
      } catch (error) {
        // Compacted away, and deleted: what took its place is in another plan.
        if (isGone(error) && attempt < OPEN_TRIES) continue;
        // Which piece it was is not known, nor whether it came damaged or is so.
        if (HeadwaterError.is(error, "REPLICA_DAMAGED")) await keeper.forget();
        await leave(path, keeper);
        return await callStore(replica, () => Promise.reject(error));
      }
    }
  } finally {
    await handle.close();
  }
}

/** What may be of use to the next restore stays; nothing else does. */
async function leave(path: DatabasePath, keeper: RestoreKeeper): Promise<void> {
  // On a full disk, an earlier record stays: it is good for what it tells.
  if (keeper.known.size > 0) await keeper.keep().catch(() => {});
  await systemDisk.remove(draftOf(path.record)).catch(() => {});
  // One that failed before it looked at the record has taken nothing away from what that tells.
  if (await path.hasRecord().catch(() => true)) return;
  await systemDisk.remove(path.partial).catch(() => {});
}

interface ApplyOptions extends RestoreOptions {
  readonly handle: ImageHandle;
  readonly keeper: RestoreKeeper;
}

async function apply(
  { replica, queue }: OfflineReplica,
  plan: RestorePlan,
  { handle, keeper, isFollower, signal, onProgress }: ApplyOptions,
): Promise<Omit<RestoreResult, "path">> {
  const bytesTotal = plan.files.reduce((sum, { size }) => sum + size, 0);
  let bytesDone = 0;
  let bytesKept = 0;
  const onBytes = (count: number) => {
    bytesDone += count;
    onProgress?.({ bytesDone, bytesTotal });
  };
  const common = { replica, queue, handle, onBytes, signal };
  let last: LoadedFile | undefined;
  for await (const loaded of loadInOrder(replica, plan.files, { queue, signal })) {
    if (last === undefined) {
      requireWhole(replica, loaded);
      bytesKept = await keeper.begin(loaded, plan);
      const onPiece = keeper.add.bind(keeper);
      await applyFile(loaded, { ...common, known: keeper.known, onPiece });
      await keeper.keep();
    } else {
      requireOnePageSize(replica, [loaded], last.pageSize);
      await applyFile(loaded, common);
    }
    last = loaded;
  }
  const { pageSize, pageCount, file } = last!;
  if (isFollower === true) await beginInPlace(handle, pageCount);
  await handle.sync();
  return {
    txid: plan.txid,
    gapBefore: plan.gapBefore,
    createdAtMs: file.createdAtMs,
    pageSize,
    pageCount,
    size: pageSize * pageCount,
    fileCount: plan.files.length,
    bytesKept,
    point: pointOf(plan),
  };
}

/** The first file of a plan reaches back to nothing, so it must have every page. */
function requireWhole(replica: Replica, { file, index, pageSize, pageCount }: LoadedFile): void {
  const count = storedPageCount(toPageCount(pageCount), toPageSize(pageSize));
  if (index.count === count) return;
  const sentence = `the object ${file.key} has ${index.count} pages of ${count}`;
  throw replicaError(replica, "REPLICA_DAMAGED", sentence);
}
