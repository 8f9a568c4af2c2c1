/**
 * What programs do with a database beside ordinary statements. Each ends with a reader that has
 * only the bucket, and must hold what the writer holds.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { dump, findDumpDifference, integrity, scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { noiseQuery } from "./support/noise.ts";
import { tempDir } from "./support/temp-dir.ts";

const newUrl = (): string => `file://${tempDir()}/app.db`;

async function expectSameInBucket(
  url: string,
  { database, flush }: Awaited<ReturnType<typeof openWriter>>,
): Promise<void> {
  await flush();
  expect(integrity(database)).toBe("ok");
  const reader = await openReader({ url });
  expect(integrity(reader.database)).toBe("ok");
  const [actual, expected] = [await dump(reader.database), await dump(database)];
  expect(findDumpDifference(actual, expected)).toBeUndefined();
}

describe("kinds of tables", () => {
  it("with full text, boxes, blobs and JSON are kept, in pages of every size", async () => {
    for (const pageSize of [512, 4096, 65_536]) {
      const url = newUrl();
      const writer = await openWriter({ url });
      const { database } = writer;
      database.pragma(`page_size = ${pageSize}`);
      database.exec(`
        create virtual table note using fts5(title, body);
        create virtual table place using rtree(id, minx, maxx, miny, maxy);
        create table file(id integer primary key, name text unique, data blob) strict;
        create table word(word text primary key, count integer) without rowid;
        create table doc(body text check (json_valid(body)), kind text
          generated always as (body ->> 'kind') stored);
        create index doc_kind on doc(kind) where kind is not null;
        create view big as select name from file where length(data) > 100000;
        create trigger counted after insert on file begin
          insert into word values (new.name, 1) on conflict do update set count = count + 1; end`);
      const note = database.prepare("insert into note values (?, ?)");
      const place = database.prepare("insert into place values (?, ?, ?, ?, ?)");
      const file = database.prepare("insert into file(name, data) values (?, ?)");
      database.transaction(() => {
        for (let i = 0; i < 200; i += 1) {
          note.run(`title${i % 17}`, `the ${i}th body of water and number ${i * 7}`);
          place.run(i, i, i + 1, -i, 1 - i);
        }
        for (const size of [0, 1, pageSize - 1, pageSize, 300_000]) {
          file.run(`of ${size}`, Buffer.alloc(size, size));
        }
        database.exec(`insert into doc(body) values ('{"kind":"a"}'), ('{"kind":"b"}'), ('{}')`);
      })();
      await writer.flush();
      database.exec(`
        delete from note where rowid % 3 = 0;
        update place set maxx = maxx + 1 where id % 2 = 0;
        update file set data = cast(data || x'00' as blob) where id = 5;
        insert into note(note) values ('optimize')`);
      await expectSameInBucket(url, writer);
      const reader = await openReader({ url });
      const found = "select count(*) from note where note match 'water AND number'";
      expect(scalar(reader.database, found)).toBe(scalar(database, found));
      const inside = "select count(*) from place where minx >= 50 and maxx <= 100";
      expect(scalar(reader.database, inside)).toBe(scalar(database, inside));
      expect(scalar(reader.database, "select name from big")).toBe("of 300000");
      expect(scalar(reader.database, "pragma page_size")).toBe(pageSize);
    }
  });

  it("keep one blob that is written and read in parts", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    writer.database.exec("create table file(data blob)");
    const size = 5_000_000;
    writer.database.prepare("insert into file values (zeroblob(?))").run(size);
    writer.database.exec(
      "update file set data = cast(substr(data, 1, 4999990) || '0123456789' as blob)",
    );
    await expectSameInBucket(url, writer);
  });
});

describe("a large transaction", () => {
  it("of a hundred megabytes is there whole after opening again", async () => {
    const url = newUrl();
    const writer = await openWriter({ url, cacheBytes: 1_000_000 });
    const { database } = writer;
    database.pragma("cache_size = -2000");
    database.exec("create table item(id integer primary key, data blob)");
    const insert = database.prepare("insert into item(data) values (?)");
    database.transaction(() => {
      for (let i = 0; i < 400; i += 1) insert.run(Buffer.alloc(262_144, i));
    })();
    const sum =
      "select count(*) || ' ' || sum(length(data)) || ' ' || hex(max(substr(data, 9, 1)))";
    const expected = scalar(database, `${sum} from item`);
    await writer.close();
    const reader = await openReader({ url, cacheBytes: 1_000_000 });
    expect(scalar(reader.database, `${sum} from item`)).toBe(expected);
    expect(integrity(reader.database)).toBe("ok");
  }, 60_000);
});

describe("settings", () => {
  it("in the header of the file are kept", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    writer.database.exec(`
      pragma encoding = 'UTF-16le'; pragma auto_vacuum = incremental;
      create table item(text); insert into item values ('grüße');
      pragma application_id = 252006674; pragma user_version = -7`);
    await writer.flush();
    writer.database.pragma("user_version = 8");
    await expectSameInBucket(url, writer);
    const { database } = await openReader({ url });
    const read = (name: string) => scalar(database, `pragma ${name}`);
    expect([read("application_id"), read("user_version")]).toEqual([252_006_674, 8]);
    expect([read("encoding"), read("auto_vacuum")]).toEqual(["UTF-16le", 2]);
  });

  it("of the journal are refused or change nothing, and lose nothing", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    const { database } = writer;
    database.exec("create table item(text)");
    for (const mode of ["delete", "truncate", "persist", "memory", "off", "wal", "delete"]) {
      const told = scalar(database, `pragma journal_mode = ${mode}`);
      expect(told, mode).not.toBe("wal");
      database.exec(`insert into item values ('${mode}')`);
    }
    await expectSameInBucket(url, writer);
    expect(scalar(database, "select count(*) from item")).toBe(7);
  });
});

describe("the size of the file", () => {
  it("goes down with VACUUM and incremental vacuum, and up again", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    const { database, flush } = writer;
    database.exec(`pragma auto_vacuum = incremental;
      create table item(id integer primary key, text);
      insert into item(text) ${noiseQuery(2000, 60)}`);
    await flush();
    const pages = () => Number(scalar(database, "pragma page_count"));
    const full = pages();
    database.exec("delete from item where id <= 1000; pragma incremental_vacuum(50)");
    expect(pages()).toBe(full - 50);
    await expectSameInBucket(url, writer);
    database.exec("vacuum");
    expect(pages()).toBeLessThan(full - 50);
    await expectSameInBucket(url, writer);
    database.exec(`insert into item(text) ${noiseQuery(3000, 60)}`);
    expect(pages()).toBeGreaterThan(full);
    await expectSameInBucket(url, writer);
  });
});

describe("a copy", () => {
  const fill = `create table item(id integer primary key, text);
    insert into item(text) ${noiseQuery(1000, 40)}`;

  it("is made by VACUUM INTO, by a writer and by a reader", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    writer.database.exec(fill);
    await writer.flush();
    const reader = await openReader({ url });
    for (const { database } of [writer, reader]) {
      const path = join(tempDir(), "copy.db");
      database.prepare("vacuum into ?").run(path);
      const copy = new Database(path, { readonly: true });
      expect(integrity(copy)).toBe("ok");
      expect(findDumpDifference(await dump(copy), await dump(database))).toBeUndefined();
      copy.close();
    }
  });

  it("is made by backup() and serialize(), while others write", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    const { database } = writer;
    database.exec(fill);
    const other = new Database(writer.filename);
    const path = join(tempDir(), "backup.db");
    let steps = 0;
    await database.backup(path, {
      progress: () => {
        steps += 1;
        // A backup begins again when somebody else writes: a few times, and it gets to its end.
        if (steps <= 3) other.exec(`update item set text = 'changed' where id = ${steps}`);
        return steps <= 3 ? 10 : 1000;
      },
    });
    expect(steps).toBeGreaterThan(3);
    const copies = [new Database(path), new Database(database.serialize())];
    for (const copy of copies) {
      expect(integrity(copy)).toBe("ok");
      expect(findDumpDifference(await dump(copy), await dump(database))).toBeUndefined();
      copy.close();
    }
    other.close();
  });

  it("of another database goes into a mount by ATTACH", async () => {
    const path = join(tempDir(), "old.db");
    const old = new Database(path);
    old.exec(fill);
    const url = newUrl();
    const writer = await openWriter({ url });
    const { database } = writer;
    database.prepare("attach ? as old").run(path);
    database.exec("create table item as select * from old.item; detach old");
    expect(existsSync(`${path}-journal`)).toBe(false);
    const count = "select count(*), sum(length(text)) from item";
    expect(scalar(database, count)).toBe(scalar(old, count));
    old.close();
    await expectSameInBucket(url, writer);
  });
});

describe("two databases on one connection", () => {
  it("are a mount and an ordinary file, and each keeps what is its own", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    const path = join(tempDir(), "local.db");
    const { database } = writer;
    database.exec("create table item(text)");
    database.prepare("attach ? as local").run(path);
    database.exec("create table local.item(text); insert into local.item values ('here')");
    database.exec("insert into main.item select text || ' and there' from local.item");
    database.exec("begin; insert into main.item values ('gone'); rollback");
    expect(scalar(database, "select group_concat(text) from main.item")).toBe("here and there");
    database.exec("detach local");
    await expectSameInBucket(url, writer);
  });
});
