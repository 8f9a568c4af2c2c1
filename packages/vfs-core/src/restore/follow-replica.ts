/**
 * A restored file that goes on following its replica, while others read it with SQLite.
 *
 * Always true:
 *   - The file is always a state that the replica had, and never goes back (change-in-place.ts).
 *   - `NAME.following` says which state it is, or an earlier one: applying a file again changes
 *     nothing.
 *   - Files are applied only while an object is still there that was there with the state. When
 *     none is, somebody may have begun anew, and the file is made anew, too (renew-file.ts).
 *   - A store that does not answer delays it, and does not end it.
 */

import { systemImageFiles } from "../disk/image-file.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { HeadwaterError } from "../errors.ts";
import { type FileLock, type FileLocks, takeLock } from "../file-locks.ts";
import { nameObject } from "../hydrate/image-record.ts";
import type { LoadedFile } from "../load-file.ts";
import { loadInOrder } from "../load-in-order.ts";
import type { LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { callStore, isGone, type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, planFollow, type RestorePlan } from "../restore-plan.ts";
import { applyFile } from "./apply-file.ts";
import { ChangeInPlace, type DatabaseLock } from "./change-in-place.ts";
import { type FollowPoint, newestOf, pointOf, writeFollowPoint } from "./follow-point.ts";
import { renewFile } from "./renew-file.ts";

export interface FollowOptions {
  /** A file that `restoreReplica` has made for following. */
  readonly path: string;
  readonly intervalMs: number;
  readonly lock: DatabaseLock;
  /** So that one process alone follows with this file. */
  readonly locks: FileLocks;
  readonly onEvent: (event: FollowEvent) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export type FollowEvent =
  | { readonly type: "applied"; readonly txid: bigint; readonly createdAtMs: number }
  /** It goes on trying. */
  | { readonly type: "waiting"; readonly reason: string };

/** Rejects with the reason of the signal, or when it cannot go on. */
export async function followReplica(
  offline: OfflineReplica,
  start: FollowPoint,
  options: FollowOptions,
): Promise<never> {
  const { replica } = offline;
  const { path, intervalMs, onEvent, signal } = options;
  let point = start;
  let reason: string | undefined;
  const wait = (why: string) => {
    if (why !== reason) onEvent({ type: "waiting", reason: why });
    reason = why;
  };
  const tell = async ({ createdAtMs }: { readonly createdAtMs: number }) => {
    await writeFollowPoint(replica, path, point);
    onEvent({ type: "applied", txid: point.txid, createdAtMs });
  };
  const own = lockFollower(path, options.locks);
  const handle = await systemImageFiles.open(path);
  try {
    for (;;) {
      try {
        const levels = await listLtxFiles(replica, { signal });
        requireSame(replica, levels, point);
        if (isContinued(levels, point)) {
          point = { ...point, beside: newestOf(levels) };
          const plan = planFollow(levels, point.txid);
          if (plan.files.length > 0) {
            await apply(offline, plan, handle, options);
            point = { ...pointOf(plan), beside: point.beside };
            await tell(plan.files.at(-1) as LtxFile);
          }
          if (plan.gapBefore === undefined) reason = undefined;
          else wait(`transactions are missing after ${plan.txid}`);
        } else {
          wait("nothing is there any more that it was made of; it is fetched anew");
          const result = await renewFile(offline, { ...options, handle });
          point = result.point;
          await tell(result);
        }
      } catch (error) {
        signal.throwIfAborted();
        // What was compacted away meanwhile is in another file at the next look.
        if (!isGone(error) && !HeadwaterError.is(error, "STORE_UNAVAILABLE")) throw error;
        wait((error as Error).message);
      }
      await replica.clock.sleep(intervalMs, { signal });
    }
  } finally {
    await handle.close();
    await systemDisk.remove(followLockPath(path));
    own.release();
  }
}

function lockFollower(path: string, locks: FileLocks): FileLock {
  const attempt = takeLock(locks, followLockPath(path));
  if (attempt.type === "locked") return attempt.lock;
  const sentence = `${path} follows its replica already, by ${attempt.holder}`;
  throw new HeadwaterError("IMAGE_LOCKED", sentence);
}

function followLockPath(path: string): string {
  return `${path}.following.lock`;
}

function requireSame(replica: Replica, levels: FilesByLevel, point: FollowPoint): void {
  if (!isAnother(levels, point)) return;
  const sentence =
    `another database has taken the place of the one that was followed up to ${point.txid}; ` +
    "restore it anew";
  throw replicaError(replica, "REPLICA_RESET", sentence);
}

/** Whether what is there now is not what the file was made of. */
function isAnother(levels: FilesByLevel, { txid, last, lastKey }: FollowPoint): boolean {
  const files = levels.flat();
  const same = files.find(({ key }) => key === lastKey);
  const isReplaced = same !== undefined && last !== undefined && nameObject(same) !== last;
  return isReplaced || !files.some(({ maxTxid }) => maxTxid >= txid);
}

function isContinued(levels: FilesByLevel, { last, lastKey, beside }: FollowPoint): boolean {
  return levels.flat().some((file) => {
    if (file.key !== lastKey && beside[file.key] === undefined) return false;
    const name = nameObject(file);
    // Where versions are not told, keys are all there is.
    if (name === undefined || last === undefined) return true;
    return name === last || name === beside[file.key];
  });
}

async function apply(
  { replica, queue, random }: OfflineReplica,
  { files }: RestorePlan,
  handle: ImageHandle,
  { path, lock, signal }: FollowOptions,
): Promise<void> {
  const change = new ChangeInPlace({ path, handle, lock, random, signal });
  const onBytes = () => {};
  try {
    const pageSize = await change.pageSize();
    await callStoreButGone(replica, async () => {
      for await (const loaded of loadInOrder(replica, files, { queue, signal })) {
        requireSamePageSize(replica, loaded, pageSize);
        await applyFile(loaded, { replica, queue, handle: change, onBytes, signal });
      }
    });
    await change.commit();
  } catch (error) {
    await change.abandon();
    throw error;
  }
}

/** A database that was vacuumed to another page size is another file, whatever its history. */
function requireSamePageSize(replica: Replica, loaded: LoadedFile, pageSize: number): void {
  if (loaded.pageSize === pageSize) return;
  const sentence =
    `${loaded.file.key} has pages of ${loaded.pageSize} bytes, and the file that follows has ` +
    `pages of ${pageSize}; restore it anew`;
  throw replicaError(replica, "REPLICA_RESET", sentence);
}

/** That a file is gone stays what it is. */
async function callStoreButGone(
  replica: OfflineReplica["replica"],
  call: () => Promise<void>,
): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (isGone(error)) throw error;
    await callStore(replica, () => Promise.reject(error));
  }
}
