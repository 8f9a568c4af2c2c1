/**
 * Commits that are staged for the bucket and taken back. The test's own thread is the engine here,
 * which may not wait for itself, so that every remote COMMIT fails after it was staged.
 */

import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { bareMount, collectDatabase } from "../support/bare-mount.ts";
import { errorOf, extendedCode } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";

const CREATE = "create table t(a integer primary key, b)";
const ALL = "select group_concat(a || ':' || length(b) || ':' || hex(substr(b, 1, 2))) from t";
const FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
  insert into t(b) select randomblob(4000) from n`;

function value(database: Database.Database, sql: string): unknown {
  return database.prepare(sql).pluck().get();
}

/** The COMMIT of this fails; what was there before is there again. */
function failRemotely(database: Database.Database, sql: string): void {
  database.pragma("headwater_durability = remote");
  expect(extendedCode(errorOf(() => database.exec(sql)))).toBe("SQLITE_IOERR_FSYNC");
  expect(value(database, "pragma headwater_why")).toContain("would wait for itself");
  database.pragma("headwater_durability = eventual");
  if (database.inTransaction) database.exec("rollback");
}

/** What a later process finds in the segment. */
function recovered(folder: string, filename: string): Database.Database {
  const copy = join(folder, "copy");
  copyFileSync(join(folder, `${filename.slice(5).split("?")[0]}.journal`), copy);
  return bareMount(tempDir(), [copy]).open();
}

describe("a staged commit that is taken back", () => {
  it("leaves the segment as long as it was, and no trace for who recovers it", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.exec(`${CREATE}; insert into t(b) values ('x')`);
    const path = join(folder, `${mount.filename.slice(5).split("?")[0]}.journal`);
    const size = statSync(path).size;
    failRemotely(database, "insert into t(b) values ('y')");
    failRemotely(database, "begin; update t set b = 'z'; insert into t(b) values (1); commit");
    expect(statSync(path).size).toBe(size);
    expect(native.mountState(mount.id).seq).toBe(2);
    expect(value(database, "select group_concat(b) from t")).toBe("x");
    expect(value(recovered(folder, mount.filename), "select group_concat(b) from t")).toBe("x");
    database.exec("insert into t(b) values ('after')");
    expect(value(recovered(folder, mount.filename), ALL)).toBe(value(database, ALL));
    mount.close();
  });

  it("may be the first of a database", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    failRemotely(database, CREATE);
    expect(value(database, "select count(*) from sqlite_schema")).toBe(0);
    database.exec(CREATE);
    expect(value(recovered(folder, mount.filename), "select count(*) from t")).toBe(0);
    mount.close();
  });

  it.each(["normal", "exclusive"])("may have spilled, with locking_mode=%s", (locking) => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.pragma("cache_size = 10");
    database.exec(`${CREATE}; insert into t(b) values ('x')`);
    database.pragma(`locking_mode = ${locking}`);
    failRemotely(database, `begin; update t set b = 'y'; ${FILL}; commit`);
    expect(value(database, "select group_concat(b) from t")).toBe("x");
    failRemotely(database, "insert into t(b) values ('z')");
    database.exec("insert into t(b) values ('after')");
    expect(value(database, "select group_concat(b) from t")).toBe("x,after");
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    const other = mount.open();
    expect(value(other, "select group_concat(b) from t")).toBe("x,after");
    expect(value(recovered(folder, mount.filename), ALL)).toBe(value(database, ALL));
    mount.close();
  });

  it("changes nothing for readers, whatever they hold", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    const reader = mount.open();
    database.exec(`${CREATE}; insert into t(b) values ('x'), ('y')`);
    reader.exec("begin");
    expect(value(reader, "select group_concat(b) from t")).toBe("x,y");
    database.exec("update t set b = 'new' where a = 1");
    failRemotely(database, "update t set b = 'never'");
    expect(value(reader, "select group_concat(b) from t")).toBe("x,y");
    reader.exec("commit");
    expect(value(reader, "select group_concat(b) from t")).toBe("new,y");
    mount.close();
  });

  it.each([1, 2, 3, 4])("is as if it had never been, seed %i", (seed) => {
    const random = new SeededRandom(seed);
    const folder = tempDir();
    const mount = bareMount(folder);
    const ours = mount.open();
    const plain = new Database(":memory:");
    const both = [ours, plain];
    for (const database of both) database.exec(`pragma page_size = 1024; ${CREATE}`);
    ours.pragma("cache_size = 10");
    for (let step = 0; step < 250; step += 1) {
      const blob = `x'${random.below(0x10000).toString(16).padStart(4, "0")}'`;
      const length = random.below(random.below(10) === 0 ? 30_000 : 300);
      const a = 1 + random.below(60);
      const sql = [
        `insert or replace into t values (${a}, ${blob} || zeroblob(${length}))`,
        `update t set b = ${blob} || substr(b, 3) where a % 5 = ${a % 5}`,
        `delete from t where a > ${a}`,
        "vacuum",
      ][Math.min(3, random.below(31) >> 3)] as string;
      // Not every statement changes something.
      const sure = `begin; ${sql}; insert or replace into t values (99, x'00'); commit`;
      if (random.below(3) === 0) failRemotely(ours, sql === "vacuum" ? sql : sure);
      else for (const database of both) database.exec(sql);
      expect(value(ours, ALL), `step ${step}: ${sql}`).toBe(value(plain, ALL));
      if (random.below(40) === 0) {
        const mode = random.below(2) === 0 ? "normal" : "exclusive";
        ours.pragma(`locking_mode = ${mode}`);
      }
    }
    expect(ours.pragma("integrity_check", { simple: true })).toBe("ok");
    const again = recovered(folder, mount.filename);
    expect(again.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(value(again, ALL)).toBe(value(plain, ALL));
    expect(collectDatabase(mount.id).length % 1024).toBe(0);
    mount.close();
  });
});
