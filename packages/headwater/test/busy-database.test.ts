import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished, vi } from "vitest";
import { openLocalDatabase } from "../src/database/local-database.ts";
import { tempDir } from "./support/temp-dir.ts";

vi.setConfig({ testTimeout: 60_000 });

/** As a writer in rollback mode leaves it while it commits: nobody else may read. */
function lockedDatabase(): { readonly path: string; readonly writer: DatabaseSync } {
  const path = join(tempDir(), "app.db");
  const writer = new DatabaseSync(path);
  onTestFinished(() => writer.close());
  writer.exec("create table t(n); begin exclusive; insert into t values (1)");
  return { path, writer };
}

it("is read once a commit is over that goes on", async () => {
  const { path, writer } = lockedDatabase();
  const opening = openLocalDatabase(path);
  setTimeout(() => writer.exec("commit"), 300);
  await using database = await opening;
  expect(database.pageCount).toBe(2);
});

it("is said to be locked when that does not end", async () => {
  const { path } = lockedDatabase();
  await expect(openLocalDatabase(path)).rejects.toThrow(/locked; somebody writes to it/);
});

it("is not waited for when nobody wants it any more", async () => {
  const { path } = lockedDatabase();
  const reason = new Error("interrupted");
  const end = new AbortController();
  const opening = openLocalDatabase(path, end.signal);
  setTimeout(() => end.abort(reason), 300);
  await expect(opening).rejects.toBe(reason);
});

it("is not to be copied without its hot journal", async () => {
  const folder = tempDir();
  const path = join(folder, "app.db");
  const writer = new DatabaseSync(path);
  onTestFinished(() => writer.close());
  writer.exec("pragma cache_size = 5; create table t(filler)");
  const fill = "insert into t select zeroblob(1000) from json_each('[1,2,3,4,5,6,7,8,9]')";
  for (let count = 0; count < 9; count += 1) writer.exec(fill);
  // More than the cache holds: some of it is in the file already.
  writer.exec("begin; update t set filler = randomblob(1000)");
  const left = join(folder, "left.db");
  for (const suffix of ["", "-journal"]) copyFileSync(path + suffix, left + suffix);
  await expect(openLocalDatabase(left)).rejects.toThrow(/with its -journal and -wal/);
});
