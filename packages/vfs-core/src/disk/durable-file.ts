/**
 * Small files that are there whole, or as they were before, whatever happens meanwhile.
 */

import { dirname } from "node:path";
import type { Disk } from "./disk.ts";

/** Where the new content of a file is made; it may stay when that fails. */
export function draftOf(path: string): string {
  return `${path}.tmp`;
}

/** Resolves when the new content would survive a loss of power. */
export async function writeDurably(disk: Disk, path: string, text: string): Promise<void> {
  const draft = draftOf(path);
  await disk.write(draft, text);
  await disk.rename(draft, path);
  await disk.syncFolder(dirname(path));
}
