/**
 * File names with parameters, taken apart by SQLite (node:sqlite) and by us (better-sqlite3).
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { registerBetterSqlite3 } from "../src/index.ts";
import { DRIVER_NAMES, PlainProgram } from "./support/asking.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { fileStore } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const NAMES: readonly (readonly [what: string, parameters: (url: string) => string])[] = [
  ["in any order", (url) => `replica_url=${url}&vfs=litestream&write_enabled=true`],
  [
    "percent-encoded",
    (url) => `vfs=litestream&%72eplica_url=${encodeURIComponent(url)}&write_enabled=%74rue`,
  ],
  [
    "without names and values",
    (url) => `&=x&&a&vfs=litestream&replica_url=${url}&b=&write_enabled=1&&`,
  ],
  ["twice", (url) => `vfs=litestream&write_enabled=on&write_enabled=nonsense&replica_url=${url}`],
  [
    "before a fragment",
    (url) => `vfs=litestream&write_enabled=t&replica_url=${url}#&poll_interval=nonsense`,
  ],
  [
    "with zeros in them",
    (url) => `vfs=litestream&write_enabled%00x=true%00nonsense&replica_url=${url}%00/nonsense`,
  ],
  ["with signs in them", (url) => `vfs=litestream&write_enabled=true&replica_url=${url}?a=b%26c=d`],
  [
    "of thousands of bytes",
    (url) => `x=${"y".repeat(3000)}&vfs=litestream&write_enabled=true&replica_url=${url}`,
  ],
];

describe.each(DRIVER_NAMES)("%s", (driver) => {
  it.each(NAMES)("takes parameters %s", async (_what, parameters) => {
    const { url } = fileStore.place().options;
    const program = new PlainProgram(driver, {});
    await program.open(`file:app.db?${parameters(url)}`);
    await program.exec("create table item(text); insert into item values ('there')");
    await program.close();
    await program.open(`file:/some/folder/app.db?vfs=litestream&replica_url=${url}`);
    expect(await program.query("select text from item")).toEqual([["there"]]);
    await program.close();
    expect(await program.end()).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a library that knows of mounts", () => {
  // SQLite's own VFS has buffers for 512 bytes, of which it needs 8 for "-journal".
  it.each([
    [504, undefined],
    [505, "SQLITE_CANTOPEN"],
    [1500, "SQLITE_CANTOPEN"],
  ])("opens another file with a name of %i bytes as ever: %s", (length, expected) => {
    registerBetterSqlite3();
    const path = pathOfLength(length);
    const use = () => {
      const database = new Database(path);
      database.exec("create table item(text); insert into item values ('there')");
      database.close();
    };
    expect(expected === undefined ? use() : resultCode(errorOf(use))).toBe(expected);
  });

  it("takes vfs=litestream for the name of a file unless it was told of it", () => {
    registerBetterSqlite3();
    const before = process.cwd();
    process.chdir(tempDir());
    const database = new Database("file:app.db?vfs=litestream");
    process.chdir(before);
    expect(database.prepare("pragma database_list").get()).toMatchObject({
      file: expect.stringContaining("app.db?vfs=litestream"),
    });
    database.close();
  });
});

/** In a folder that is there. */
function pathOfLength(length: number): string {
  let folder = tempDir();
  while (folder.length + 150 < length) folder = join(folder, "d".repeat(100));
  mkdirSync(folder, { recursive: true });
  return join(folder, "f".repeat(length - folder.length - 1));
}
