/**
 * A folder of files that may go away at any time: small, private, and bounded in size.
 *
 * Always true:
 *   - Folder and files are this user's alone. A folder that others may write to is not used, and no
 *     symbolic link in it is followed.
 *   - A file is there whole under its name or not at all; that it is not what was written, after a
 *     loss of power, is for its reader to find out.
 */

import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { systemProcess, systemUser } from "../system.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
/** Not every system has it. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;
const OTHERS_WRITE = 0o022;
/** A draft this old was left behind by a process that is gone. */
const DRAFT_MS_MAX = 3_600_000;

let draftCount = 0;

export interface CacheFolderOptions {
  readonly path: string;
  /** Only files that end so are touched, and drafts of them. */
  readonly suffix: string;
  readonly bytesMax: number;
  readonly clock: Clock;
}

export class CacheFolder {
  readonly #options: CacheFolderOptions;

  constructor(options: CacheFolderOptions) {
    this.#options = options;
  }

  /** Undefined when there is no such file, or one larger than the folder may be. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const { bytesMax, clock } = this.#options;
    await this.#prepare();
    const path = this.#pathOf(name);
    try {
      const handle = await open(path, O_RDONLY | O_NOFOLLOW);
      try {
        const stats = await handle.stat();
        if (!stats.isFile() || stats.size > bytesMax) return undefined;
        const bytes = await handle.readFile();
        // What is in use is the last to be removed; where nothing can be written, nothing is.
        const seconds = clock.nowMs() / 1000;
        await handle.utimes(seconds, seconds).catch(() => {});
        return bytes;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /** Replaces the file, then removes the least recently used ones until all fit. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#prepare();
    const path = this.#pathOf(name);
    draftCount += 1;
    // Processes of containers have the same number again and again: the time tells them apart.
    const nowMs = Math.floor(this.#options.clock.nowMs());
    const draft = `${path}.${systemProcess().pid}-${nowMs}-${draftCount}.tmp`;
    const handle = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.close();
      await rename(draft, path);
    } catch (error) {
      await handle.close().catch(() => {});
      await rm(draft, { force: true });
      throw error;
    }
    await this.#trim();
  }

  #pathOf(name: string): string {
    return join(this.#options.path, name + this.#options.suffix);
  }

  async #prepare(): Promise<void> {
    const { path } = this.#options;
    await mkdir(path, { recursive: true, mode: 0o700 });
    const stats = await lstat(path);
    const user = systemUser();
    const isOurs = user === undefined || (stats.uid === user && (stats.mode & OTHERS_WRITE) === 0);
    if (!stats.isDirectory()) throw new Error(`${path} is not a folder`);
    if (!isOurs) throw new Error(`${path} is a folder that other users may write to`);
    await this.#dropDrafts();
  }

  async #dropDrafts(): Promise<void> {
    for (const { path, mtimeMs } of await this.#list(`${this.#options.suffix}.`, ".tmp")) {
      if (this.#options.clock.nowMs() - mtimeMs > DRAFT_MS_MAX) await rm(path, { force: true });
    }
  }

  async #trim(): Promise<void> {
    const { suffix, bytesMax } = this.#options;
    const files = (await this.#list("", suffix)).sort((a, b) => b.mtimeMs - a.mtimeMs);
    let bytes = 0;
    for (const { path, size } of files) {
      bytes += size;
      if (bytes > bytesMax) await rm(path, { force: true });
    }
  }

  async #list(part: string, end: string) {
    const files: { path: string; size: number; mtimeMs: number }[] = [];
    for (const name of await readdir(this.#options.path)) {
      if (!name.includes(part) || !name.endsWith(end)) continue;
      const path = join(this.#options.path, name);
      const stats = await lstat(path).catch(() => undefined);
      if (stats?.isFile()) files.push({ path, size: stats.size, mtimeMs: stats.mtimeMs });
    }
    return files;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
