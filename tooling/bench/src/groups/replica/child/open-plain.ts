/**
 * A file on the local disk, with the driver's own settings, in the cache of the operating system.
 */

import type { Job } from "../job.ts";
import type { Session, Sql } from "./session.ts";

export async function openPlain(job: Job): Promise<Session> {
  const sql = await connect(job);
  if (job.mode === "write") sql.exec("pragma synchronous = normal");
  return {
    sql,
    filename: job.file,
    hydrated: async () => undefined,
    flush: undefined,
    syncStatus: undefined,
    status: undefined,
    close: async () => void sql.close(),
  };
}

async function connect({ file, contender }: Job): Promise<Sql> {
  if (contender.driver === "better-sqlite3") {
    const { default: Database } = await import("better-sqlite3");
    return new Database(file);
  }
  const { DatabaseSync } = await import("node:sqlite");
  return new DatabaseSync(file);
}
