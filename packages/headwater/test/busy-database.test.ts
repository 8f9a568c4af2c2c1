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
