/**
 * A replica as a better-sqlite3 database, in one call.
 */

import { systemClock } from "@headwater/vfs-core";
import type BetterSqlite3 from "better-sqlite3";
import { needBetterSqlite3, registerDrivers } from "./drivers.ts";
import { callEngine, ensureEngine } from "./engine/engine-client.ts";
import { type MountHandle, makeHandle, type SignalOptions } from "./mount.ts";
import { type MountOptions, toEngineOptions } from "./options.ts";
import type { Past } from "./past.ts";
import { wanted } from "./seeing/channels.ts";
import { environment } from "./system.ts";

export interface OpenDatabaseOptions extends Omit<MountOptions, "drivers"> {
  /** For better-sqlite3: `readonly`, `timeout`, `verbose`. */
  readonly databaseOptions?: Omit<BetterSqlite3.Options, "fileMustExist" | "nativeBinding">;
}

export interface OpenedDatabase extends MountHandle {
  /** A genuine better-sqlite3 database. Closed by `close()`. */
  readonly database: BetterSqlite3.Database;
  /** As that of a mount, with a connection to the earlier moment. */
  at(when: string | Date | bigint, options?: SignalOptions): Promise<OpenedPast>;
}

export interface OpenedPast extends Past {
  /** A genuine better-sqlite3 database, which only reads. Closed by `close()`. */
  readonly database: BetterSqlite3.Database;
}

/**
 * Mounts the replica and opens a better-sqlite3 connection to it.
 *
 * `synchronous` is NORMAL on it: a commit is in the local journal when it returns, in the bucket
 * within the sync interval, and flushed to the local disk at every sync. Set FULL to have each
 * commit flushed.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const { databaseOptions, ...mountOptions } = options;
  const engineOptions = toEngineOptions(mountOptions, environment());
  await ensureEngine(() => registerDrivers(["better-sqlite3"]));
  const beganMs = systemClock.monotonicMs();
  const mounted = await callEngine("mount", [engineOptions, wanted], options.signal);
  const handle = makeHandle(mounted, { prices: options.prices, beganMs });
  let database: BetterSqlite3.Database;
  try {
    const Database = needBetterSqlite3();
    database = new Database(handle.filename, databaseOptions);
    database.pragma("synchronous = NORMAL");
  } catch (error) {
    await handle.close();
    throw error;
  }
  const openPast = handle.at.bind(handle);
  return Object.assign(handle, {
    database,
    at: async (when: string | Date | bigint, options?: SignalOptions): Promise<OpenedPast> =>
      connectToPast(await openPast(when, options), databaseOptions),
    close: closeBoth(database, handle.close.bind(handle)),
  });
}

async function connectToPast(
  past: Past,
  options: OpenDatabaseOptions["databaseOptions"],
): Promise<OpenedPast> {
  const Database = needBetterSqlite3();
  let database: BetterSqlite3.Database;
  try {
    database = new Database(past.filename, { ...options, readonly: true });
  } catch (error) {
    await past.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    if (database.open) database.close();
    await past.close();
  };
  return { ...past, database, close, [Symbol.asyncDispose]: close };
}

/** The connection first, so that nothing is committed after the last sync, which then can wait. */
function closeBoth(database: BetterSqlite3.Database, closeMount: () => Promise<void>) {
  return async (): Promise<void> => {
    if (database.open) {
      database.pragma("headwater_sync_on_close = off");
      database.close();
    }
    await closeMount();
  };
}
