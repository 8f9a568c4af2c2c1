import { truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bareMount, collectDatabase } from "../support/bare-mount.ts";
import { scalar } from "../support/dump.ts";
import { tempDir } from "../support/temp-dir.ts";

const INSERT = "insert into t values (1)";
const WHY = "pragma headwater_why";

describe("PRAGMA headwater_why", () => {
  it("says why a lock was not to be had", () => {
    const mount = bareMount(tempDir());
    const [first, second] = [mount.open(), mount.open()];
    first.exec("create table t(a)");
    second.pragma("busy_timeout = 0");
    first.exec(`begin; ${INSERT}`);
    expect(() => second.exec(INSERT)).toThrow("database is locked");
    expect(scalar(second, WHY)).toMatch(/another connection has begun to write/);
    second.exec("begin; select count(*) from t");
    first.exec("commit");
    expect(() => second.exec(INSERT)).toThrow("database is locked");
    expect(scalar(second, WHY)).toMatch(/commits since this transaction began/);
    mount.close();
  });

  it("says that it is the journal which cannot be read", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    const other = mount.open();
    database.exec(`create table t(a); ${INSERT}`);
    const name = mount.filename.slice("file:".length, mount.filename.indexOf("?"));
    truncateSync(join(folder, `${name}.journal`), 100);
    expect(() => other.prepare("select * from t").all()).toThrow("disk I/O error");
    expect(scalar(other, WHY)).toMatch(/journal/);
    other.close();
    database.close();
    mount.close();
  });
});

it("tells the engine, too, that the journal has lost what was written", () => {
  const folder = tempDir();
  const mount = bareMount(folder);
  const database = mount.open();
  database.exec(`create table t(a); ${INSERT}`);
  const name = mount.filename.slice("file:".length, mount.filename.indexOf("?"));
  truncateSync(join(folder, `${name}.journal`), 100);
  expect(() => collectDatabase(mount.id)).toThrow(
    /cannot read the journal: (Input\/output|I\/O) error/,
  );
  mount.close();
});
