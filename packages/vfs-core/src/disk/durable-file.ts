/**
 * Small files that are there whole, or as they were before, whatever happens meanwhile.
 */

import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Resolves when the new content would survive a loss of power. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

export async function removeIfThere(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Makes names that were added or removed last. Not every system can: those keep them anyway. */
export async function syncFolder(path: string): Promise<void> {
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
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
