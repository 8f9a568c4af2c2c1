/**
 * The names of a database file that is to be made, and of what lies beside it.
 *
 *   NAME                   the file, once it is whole
 *   NAME.restoring         the same before
 *   NAME.restoring.record  what is in that; restore-record.ts
 *   NAME.restoring.lock    locked by whoever makes it
 *   NAME.following         which state of its replica NAME is, if it follows it; follow-point.ts
 *   NAME.anew              the newest state, where NAME is to be made anew; renew-file.ts
 *   NAME-wal and so on     SQLite's: they belong to the file that is there, and to no other
 */

import type { Stats } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemDisk } from "../disk/system-disk.ts";
import { HeadwaterError, type HeadwaterErrorCode } from "../errors.ts";

const SQLITE_SUFFIXES = ["-wal", "-shm", "-journal"];

export class DatabasePath {
  readonly path: string;
  readonly partial: string;
  readonly record: string;
  readonly lock: string;
  readonly following: string;

  constructor(path: string) {
    this.path = resolve(path);
    this.partial = `${this.path}.restoring`;
    this.record = `${this.partial}.record`;
    this.lock = `${this.partial}.lock`;
    this.following = `${this.path}.following`;
  }

  /** Rejects when there is a database of that name, or what SQLite would take for a part of it. */
  async requireFree(): Promise<void> {
    for (const path of [this.path, ...SQLITE_SUFFIXES.map((suffix) => this.path + suffix)]) {
      if (!(await this.guard(() => exists(path)))) continue;
      const next = 'choose another name, or give "overwrite" to have its place taken';
      throw new HeadwaterError("OPTION_INVALID", `${path} is there already; ${next}`);
    }
  }

  /**
   * Rejects where something else than a file is, also behind a link: nothing can take the place of
   * a folder, and nothing should take that of a device such as /dev/stdout.
   */
  async requireFile(): Promise<void> {
    const found = await this.guard(() => statIfThere(this.path));
    if (found === undefined || found.isFile()) return;
    const sentence = found.isDirectory()
      ? `${this.path} is a folder; name a file in it`
      : `${this.path} is no file that could be replaced; name another one`;
    throw new HeadwaterError("OPTION_INVALID", sentence);
  }

  hasRecord(): Promise<boolean> {
    return exists(this.record);
  }

  /** Gives the finished file its name, and takes away what belonged to the one before. */
  async replace(): Promise<void> {
    for (const suffix of SQLITE_SUFFIXES) await systemDisk.remove(this.path + suffix);
    // Who follows would take the new file for the state that the one before was.
    await systemDisk.remove(this.following);
    await systemDisk.rename(this.partial, this.path);
    await systemDisk.remove(this.record);
    await systemDisk.syncFolder(dirname(this.path));
  }

  /** Runs a call of the file system; what it rejects with becomes one of our errors. */
  async guard<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** Anything but failures of the file system is given back as it is. */
  explain(error: unknown): unknown {
    const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) return error;
    const next = code === "ENOSPC" ? "make room and run it again" : "check the path and its rights";
    return this.error("IMAGE_FAILED", `${(error as Error).message}; ${next}`, error);
  }

  error(code: HeadwaterErrorCode, sentence: string, cause?: unknown): HeadwaterError {
    return new HeadwaterError(code, `cannot write ${this.path}: ${sentence}`, { cause });
  }
}

/** Of what a link leads to; undefined where nothing is. */
async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
