/**
 * The lock of a database file that SQLite itself takes to write, held by a connection of ours.
 *
 * Always true: readers that overlap without a pause do not keep it away for ever. While SQLite
 * waits for the lock it lets no new reader in, so those that are there can end; and between two
 * attempts it lets them in for longer than it kept them out.
 */

import { systemClock } from "@headwater/vfs-core";
import type { DatabaseLock } from "@headwater/vfs-core/offline";
import { loadSqlite } from "./sqlite.ts";

export interface OpenedLock extends DatabaseLock, Disposable {}

export interface LockOptions {
  /** Somebody has read for so long that one should know. Told once for each lock. */
  readonly onWait?: (() => void) | undefined;
}

/** One attempt, in which the thread waits in SQLite: doubles from the first up to the second. */
const ATTEMPT_MS_MIN = 100;
const ATTEMPT_MS_MAX = 1000;
/** The pause after an attempt, in attempts. */
const PAUSE_ATTEMPTS = 4;
const WAIT_TOLD_MS = 10_000;

export function openDatabaseLock(path: string, { onWait }: LockOptions = {}): OpenedLock {
  const { DatabaseSync } = loadSqlite();
  const connection = new DatabaseSync(path);
  return {
    async lock(signal) {
      let waitedMs = 0;
      for (let attemptMs = ATTEMPT_MS_MIN; ; attemptMs = Math.min(2 * attemptMs, ATTEMPT_MS_MAX)) {
        try {
          connection.exec(`pragma busy_timeout = ${attemptMs}; begin exclusive`);
          return () => connection.exec("rollback");
        } catch (error) {
          if (!/locked|busy/i.test((error as Error).message)) throw error;
        }
        const isTold = waitedMs >= WAIT_TOLD_MS;
        waitedMs += (1 + PAUSE_ATTEMPTS) * attemptMs;
        if (!isTold && waitedMs >= WAIT_TOLD_MS) onWait?.();
        await systemClock.sleep(PAUSE_ATTEMPTS * attemptMs, { signal });
      }
    },
    [Symbol.dispose]: () => connection.close(),
  };
}
