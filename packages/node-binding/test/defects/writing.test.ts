/**
 * Where other writers of replicas go wrong, in write mode.
 */

import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { restoreDatabase } from "@headwater/ltx";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { ACCOUNTS, CREATE_BANK, SUM, TOTAL, transfer } from "../support/bank.ts";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { errorOf, extendedCode, resultCode } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";

const CREATE = "create table item(id integer primary key, value, filler)";
const GROW = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
  insert into item(value, filler) select 1, printf('%.*c', 900, 'w') from n`;

function connect(filename: string): Database.Database {
  const database = new Database(filename, { timeout: 0 });
  onTestFinished(() => void database.close());
  return database;
}

/** What `restore` makes of all level-0 files. */
async function restored(root: string): Promise<Database.Database> {
  const folder = join(root, "ltx", "0");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ltx"));
  const files = names.sort().map((name) => readFileSync(join(folder, name)));
  const path = join(tempDir(), "restored.db");
  writeFileSync(path, (await restoreDatabase(files).bytes()).bytes);
  return connect(path);
}

describe("a writer", () => {
  // 14
  it("counts the pages that it has uploaded", async () => {
    const root = tempDir();
    const { database, filename, flush } = await openWriter({ url: `file://${root}` });
    database.exec("create table users(id integer primary key, name text)");
    await flush();
    database.exec("insert into users(name) values ('Alice'), ('Bob')");
    await flush();
    for (let round = 1; round <= 4; round += 1) {
      database.exec(`${round === 1 ? CREATE : "select 1"}; ${GROW}`);
      await flush();
      expect(scalar(connect(filename), "select count(*) from item")).toBe(600 * round);
      expect(integrity(connect(filename))).toBe("ok");
    }
    const names = "select group_concat(name) from users";
    expect(scalar(database, names)).toBe("Alice,Bob");
    expect(integrity(await restored(root))).toBe("ok");
  });

  // 15
  it("reads what it has uploaded as it is, however small its cache", async () => {
    const url = `file://${tempDir()}`;
    const { database, filename, flush } = await openWriter({ url, cacheBytes: 0 });
    database.exec("pragma cache_size = 10");
    database.exec(`${CREATE}; ${GROW}; ${GROW}`);
    await flush();
    for (let value = 2; value <= 5; value += 1) {
      database.exec(`update item set value = ${value}`);
      await flush();
      for (const connection of [database, connect(filename)]) {
        expect(scalar(connection, "select sum(value) from item")).toBe(1200 * value);
        expect(integrity(connection)).toBe("ok");
      }
    }
  });

  // 16
  it("loses no update of connections that write in turns, synced or not", async () => {
    const { filename, flush } = await openWriter({ url: `file://${tempDir()}` });
    const connections = [connect(filename), connect(filename), connect(filename)];
    connections[0]?.exec("create table item(value); insert into item values (0)");
    for (let i = 1; i <= 30; i += 1) {
      const connection = connections[i % 3];
      connection?.exec("begin immediate");
      const value = Number(scalar(connection as Database.Database, "select value from item"));
      connection?.exec(`update item set value = ${value + 1}; commit`);
      if (i % 4 === 0) await flush();
    }
    expect(connections.map((connection) => scalar(connection, "select value from item"))).toEqual([
      30, 30, 30,
    ]);
  });

  // 18
  it("stops and says so when somebody else has written, and keeps its commits", async () => {
    const replica = new ReplicaBuilder();
    await replica.commit("create table item(value); insert into item values ('theirs')");
    const { url } = replica;
    const journalDir = tempDir();
    const options = { url, journalDir, lease: "off" } as const;
    const writer = await openWriter(options);
    await replica.commit("update item set value = 'theirs again'");
    writer.database.exec("update item set value = 'ours'");
    await expect(writer.flush()).rejects.toMatchObject({ code: "FENCED" });
    await expect(writer.flush()).rejects.toMatchObject({ code: "FENCED" });
    const refused = errorOf(() => writer.database.exec("update item set value = 'more'"));
    expect(resultCode(refused)).toBe("SQLITE_READONLY");
    expect(scalar(writer.database, "select value from item")).toBe("ours");
    expect((await writer.status()).sync).toMatchObject({ state: "fenced" });
    await writer.close().catch(() => {});
    await expect(openWriter(options)).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
    const reader = await openReader({ url });
    expect(scalar(reader.database, "select value from item")).toBe("theirs again");
  });

  // 19
  it("that races another one for a transaction wins it or is told", async () => {
    for (let round = 0; round < 5; round += 1) {
      const url = `file://${tempDir()}`;
      const first = await openWriter({ url });
      first.database.exec("create table item(value)");
      await first.close();
      const writers = [];
      for (const lease of ["off", "off"] as const) writers.push(await openWriter({ url, lease }));
      for (const [index, { database }] of writers.entries()) {
        database.exec(`insert into item values (${index})`);
      }
      const results = await Promise.allSettled(writers.map(({ flush }) => flush()));
      const won = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
      expect(won).toHaveLength(1);
      const reader = await openReader({ url });
      expect(scalar(reader.database, "select group_concat(value) from item")).toBe(`${won[0]}`);
      for (const { close } of writers) await close().catch(() => {});
    }
  });

  // 23
  it("leaves files that restore to the same after it shrank, was reopened and grew", async () => {
    const root = tempDir();
    const url = `file://${root}`;
    let expected = "";
    for (const step of [
      [CREATE, GROW, GROW],
      ["delete from item where id > 20", "vacuum"],
      [GROW],
      ["delete from item", "vacuum"],
      [GROW, GROW, GROW],
    ]) {
      const { database, close } = await openWriter({ url });
      for (const sql of step) database.exec(sql);
      expected = await dump(database);
      const pages = scalar(database, "pragma page_count");
      await close();
      const again = await openReader({ url });
      expect(scalar(again.database, "pragma page_count")).toBe(pages);
      expect(integrity(again.database)).toBe("ok");
      await again.close();
    }
    const result = await restored(root);
    expect(findDumpDifference(await dump(result), expected)).toBeUndefined();
    expect(integrity(result)).toBe("ok");
  });

  // 24
  it("takes any page size for a new database and none other for an old one", async () => {
    for (const pageSize of [512, 8192, 65_536]) {
      const url = `file://${tempDir()}`;
      const { database, close } = await openWriter({ url });
      database.exec(`pragma page_size = ${pageSize}; ${CREATE}; ${GROW}`);
      await close();
      const again = await openWriter({ url });
      expect(scalar(again.database, "pragma page_size")).toBe(pageSize);
      const change = () => again.database.exec("pragma page_size = 4096; vacuum");
      expect(resultCode(errorOf(change))).toBe("SQLITE_ERROR");
      again.database.exec("vacuum; insert into item(value) values (2)");
      expect(scalar(again.database, "select count(*) from item")).toBe(601);
      expect(integrity(again.database)).toBe("ok");
      await again.close();
    }
  });

  // 26
  it("fails a statement whose pages cannot be read, and no other", async () => {
    const root = tempDir();
    const url = `file://${root}`;
    const first = await openWriter({ url });
    first.database.exec(`${CREATE}; ${GROW}; create table small(value)`);
    await first.close();
    const writer = await openWriter({ url, cacheBytes: 0, requestTimeoutMs: 3000 });
    expect(scalar(writer.database, "select count(*) from small")).toBe(0);
    renameSync(join(root, "ltx"), join(root, "gone"));
    const failed = errorOf(() => writer.database.exec("update item set value = value + 1"));
    expect(["SQLITE_IOERR", "SQLITE_BUSY"]).toContain(resultCode(failed));
    expect(writer.database.inTransaction).toBe(false);
    renameSync(join(root, "gone"), join(root, "ltx"));
    expect(scalar(writer.database, "select sum(value) from item")).toBe(600);
    writer.database.exec("update item set value = value + 1");
    expect(scalar(writer.database, "select sum(value) from item")).toBe(1200);
    expect(integrity(writer.database)).toBe("ok");
  });

  // 28
  it("is one of several in the process, which do not meet", async () => {
    const writers = [];
    for (let i = 0; i < 3; i += 1) {
      writers.push(await openWriter({ url: `file://${tempDir()}`, syncIntervalMs: 5 }));
    }
    for (const { database } of writers) database.exec(CREATE);
    for (let round = 0; round < 20; round += 1) {
      for (const [index, { database }] of writers.entries()) {
        database.exec(`insert into item(value) values (${index})`);
        if (index === round % 3) database.exec(GROW);
      }
    }
    for (const [index, { database, flush, status }] of writers.entries()) {
      expect(await flush()).toBe((await status()).txid);
      const own = `select count(*) from item where value = ${index} and filler is null`;
      expect(scalar(database, own)).toBe(20);
      expect(integrity(database)).toBe("ok");
    }
  });

  // 30
  it("does not take a store that it cannot list for an empty one", async () => {
    const root = tempDir();
    writeFileSync(join(root, "app.db"), "a file where a folder should be");
    const opening = openWriter({ url: `file://${root}/app.db` });
    await expect(opening).rejects.toMatchObject({
      code: expect.stringMatching(/^(STORE|PREFIX)_/),
    });
    expect(readdirSync(root)).toEqual(["app.db"]);
  });
});

