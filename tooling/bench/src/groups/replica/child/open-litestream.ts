/**
 * litestream-vfs, as its README shows it. Its settings come from the environment, which the parent
 * has set.
 *
 * Only node:sqlite can open it: better-sqlite3 takes no `?vfs=` in a file name.
 */

import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job } from "../job.ts";
import type { Session } from "./session.ts";

/** Its own is 10 MiB: a warm read of 20 MB would not be one. */
const CACHE_BYTES = 64 * 2 ** 20;
const PROGRESS_INTERVAL_MS = 5;

let isLoaded = false;

export async function openLitestream(job: Job): Promise<Session> {
  if (!isLoaded) loadExtension();
  isLoaded = true;
  const cache = job.caseName === "warm" ? `&cache_size=${CACHE_BYTES}` : "";
  const filename = `file:bench.db?vfs=litestream${cache}`;
  const sql = new DatabaseSync(filename);
  if (job.mode === "write") sql.exec("pragma synchronous = normal");
  return {
    sql,
    filename,
    async hydrated() {
      const progress = sql.prepare("pragma litestream_hydration_progress");
      const percent = () => Object.values(progress.get() as Record<string, string>)[0];
      while (Number(percent()) < 100) await sleep(PROGRESS_INTERVAL_MS);
    },
    flush: undefined,
    syncStatus: undefined,
    status: undefined,
    close: async () => void sql.close(),
  };
}

/** Once in a process, which it then stays in, whatever is closed: it cannot be loaded again. */
function loadExtension(): void {
  const { getLoadablePath } = createRequire(import.meta.url)("litestream-vfs") as {
    getLoadablePath(): string;
  };
  const database = new DatabaseSync(":memory:", { allowExtension: true });
  database.loadExtension(getLoadablePath(), "sqlite3_litestreamvfs_init");
  database.close();
}
