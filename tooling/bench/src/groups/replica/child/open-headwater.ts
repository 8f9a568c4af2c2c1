/**
 * Headwater, as a program would open it.
 */

import { join } from "node:path";
import type { MountHandle } from "@headwater/node-binding";
import type { SyncStatus } from "@headwater/vfs-core";
import type { Job } from "../job.ts";
import type { Session, Sql } from "./session.ts";

export async function openHeadwater(job: Job): Promise<Session> {
  const options = {
    url: job.replicaUrl,
    mode: job.mode,
    journalDir: join(job.folder, "journal"),
    hydrate: job.hydrate,
    ...(job.indexCacheDir === undefined ? {} : { indexCacheDir: job.indexCacheDir }),
    ...(job.cacheBytes === undefined ? {} : { cacheBytes: job.cacheBytes }),
  };
  if (job.contender.driver === "better-sqlite3") {
    const { openDatabase } = await import("@headwater/node-binding");
    const opened = await openDatabase(options);
    return { sql: opened.database, ...common(opened), close: () => opened.close() };
  }
  const { DatabaseSync } = await import("node:sqlite");
  const { mount } = await import("@headwater/node-binding");
  const mounted = await mount({ ...options, drivers: ["node:sqlite"] });
  const sql: Sql = new DatabaseSync(mounted.filename);
  sql.exec("pragma synchronous = normal");
  return {
    sql,
    ...common(mounted),
    async close() {
      sql.close();
      await mounted.close();
    },
  };
}

function common(handle: MountHandle): Omit<Session, "sql" | "close"> {
  return {
    filename: handle.filename,
    hydrated: () => handle.hydrated(),
    flush: async () => void (await handle.flush()),
    async syncStatus(): Promise<SyncStatus> {
      const { sync } = await handle.status();
      if (sync === undefined) throw new TypeError("a mount in read mode uploads nothing");
      return sync;
    },
    status: () => handle.status(),
  };
}
