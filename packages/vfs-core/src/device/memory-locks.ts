/**
 * Locks for a page device without native code: they hold between the mounts of this thread, and
 * keep nobody else out. They touch no file.
 */

import { resolve } from "node:path";
import type { FileLockAttempt } from "../file-locks.ts";

/** What each holder said, by path. */
const held = new Map<string, string>();

export function lockInMemory(path: string, text: string): FileLockAttempt {
  const place = resolve(path);
  const other = held.get(place);
  if (other !== undefined) return { type: "held", text: other };
  held.set(place, text);
  let isHeld = true;
  const release = () => {
    if (isHeld) held.delete(place);
    isHeld = false;
  };
  return { type: "locked", lock: { release } };
}
