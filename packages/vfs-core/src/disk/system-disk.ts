/**
 * The file system of this machine. What it makes is for this user only, and no symbolic link that
 * somebody put where a file should be is followed.
 */

import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import type { Disk } from "./disk.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
/** Not every system has it. */
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0;

export const systemDisk: Disk = {
  async makeFolder(path) {
    return (await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined;
  },
  list: (path) => readdir(path),
  async read(path) {
    try {
      const handle = await open(path, O_RDONLY | O_NOFOLLOW);
      try {
        return await handle.readFile("utf8");
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  },
  async write(path, text) {
    // A draft that a killed process left goes away, and so does a link, but not what it leads to.
    await rm(path, { force: true });
    const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  async removeFolder(path) {
    try {
      await rmdir(path);
    } catch (error) {
      if (!hasCode(error, "ENOENT") && !hasCode(error, "ENOTEMPTY")) throw error;
    }
  },
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
