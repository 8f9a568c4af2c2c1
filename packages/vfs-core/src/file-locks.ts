/**
 * One user per path: a lock on a file beside what is used, from whoever made the page device.
 *
 * Always true of a lock that is held:
 *   - Nobody else gets it, in this process or another one of this machine, its containers included.
 *   - It ends with its release, or with the engine or the process that holds it, however those end.
 *     So a file that stays behind means nothing.
 *
 * Node.js has no such locks, so they come through a seam; device/memory-locks.ts keeps less of
 * this.
 */

import { systemProcess } from "./system.ts";

export interface FileLock {
  /**
   * Names the locked file among all that were ever locked, on whatever machine: of two locks with
   * the same name, one ended before the other began. Undefined where that is not known.
   */
  readonly place?: string | undefined;
  /** May be called again. */
  release(): void;
}

export type FileLockAttempt =
  | { readonly type: "locked"; readonly lock: FileLock }
  /** The text that its holder gave, as far as it can be read. */
  | { readonly type: "held"; readonly text: string };

export interface FileLocks {
  /**
   * Locks the file at that path, which is made when it is not there and may stay behind. The text
   * is for whoever finds the lock held. A symbolic link is not followed. Throws as the system says.
   */
  lockFile(path: string, text: string): FileLockAttempt;
}

export type LockResult =
  | { readonly type: "locked"; readonly lock: FileLock }
  /** Who has it, for people. */
  | { readonly type: "held"; readonly holder: string };

/** Takes a lock with a text that says who we are. */
export function takeLock(locks: FileLocks, path: string): LockResult {
  const attempt = locks.lockFile(path, `${JSON.stringify(systemProcess())}\n`);
  switch (attempt.type) {
    case "locked":
      return attempt;
    case "held":
      return { type: "held", holder: describeHolder(attempt.text) };
  }
}

function describeHolder(text: string): string {
  try {
    const { pid, host } = JSON.parse(text) as { readonly pid?: unknown; readonly host?: unknown };
    if (Number.isSafeInteger(pid) && typeof host === "string") return `process ${pid} on ${host}`;
  } catch {
    // It may be about to be written.
  }
  return "somebody else";
}
