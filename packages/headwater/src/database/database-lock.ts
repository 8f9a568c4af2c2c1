/**
 * The lock of a database file that SQLite itself takes to write, held by a connection of ours.
 */

import { systemClock } from "@headwater/vfs-core";
import type { DatabaseLock } from "@headwater/vfs-core/offline";
import { loadSqlite } from "./sqlite.ts";

export interface OpenedLock extends DatabaseLock, Disposable {}

const RETRY_MS = 50;

export function openDatabaseLock(path: string): OpenedLock {
  const { DatabaseSync } = loadSqlite();
  const connection = new DatabaseSync(path);
  return {
    async lock(signal) {
      for (;;) {
        try {
          connection.exec("begin exclusive");
          return () => connection.exec("rollback");
        } catch (error) {
          if (!/locked|busy/i.test((error as Error).message)) throw error;
          await systemClock.sleep(RETRY_MS, { signal });
        }
      }
    },
    [Symbol.dispose]: () => connection.close(),
  };
}
