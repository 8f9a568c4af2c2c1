/**
 * A program that writes a replica, in the process of the test.
 */

import { type OpenedDatabase, openDatabase } from "@headwater/node-binding";
import { onTestFinished } from "vitest";
import type { Place } from "./places.ts";
import { tempDir } from "./temp-dir.ts";

export interface WriterOptions {
  readonly journalDir?: string;
}

export async function openWriter(
  { url, env }: Place,
  { journalDir = `${tempDir()}/journal` }: WriterOptions = {},
): Promise<OpenedDatabase> {
  const writer = await openDatabase({
    url,
    mode: "write",
    journalDir,
    storeOptions: keysOf(env),
    // When the test says so.
    syncIntervalMs: 3_600_000,
    compaction: "off",
    lease: { waitMs: 60_000 },
  });
  onTestFinished(() => writer.close().catch(() => {}));
  return writer;
}

/** As options: this process has an environment of its own. */
export function keysOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (accessKeyId === undefined || secretAccessKey === undefined) return {};
  return { accessKeyId, secretAccessKey };
}

/** Transactions 1 to 5, which grow and shrink; then the writer is closed. */
export async function writeHistory(place: Place, pageSize = 4096): Promise<void> {
  const writer = await openWriter(place);
  writer.database.pragma(`page_size = ${pageSize}`);
  for (const sql of [
    "create table notes(id integer primary key, body text)",
    `insert into notes(body) select hex(randomblob(900)) from
       (with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
        select i from n)`,
    "update notes set body = 'short' where id % 3 = 0",
    "delete from notes where id > 40",
    "vacuum",
  ]) {
    writer.database.exec(sql);
    await writer.flush();
  }
  await writer.close();
}
