/**
 * One writer at a time for one file, across threads and processes, without a lock that stays when
 * its holder is killed.
 *
 * Who wants the lock creates a file of its own beside the others and then lists them. It holds the
 * lock when it sees no other living one. Of two that come at once at least one sees the other, so
 * never do two hold it. Who is not first in name order steps back; who is first waits.
 *
 * Always true:
 *   - A lock file's name is never used again, so removing the one of a dead owner harms nobody.
 *   - A lock of this machine is never taken from a living thread, however long it takes.
 *
 * It does not bind programs that know nothing of it, such as Litestream.
 */

import { createHash } from "node:crypto";
import { open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Random } from "../clock.ts";
import { FILE_LOCK_FOREIGN_MS, FILE_LOCK_WAIT_MS } from "../limits.ts";
import { errnoOf } from "./file-errors.ts";
import { nextSerial, ownerState, ownerToken } from "./file-owner.ts";

const LOCK_NAME = /^lock\.([0-9a-f]{24})\.([^.]+)\.\d+$/;
const TEMP_NAME = /^temp\.([^.]+)\.\d+$/;
const PAUSE_MS_MIN = 0.5;
const PAUSE_MS_MAX = 16;

export interface FileLockOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
}

/** The lock could not be had in time. Nothing was done. */
export class FileLockTimeout extends Error {}

/** One queue per file and thread, so that calls of this thread do not fight over the disk. */
const queues = new Map<string, Promise<unknown>>();

/** Runs `work` while nobody else runs theirs for the same name in the same reserved folder. */
export async function withFileLock<Result>(
  reservedFolder: string,
  name: string,
  options: FileLockOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const queueName = join(reservedFolder, name);
  const before = queues.get(queueName);
  const mine = lockAfter(before, reservedFolder, name, options, work);
  const settled = mine.catch(() => undefined);
  queues.set(queueName, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(queueName) === settled) queues.delete(queueName);
  }
}

/** A temporary file name that no other thread uses. */
export function temporaryName(): string {
  return `temp.${ownerToken()}.${nextSerial()}`;
}

/** Removes what killed processes left in a reserved folder. */
export async function removeLeftovers(reservedFolder: string, clock: Clock): Promise<void> {
  for (const entry of await readdir(reservedFolder)) {
    const owner = TEMP_NAME.exec(entry)?.[1] ?? LOCK_NAME.exec(entry)?.[2];
    if (owner === undefined) continue;
    if (await isLeftOver(reservedFolder, entry, owner, clock)) {
      await unlinkIfThere(join(reservedFolder, entry));
    }
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
  });
}

async function lockAfter<Result>(
  before: Promise<unknown> | undefined,
  reservedFolder: string,
  name: string,
  options: FileLockOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  await before;
  options.signal?.throwIfAborted();
  const lockPath = await acquire(reservedFolder, name, options);
  try {
    return await work();
  } finally {
    // What was done under it is done; whoever else wants the lock is told if it stays.
    await unlinkIfThere(lockPath).catch(() => {});
  }
}

async function acquire(
  reservedFolder: string,
  name: string,
  { clock, random, signal }: FileLockOptions,
): Promise<string> {
  const nameHash = createHash("sha256").update(name).digest("hex").slice(0, 24);
  const startMs = clock.monotonicMs();
  let pauseMs = PAUSE_MS_MIN;
  let mine: string | undefined;
  try {
    for (;;) {
      mine ??= await createLockFile(reservedFolder, nameHash);
      const others = await livingLocks(reservedFolder, nameHash, mine, clock);
      if (others.length === 0) return join(reservedFolder, mine);
      if (clock.monotonicMs() - startMs > FILE_LOCK_WAIT_MS) {
        throw new FileLockTimeout(`another writer has held the file for ${FILE_LOCK_WAIT_MS} ms`);
      }
      const own = mine;
      if (others.some((other) => other < own)) {
        await unlinkIfThere(join(reservedFolder, own));
        mine = undefined;
      }
      await clock.sleep(pauseMs * (0.5 + random()), { signal });
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    }
  } catch (error) {
    if (mine !== undefined) await unlinkIfThere(join(reservedFolder, mine));
    throw error;
  }
}

async function createLockFile(reservedFolder: string, nameHash: string): Promise<string> {
  for (;;) {
    const lockName = `lock.${nameHash}.${ownerToken()}.${nextSerial()}`;
    try {
      const handle = await open(join(reservedFolder, lockName), "wx", 0o600);
      await handle.close();
      return lockName;
    } catch (error) {
      // A second copy of this module in this thread counts from one as well.
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

async function livingLocks(
  reservedFolder: string,
  nameHash: string,
  mine: string,
  clock: Clock,
): Promise<readonly string[]> {
  const living: string[] = [];
  for (const entry of await readdir(reservedFolder)) {
    const match = LOCK_NAME.exec(entry);
    if (match === null || match[1] !== nameHash || entry === mine) continue;
    if (await isLeftOver(reservedFolder, entry, match[2] as string, clock)) {
      await unlinkIfThere(join(reservedFolder, entry));
    } else {
      living.push(entry);
    }
  }
  return living;
}

async function isLeftOver(
  folder: string,
  entry: string,
  owner: string,
  clock: Clock,
): Promise<boolean> {
  const state = ownerState(owner);
  if (state !== "unknown") return state === "dead";
  try {
    const { mtimeMs } = await stat(join(folder, entry));
    return clock.nowMs() - mtimeMs > FILE_LOCK_FOREIGN_MS;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    throw error;
  }
}
