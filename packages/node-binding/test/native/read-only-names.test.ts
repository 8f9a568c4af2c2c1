import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { registerNodeSqlite } from "../../src/drivers.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

it.each([
  ["better-sqlite3", (filename: string) => new Database(filename)],
  ["node:sqlite", (filename: string) => new DatabaseSync(filename)],
])("opens a name with mode=ro to read only, with %s", (_, open) => {
  const mount = bareMount(tempDir());
  registerNodeSqlite();
  mount.open().exec("create table t(a)");
  const [name] = mount.filename.split("?");
  for (const parameters of ["vfs=headwater&mode=ro", "mode=ro&vfs=headwater", "mode=rw"]) {
    const isWritable = parameters === "mode=rw";
    const database = open(`${name}?${parameters}${isWritable ? "&vfs=headwater" : ""}`);
    const insert = () => database.exec("insert into t values (1)");
    if (isWritable) insert();
    else expect(insert).toThrow("attempt to write a readonly database");
    database.close();
  }
  mount.close();
});
