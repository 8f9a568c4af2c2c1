import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { bareMount, collectDatabase } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A segment with 40 commits, and where each of them ends. */
function segmentWithCommits(folder: string): { path: string; ends: number[] } {
  const mount = bareMount(folder);
  const database = mount.open();
  const ends: number[] = [];
  database.exec("create table t(id integer primary key, body text)");
  ends.push(native.journalBytes(mount.id));
  const insert = database.prepare("insert into t(body) values (?)");
  for (let i = 1; i < 40; i += 1) {
    insert.run("x".repeat(i * 37));
    ends.push(native.journalBytes(mount.id));
  }
  const path = join(folder, `${mount.filename.slice(5).split("?")[0]}.journal`);
  const copy = join(folder, "segment");
  copyFileSync(path, copy);
  mount.close();
  return { path: copy, ends };
}

describe("a journal segment", () => {
  it("recovers to the last whole commit, wherever it is cut", () => {
    const folder = tempDir();
    const { path, ends } = segmentWithCommits(folder);
    const whole = readFileSync(path);
    for (let cut = whole.length; cut > 0; cut -= 97) {
      const torn = join(folder, "torn");
      writeFileSync(torn, whole.subarray(0, cut));
      const commits = ends.filter((end) => end <= cut).length;
      const mount = bareMount(folder, [torn]);
      expect(mount.recovered?.lastSeq, `cut at ${cut}`).toBe(commits);
      if (commits > 0) {
        const database = mount.open();
        expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
        expect(database.prepare("select count(*) from t").pluck().get()).toBe(commits - 1);
      }
      mount.close();
    }
  });

  it("ends at the first commit that a changed byte has damaged", () => {
    const folder = tempDir();
    const { path, ends } = segmentWithCommits(folder);
    const whole = readFileSync(path);
    for (let at = 40; at < whole.length; at += 211) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x20;
      const file = join(folder, "damaged");
      writeFileSync(file, damaged);
      const mount = bareMount(folder, [file]);
      expect(mount.recovered?.lastSeq, `byte ${at}`).toBe(ends.filter((end) => end <= at).length);
      mount.close();
    }
  });

  it("counts for nothing when its header is not whole", () => {
    const folder = tempDir();
    const { path } = segmentWithCommits(folder);
    truncateSync(path, 39);
    const mount = bareMount(folder, [path]);
    expect(mount.recovered).toMatchObject({ firstSeq: 0, lastSeq: 0 });
    mount.close();
  });

  it("refuses a segment of another page size", () => {
    const folder = tempDir();
    const { path } = segmentWithCommits(folder);
    const other = bareMount(folder);
    const database = other.open();
    database.pragma("page_size = 8192");
    database.exec("create table t(a)");
    expect(() => native.journalRecover(other.id, path, true)).toThrow(
      /page size 4096; expected 1 and 8192/,
    );
    other.close();
  });

  it("is followed by a second one, and forgotten once its commits are elsewhere", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.exec("create table t(a); insert into t values (1)");
    expect(native.journalRotate(mount.id, join(folder, "second"), 0n)).toBe(true);
    database.exec("update t set a = 2");
    const seq = native.mountState(mount.id).seq;
    expect(native.journalRetire(mount.id, seq - 2)).toEqual([]);
    expect(database.prepare("select a from t").pluck().get()).toBe(2);
    const image = join(folder, "image.db");
    writeFileSync(image, collectDatabase(mount.id));
    expect(new Database(image).prepare("select a from t").pluck().get()).toBe(2);
    expect(native.journalRetire(mount.id, seq - 1)).toHaveLength(1);
    mount.close();
  });

  it("is refused when the commits before its first are nowhere", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.exec("create table t(a)");
    const seq = native.mountState(mount.id).seq;
    const second = join(folder, "second");
    native.journalRotate(mount.id, second, 0n);
    database.exec("insert into t values (1)");
    mount.close();
    expect(() => bareMount(tempDir(), [second])).toThrow(
      `second begins with commit ${seq + 1}, but the one before it is lost`,
    );
  });

  it("is followed by the next when the transaction that has spilled into it is over", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.pragma("cache_size = 10");
    database.exec("create table t(a); begin");
    database.exec(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) " +
        "insert into t select randomblob(4000) from n",
    );
    const second = join(folder, "second");
    expect(native.journalRotate(mount.id, second, 0n)).toBe(true);
    expect(native.journalRotate(mount.id, join(folder, "third"), 0n)).toBe(false);
    expect(readFileSync(second)).toHaveLength(0);
    database.exec("rollback");
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(database.prepare("select count(*) from t").pluck().get()).toBe(0);
    database.exec("insert into t values (1)");
    expect(readFileSync(second).length).toBeGreaterThan(0);
    expect(native.journalRotate(mount.id, join(folder, "third"), 0n)).toBe(true);
    expect(native.journalRetire(mount.id, native.mountState(mount.id).seq)).toHaveLength(2);
    mount.close();
  });

  it("has the page size of what is in it, not of what was rolled back before", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const first = mount.open();
    first.pragma("page_size = 1024");
    first.pragma("cache_size = 10");
    first.exec("begin; create table t(a)");
    first.exec(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) " +
        "insert into t select randomblob(4000) from n; rollback",
    );
    const second = mount.open();
    second.pragma("page_size = 8192");
    second.exec("create table t(a); insert into t values (1)");
    const copy = join(folder, "copy");
    copyFileSync(join(folder, `${mount.filename.slice(5).split("?")[0]}.journal`), copy);
    const again = bareMount(folder, [copy]);
    expect(again.recovered).toMatchObject({ pageSize: 8192, lastSeq: 2 });
    expect(again.open().prepare("select a from t").pluck().get()).toBe(1);
    again.close();
    mount.close();
  });

  it("keeps a transaction larger than memory whole, and drops one that is rolled back", () => {
    const folder = tempDir();
    const mount = bareMount(folder);
    const database = mount.open();
    database.pragma("cache_size = 10");
    database.exec("create table t(i, a)");
    const fill = database.prepare(
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) " +
        "insert into t select i, randomblob(4000) from n",
    );
    fill.run();
    database.exec(
      "begin; update t set i = -i; savepoint s; delete from t where i % 2; rollback to s",
    );
    expect(database.prepare("select sum(i), count(*) from t").raw().get()).toEqual([
      -8002000, 4000,
    ]);
    database.exec("rollback");
    expect(database.prepare("select sum(i), count(*) from t").raw().get()).toEqual([8002000, 4000]);
    const image = join(folder, "image.db");
    writeFileSync(image, collectDatabase(mount.id));
    const plain = new Database(image);
    expect(plain.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(plain.prepare("select sum(i), count(*) from t").raw().get()).toEqual([8002000, 4000]);
    mount.close();
  });
});
