import { readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { headwater, headwaterJson } from "./support/headwater.ts";
import { litestreamHydrates, litestreamProblem } from "./support/litestream-hydrates.ts";
import { folders, s3 } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { openWriter } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const part = "headwater import";
const ROWS = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
  insert into notes(body) select hex(randomblob(700)) from n`;

/** A database that somebody has open; half of it is in its write-ahead log. */
function liveDatabase(): { readonly path: string; readonly database: Database.Database } {
  const path = join(tempDir(), "live.db");
  const database = new Database(path);
  onTestFinished(() => void database.close());
  database.pragma("journal_mode = wal");
  database.pragma("wal_autocheckpoint = 0");
  database.exec("create table notes(id integer primary key, body text)");
  database.exec(ROWS);
  database.pragma("wal_checkpoint");
  database.exec("update notes set body = 'in the log' where id % 7 = 0");
  database.exec("begin; insert into notes(body) values ('in the log too'); commit");
  return { path, database };
}

describe.each([folders, await s3("ceph", part), await s3("miniflare", part)])(
  "headwater import to $name",
  ({ name, problem, make }) => {
    it.runIf(problem === undefined)("makes a replica of a database and its log", async () => {
      const place = make();
      const { path, database } = liveDatabase();
      const logSize = statSync(`${path}-wal`).size;
      const result = await headwaterJson(["import", place.url, path], place);
      expect(result).toMatchObject({ txid: 1, pageSize: 4096 });
      expect(statSync(`${path}-wal`).size).toBe(logSize);
      const compared = await headwater(["verify", "--compare", path, place.url], place);
      expect(compared.stdout).toContain("are the same");

      const restored = join(tempDir(), "restored.db");
      await headwaterJson(["restore", place.url, restored], place);
      const copy = new Database(restored, { readonly: true });
      const all = "select count(*), sum(length(body)), sum(body = 'in the log') from notes";
      expect(copy.prepare(all).raw().get()).toEqual(database.prepare(all).raw().get());
      expect(copy.pragma("integrity_check", { simple: true })).toBe("ok");
      copy.close();

      if (litestreamProblem() === undefined && !name.includes("miniflare")) {
        const theirs = join(tempDir(), "litestream.db");
        await litestreamHydrates(place, theirs);
        expect(readFileSync(theirs).equals(readFileSync(restored))).toBe(true);
      }

      // What is written next goes on from it.
      const writer = await openWriter(place);
      writer.database.exec("delete from notes where id > 3");
      expect(await writer.flush()).toBe(2n);
      await writer.close();
      const info = await headwaterJson(["info", place.url], place);
      expect(info).toMatchObject({ newest: { txid: 2 }, oldest: { txid: 1 } });
    });
  },
);

describe("headwater import", () => {
  it("leaves a replica alone, and what is no replica too", async () => {
    const place = folders.make();
    const { path } = liveDatabase();
    await headwaterJson(["import", place.url, path]);
    const before = await headwaterJson(["list", place.url]);
    const again = await headwater(["import", place.url, path]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("there is a replica already");
    expect(await headwaterJson(["list", place.url])).toEqual(before);

    const folder = tempDir();
    writeFileSync(join(folder, "family.jpg"), "");
    const foreign = await headwater(["import", folder, path]);
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain("choose a prefix of its own");
  });

  it("takes a database by a link to it, with the log that lies beside the file", async () => {
    const place = folders.make();
    const { path, database } = liveDatabase();
    const folder = tempDir();
    const link = join(folder, "link.db");
    symlinkSync(path, link);
    await headwaterJson(["import", place.url, link], place);
    const restored = join(tempDir(), "restored.db");
    await headwaterJson(["restore", place.url, restored]);
    const copy = new Database(restored, { readonly: true });
    const all = "select count(*), sum(length(body)), sum(body = 'in the log') from notes";
    expect(copy.prepare(all).raw().get()).toEqual(database.prepare(all).raw().get());
    copy.close();
  });

  it("takes a database in rollback mode, of any page size", async () => {
    for (const pageSize of [512, 65_536]) {
      const place = folders.make();
      const path = join(tempDir(), "plain.db");
      const database = new Database(path);
      database.pragma(`page_size = ${pageSize}`);
      database.exec(`create table notes(body); ${ROWS}`);
      database.close();
      await headwaterJson(["import", place.url, path]);
      const restored = join(tempDir(), "restored.db");
      await headwaterJson(["restore", place.url, restored]);
      expect(readFileSync(restored).equals(readFileSync(path))).toBe(true);
    }
  });

  it("says what is wrong with what is no database", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "a-file"), "");
    const cases = [
      ["none.db", undefined, "check the path"],
      ["a-file/below.db", undefined, "check the path and its rights"],
      ["empty.db", "", "there is nothing to import"],
      ["text.db", "no database at all, ".repeat(400), "check that it is a SQLite database"],
    ] as const;
    for (const [name, content, words] of cases) {
      const path = join(folder, name);
      if (content !== undefined) writeFileSync(path, content);
      const { code, stderr } = await headwater(["import", join(folder, "replica"), path]);
      expect([code, stderr.split("\n").length], stderr).toEqual([1, 2]);
      expect(stderr).toContain(words);
    }
  });
});
