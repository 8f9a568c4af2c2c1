/**
 * Putting one file in place, whole and durable: temporary file, fsync, then one step that makes it
 * visible, then fsync of the folder.
 *
 * The version of a file is its inode, modification time and size. The time is the timestamp that
 * Litestream keeps there, in milliseconds; the microseconds below it are ours and differ from those
 * of the file before, so that two contents of one key never have the same version, however fast
 * they follow each other.
 */

import type { BigIntStats } from "node:fs";
import { type FileHandle, link, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { FILE_CHUNK_BYTES } from "../limits.ts";
import { errnoOf } from "./file-errors.ts";
import { temporaryName, unlinkIfThere } from "./file-lock.ts";
import { type FilePath, RESERVED_FOLDER } from "./file-path.ts";

/**
 * The step that makes the file visible was done, but the disk may not have it yet, or the folder
 * has gone away with it.
 */
export class NotDurableError extends Error {}

export interface TemporaryFile {
  readonly handle: FileHandle;
  readonly path: string;
}

/** How the file is to end up. */
export interface FileFacts {
  readonly timestampMs: number;
  readonly fsync: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface FileContent extends FileFacts {
  readonly body: Uint8Array;
}

/** Makes the folder of a file and its reserved sub-folder; gives the latter. */
export async function makeFolders({ folder }: FilePath, fsync: boolean): Promise<string> {
  const reserved = join(folder, RESERVED_FOLDER);
  const first = await mkdir(reserved, { recursive: true, mode: 0o700 });
  if (fsync && first !== undefined) {
    for (let path = dirname(reserved); ; path = dirname(path)) {
      await fsyncFolder(path);
      if (path === dirname(first) || path === dirname(path)) break;
    }
  }
  return reserved;
}

/** Writes and flushes the content. The caller closes the handle and removes the path. */
export async function writeTemporary(
  reservedFolder: string,
  content: FileContent,
  microseconds: number,
): Promise<TemporaryFile> {
  const temporary = await createTemporary(reservedFolder);
  try {
    await writeAt(temporary, content.body, 0, content.signal);
    await settleTemporary(temporary, content, microseconds);
    return temporary;
  } catch (error) {
    await dropTemporary(temporary);
    throw error;
  }
}

export async function writeAt(
  { handle }: TemporaryFile,
  body: Uint8Array,
  position: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let offset = 0; offset < body.byteLength; ) {
    signal?.throwIfAborted();
    const length = Math.min(body.byteLength - offset, FILE_CHUNK_BYTES);
    offset += (await handle.write(body, offset, length, position + offset)).bytesWritten;
  }
}

/** Gives written content its time, and flushes it. */
export async function settleTemporary(
  { handle }: TemporaryFile,
  { timestampMs, fsync, signal }: FileFacts,
  microseconds: number,
): Promise<void> {
  await setTime(handle, timestampMs, microseconds);
  if (fsync) await handle.sync();
  signal?.throwIfAborted();
}

/**
 * Of one that was put in place, only the temporary name goes. Never rejects: it comes after what
 * matters, and a name that stays is taken away when its process has ended.
 */
export async function dropTemporary({ handle, path }: TemporaryFile): Promise<void> {
  await handle.close().catch(() => {});
  await unlinkIfThere(path).catch(() => {});
}

/** Makes the file appear under its name, unless there is one: then false. */
export async function linkInPlace(temporary: TemporaryFile, target: FilePath): Promise<boolean> {
  try {
    await link(temporary.path, target.path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** True for file systems without hard links. */
export function isLinkUnsupported(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(errnoOf(error) ?? "");
}

/** Replaces whatever has the name. Only under the lock of the file. */
export async function renameInPlace(
  temporary: TemporaryFile,
  target: FilePath,
  existing: BigIntStats | undefined,
  { timestampMs, fsync }: FileFacts,
): Promise<void> {
  if (existing !== undefined) {
    const before = Number((existing.mtimeNs / 1000n) % 1000n);
    await setTime(temporary.handle, timestampMs, (before + 1) % 1000);
    if (fsync) await temporary.handle.sync();
  }
  await rename(temporary.path, target.path);
}

/** For the folder whose entry was just made or removed. */
export function fsyncAfterChange(folder: string): Promise<void> {
  return afterChange("the folder could not be flushed", () => fsyncFolder(folder));
}

/** What is left to do after the one step that counts: its failure says nothing of that step. */
export async function afterChange<Result>(
  problem: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new NotDurableError(problem, { cause: error });
  }
}

/** Of a file. */
export async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  const stats = await statAny(path);
  return stats?.isFile() ? stats : undefined;
}

/** Of whatever has the name. */
export async function statAny(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

export async function createTemporary(reservedFolder: string): Promise<TemporaryFile> {
  for (;;) {
    const path = join(reservedFolder, temporaryName());
    try {
      return { handle: await open(path, "wx", 0o600), path };
    } catch (error) {
      // A second copy of this module in this thread counts from one as well.
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

async function setTime(handle: FileHandle, timestampMs: number, microseconds: number) {
  // Half a microsecond more, so that rounding in the seconds' fraction never loses one.
  const seconds = (Math.floor(timestampMs) * 1000 + microseconds + 0.5) / 1_000_000;
  await handle.utimes(seconds, seconds);
}

async function fsyncFolder(path: string): Promise<void> {
  if (sep !== "/") return; // Windows cannot open a folder, and needs no flush of it.
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
