/**
 * The file system of this machine. What it makes is for this user only.
 */

import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import type { Disk } from "./disk.ts";

export const systemDisk: Disk = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => readdir(path),
  async read(path) {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  },
  async write(path, text) {
    const handle = await open(path, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  /** Not every system can: those keep names anyway. */
  async syncFolder(path) {
    try {
      const handle = await open(path, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!hasCode(error, "EISDIR") && !hasCode(error, "EPERM") && !hasCode(error, "EINVAL")) {
        throw error;
      }
    }
  },
};

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
