import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { registerBetterSqlite3, registerNodeSqlite } from "../../src/drivers.ts";
import { extensionPath, type Native } from "../../src/native.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Teaches both libraries about the mounts of that binary. */
function register(path: string): void {
  new Database(":memory:").loadExtension(path).close();
  const connection = new DatabaseSync(":memory:", { allowExtension: true });
  connection.loadExtension(path);
  connection.close();
}

it("lets two copies of the package in one process each keep their mounts", () => {
  const folder = tempDir();
  const mount = bareMount(folder);
  registerNodeSqlite();
  // Another version, or the same in another folder.
  const path = join(folder, "headwater.node");
  copyFileSync(extensionPath, path);
  const other = createRequire(import.meta.url)(path) as Native;
  other.engineStart(() => {});
  const id = other.mountCreate("other.db", true, 0, 5000, 0, 0n, 0, 0, 0, false);
  other.journalRotate(id, join(folder, "other.journal"), 0n);
  other.mountActivate(id);
  register(path);
  // As each new thread does.
  registerBetterSqlite3(Database);

  for (const filename of [
    mount.filename,
    "file:other.db?vfs=headwater",
    join(folder, "plain.db"),
  ]) {
    for (const Driver of [Database, DatabaseSync]) {
      const database = new Driver(filename);
      database.exec("create table if not exists item(a); insert into item values (1)");
      database.close();
    }
    const database = new DatabaseSync(filename);
    const row = database.prepare("select count(*) as count from item").get();
    database.close();
    expect(row).toMatchObject({ count: 2 });
  }
  const named = new Database("file:other.db?vfs=headwater");
  expect(named.prepare("select headwater_txid()").pluck().get()).toBe("0000000000000000");
  named.close();
  expect(() => new Database("file:none?vfs=headwater")).toThrow('"none" is not mounted');
  other.mountClose(id, "the test is over");
  mount.close();
});
