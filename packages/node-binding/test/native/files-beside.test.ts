import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { registerNodeSqlite } from "../../src/drivers.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

const DRIVERS = [
  ["better-sqlite3", (filename: string) => new Database(filename)],
  ["node:sqlite", (filename: string) => new DatabaseSync(filename)],
] as const;

/** A connection to a mount with one row, by that driver. */
function openOne(open: (typeof DRIVERS)[number][1]) {
  const mount = bareMount(tempDir());
  registerNodeSqlite();
  const database = open(mount.filename);
  database.exec("create table t(a); insert into t values (1)");
  const close = () => {
    database.close();
    mount.close();
  };
  return { database, close };
}

describe.each(DRIVERS)("beside a mount, by %s", (_, open) => {
  it("an ordinary file is written by VACUUM INTO", () => {
    const { database, close } = openOne(open);
    const path = join(tempDir(), "copy.db");
    database.exec(`vacuum into '${path}'`);
    close();
    const copy = new Database(path, { readonly: true });
    expect(copy.prepare("select a from t").pluck().all()).toEqual([1]);
    copy.close();
  });

  it("an ordinary file is attached, with a journal of its own, or a WAL", () => {
    const { database, close } = openOne(open);
    const path = join(tempDir(), "plain.db");
    database.exec(`attach '${path}' as plain; create table plain.p(b)`);
    database.exec("begin; insert into plain.p values (2)");
    expect(existsSync(`${path}-journal`)).toBe(true);
    database.exec("commit");
    expect(existsSync(`${path}-journal`)).toBe(false);
    database.exec("pragma plain.journal_mode = wal; insert into plain.p select a from main.t");
    expect(existsSync(`${path}-wal`)).toBe(true);
    // The two cannot be one transaction: see the limits.
    database.exec("begin; insert into main.t values (3); insert into plain.p values (3); rollback");
    close();
    const plain = new Database(path);
    expect(plain.prepare("select b from p order by b").pluck().all()).toEqual([1, 2]);
    plain.close();
  });

  it("what a name says is a mount is none of the disk's", () => {
    const { close } = openOne(open);
    const path = join(tempDir(), "nowhere.db");
    expect(() => open(`file:${path}?vfs=headwater`)).toThrow("is not mounted in this process");
    expect(existsSync(path)).toBe(false);
    close();
  });
});