describe("a transaction that is larger than the cache", () => {
  it("is seen whole or not at all, by others and after opening again", async () => {
    const url = `file://${tempDir()}`;
    const { database, filename, close } = await openWriter({ url, syncIntervalMs: 5 });
    database.exec(`pragma cache_size = 4; ${CREATE_BANK}`);
    const other = connect(filename);
    const random = new SeededRandom(5);
    for (let round = 0; round < 10; round += 1) {
      database.exec("begin");
      database.exec("update account set balance = balance + 1, filler = filler || 'x'");
      database.exec(GROW.replace("item(value, filler)", "transfer(amount)").replace("1, p", "p"));
      expect(scalar(other, SUM)).toBe(TOTAL);
      if (round % 2 === 0) {
        database.exec("rollback");
      } else {
        database.exec("update account set balance = balance - 1; delete from transfer; commit");
      }
      transfer(database, random);
      expect(scalar(other, SUM)).toBe(TOTAL);
    }
    await close();
    const reader = await openReader({ url });
    expect(scalar(reader.database, SUM)).toBe(TOTAL);
    expect(scalar(reader.database, "select count(*) from account")).toBe(ACCOUNTS);
    expect(scalar(reader.database, "select max(length(filler)) from account")).toBe(205);
    expect(integrity(reader.database)).toBe("ok");
  });

  it("gives the pages back when a savepoint is rolled back", async () => {
    const { database, filename, flush } = await openWriter({ url: `file://${tempDir()}` });
    database.exec(`pragma cache_size = 4; pragma auto_vacuum = 1; ${CREATE}; ${GROW}`);
    const expected = await dump(database);
    database.exec(`begin; savepoint a; delete from item; ${GROW}; update item set value = 9`);
    database.exec("savepoint b; drop table item; rollback to a; commit");
    await flush();
    expect(findDumpDifference(await dump(connect(filename)), expected)).toBeUndefined();
    expect(integrity(connect(filename))).toBe("ok");
    expect(extendedCode(errorOf(() => database.exec("rollback")))).toBe("SQLITE_ERROR");
  });
});
