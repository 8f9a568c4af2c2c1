import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { registerNodeSqlite } from "../src/index.ts";
import { CREATE_BANK, SUM, TOTAL, transfer } from "./support/bank.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { integrity, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, extendedCode, resultCode } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";
import { startBankThreads } from "./support/threads.ts";

interface Connection {
  exec(sql: string): void;
  value(sql: string): unknown;
}

type Connect = (filename: string, timeoutMs?: number) => Connection;

function better(filename: string, options: Database.Options): Connection {
  const database = new Database(filename, options);
  onTestFinished(() => void database.close());
  return { exec: (sql) => void database.exec(sql), value: (sql) => scalar(database, sql) };
}

function builtIn(filename: string, options: DatabaseSyncOptions): Connection {
  registerNodeSqlite();
  const database = new DatabaseSync(filename, options);
  onTestFinished(() => database.close());
  return {
    exec: (sql) => database.exec(sql),
    value: (sql) => Object.values(database.prepare(sql).get() as object)[0],
  };
}

const DRIVERS: readonly (readonly [string, Connect, Connect])[] = [
  [
    "better-sqlite3",
    (filename, timeout = 0) => better(filename, { timeout }),
    (filename) => better(filename, { timeout: 0, readonly: true }),
  ],
  [
    "node:sqlite",
    (filename, timeout = 0) => builtIn(filename, { timeout }),
    (filename) => builtIn(filename, { timeout: 0, readOnly: true }),
  ],
];

const COUNT = "select count(*) from item";
const CREATE = "create table item(id integer primary key, text)";
const ADD = "insert into item(text) values ('x')";

const newUrl = () => `file://${tempDir()}/app.db`;

describe.each(DRIVERS)("connections of %s", (_driver, connect, connectReadOnly) => {
  it("see one state for as long as their transaction lasts", async () => {
    const writer = await openWriter({ url: newUrl() });
    writer.database.exec(CREATE);
    const reader = connect(writer.filename);
    reader.exec("begin");
    expect(reader.value(COUNT)).toBe(0);
    for (let i = 0; i < 3; i += 1) {
      writer.database.exec(ADD);
      await writer.flush();
      expect(reader.value(COUNT)).toBe(0);
    }
    expect(connect(writer.filename).value(COUNT)).toBe(3);
    reader.exec("commit");
    expect(reader.value(COUNT)).toBe(3);
  });

  it("see nothing of what is not committed", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const [writer, reader] = [connect(filename), connect(filename)];
    writer.exec(CREATE);
    writer.exec("pragma cache_size = 2");
    writer.exec(`begin; ${ADD}; insert into item(text) select zeroblob(400000)`);
    expect(reader.value(COUNT)).toBe(0);
    writer.exec("rollback");
    expect([writer.value(COUNT), reader.value(COUNT)]).toEqual([0, 0]);
    writer.exec(`begin; ${ADD}; savepoint s; ${ADD}; rollback to s; commit`);
    expect([writer.value(COUNT), reader.value(COUNT)]).toEqual([1, 1]);
  });

  it("of a reader mount see one state while it follows", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    writer.database.exec(CREATE);
    await writer.flush();
    const mount = await openReader({ url });
    const reader = connect(mount.filename);
    reader.exec("begin");
    expect(reader.value(COUNT)).toBe(0);
    writer.database.exec(ADD);
    const txid = await writer.flush();
    await mount.waitForTxid(txid);
    expect(reader.value(COUNT)).toBe(0);
    expect(connect(mount.filename).value(COUNT)).toBe(1);
    reader.exec("commit");
    expect(reader.value(COUNT)).toBe(1);
  });

  it("are busy when another one writes, and read on", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const [first, second] = [connect(filename), connect(filename)];
    first.exec(`${CREATE}; begin immediate; ${ADD}`);
    expect(resultCode(errorOf(() => second.exec("begin immediate")))).toBe("SQLITE_BUSY");
    expect(resultCode(errorOf(() => second.exec(ADD)))).toBe("SQLITE_BUSY");
    expect(second.value(COUNT)).toBe(0);
    first.exec("commit");
    second.exec(ADD);
    expect(first.value(COUNT)).toBe(2);
  });

  it("cannot write on top of a state that is no longer the newest", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const [first, second] = [connect(filename, 30_000), connect(filename)];
    second.exec(CREATE);
    first.exec("begin");
    expect(first.value(COUNT)).toBe(0);
    second.exec(ADD);
    expect(extendedCode(errorOf(() => first.exec(ADD)))).toBe("SQLITE_BUSY_SNAPSHOT");
    first.exec("rollback");
    first.exec(ADD);
    expect(second.value(COUNT)).toBe(2);
  });

  it("of a reader mount cannot write", async () => {
    const url = newUrl();
    const writer = await openWriter({ url });
    writer.database.exec(CREATE);
    await writer.close();
    const mount = await openReader({ url });
    const reader = connect(mount.filename);
    for (const sql of [ADD, "begin immediate", "vacuum", "pragma user_version = 3"]) {
      expect(resultCode(errorOf(() => reader.exec(sql))), sql).toBe("SQLITE_READONLY");
    }
    expect(reader.value(COUNT)).toBe(0);
  });

  it.each(["my app ü.db", "folder/app.db", "a&b=c.db", "'quoted\".db", "app-journal"])(
    "find a mount by the name %s",
    async (name) => {
      const { database, filename } = await openWriter({ url: newUrl(), name });
      database.exec(`${CREATE}; ${ADD}`);
      const connection = connect(filename);
      connection.exec(ADD);
      expect(connection.value(COUNT)).toBe(2);
    },
  );

  it("opened read-only cannot write", async () => {
    const { database, filename } = await openWriter({ url: newUrl() });
    database.exec(CREATE);
    const reader = connectReadOnly(filename);
    expect(resultCode(errorOf(() => reader.exec(ADD)))).toBe("SQLITE_READONLY");
    database.exec(ADD);
    expect(reader.value(COUNT)).toBe(1);
  });

  it("write to two mounts in one transaction, by ATTACH", async () => {
    const [one, two] = [await openWriter({ url: newUrl() }), await openWriter({ url: newUrl() })];
    const database = connect(one.filename);
    database.exec(`attach '${two.filename}' as other`);
    database.exec(`${CREATE}; create table other.item(id integer primary key, text)`);
    database.exec(`begin; ${ADD}; insert into other.item(text) values ('y'), ('z'); commit`);
    database.exec(`begin; delete from item; delete from other.item; rollback`);
    expect([scalar(one.database, COUNT), scalar(two.database, COUNT)]).toEqual([1, 2]);
    database.exec("detach other");
    expect([scalar(one.database, COUNT), scalar(two.database, COUNT)]).toEqual([1, 2]);
  });

  it("with an exclusive lock go on as others do", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const [first, second] = [connect(filename), connect(filename)];
    first.exec(`pragma page_size = 512; pragma cache_size = 5; ${CREATE}`);
    first.exec(`${ADD}; ${"insert into item(text) select text || 'yy' from item;".repeat(10)}`);
    first.exec("pragma locking_mode = exclusive");
    first.exec("begin; update item set text = text || zeroblob(100); rollback");
    first.exec("update item set text = 'new' where id < 5");
    expect(second.value("select count(*) from item where text = 'new'")).toBe(4);
    expect(second.value("pragma integrity_check")).toBe("ok");
    expect(resultCode(errorOf(() => second.exec("begin immediate")))).toBe("SQLITE_BUSY");
    for (let i = 0; i < 3; i += 1) {
      first.exec(`update item set text = '${i}' where id = 1`);
      expect(second.value("select text from item where id = 1")).toBe(String(i));
    }
  });

  // SQLite counts some changes under an exclusive lock and not others.
  it("beside an exclusive lock see every change, counted or not", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const [first, second] = [connect(filename), connect(filename)];
    first.exec("pragma locking_mode = exclusive");
    first.exec(CREATE);
    for (let uncounted = 0; uncounted < 5; uncounted += 1) {
      for (let i = 0; i < uncounted; i += 1) first.exec(ADD);
      const before = second.value("select group_concat(sql) from sqlite_schema");
      first.exec(`alter table item add column late${uncounted}`);
      first.exec(ADD);
      const after = second.value("select group_concat(sql) from sqlite_schema");
      expect(after).not.toBe(before);
      expect(second.value(COUNT)).toBe(first.value(COUNT));
    }
  });
});

describe("both drivers in one process", () => {
  it("write in turns and see each other", async () => {
    const { filename } = await openWriter({ url: newUrl() });
    const connections = DRIVERS.map(([, connect]) => connect(filename));
    connections[0]?.exec(CREATE);
    for (let i = 1; i <= 20; i += 1) {
      connections[i % 2]?.exec(ADD);
      expect(connections.map((connection) => connection.value(COUNT))).toEqual([i, i]);
    }
  });
});

describe("a reader in another process", () => {
  it("sees each state whole, for as long as it wants to", async () => {
    const url = newUrl();
    const writer = await openWriter({ url, syncIntervalMs: 10 });
    writer.database.exec(CREATE_BANK);
    await writer.flush();
    const program = new DrivenProcess("./headwater-child.ts");
    const name = await program.call("mount", { url, pollIntervalMs: 10 });
    const value = async (sql: string) =>
      ((await program.call("query", name, sql)) as unknown[][])[0]?.[0];
    const random = new SeededRandom(7);
    await program.call("exec", name, "begin");
    const before = await value("select count(*) from transfer");
    for (let i = 0; i < 50; i += 1) transfer(writer.database, random);
    await writer.flush();
    await sleep(100);
    expect([await value(SUM), await value("select count(*) from transfer")]).toEqual([
      TOTAL,
      before,
    ]);
    await program.call("exec", name, "commit");
    await eventually("all transfers", async () =>
      (await value("select count(*) from transfer")) === 50 ? true : undefined,
    );
    for (let i = 0; i < 50; i += 1) {
      transfer(writer.database, random);
      expect(await value(SUM)).toBe(TOTAL);
    }
  });
});

describe("a bank", () => {
  it("never loses or makes money, whoever reads on which thread", async () => {
    const url = newUrl();
    const writer = await openWriter({ url, syncIntervalMs: 20, cacheBytes: 100_000 });
    writer.database.exec(CREATE_BANK);
    await writer.flush();
    const reader = await openReader({ url, pollIntervalMs: 10, cacheBytes: 50_000 });
    const hydrated = await openReader({ url, pollIntervalMs: 10, hydrate: true });
    registerNodeSqlite();
    const threads = startBankThreads([
      ["read with better-sqlite3", writer.filename],
      ["read with node:sqlite", writer.filename],
      ["read with better-sqlite3", reader.filename],
      ["read with node:sqlite", hydrated.filename],
    ]);
    const random = new SeededRandom(1);
    for (let i = 0; i < 1500; i += 1) {
      transfer(writer.database, random);
      if (i % 5 === 0) await sleep(1);
    }
    const txid = await writer.flush();
    await Promise.all([reader.waitForTxid(txid), hydrated.waitForTxid(txid)]);
    for (const { count, problem } of await threads.stop()) {
      expect(problem).toBeUndefined();
      expect(count).toBeGreaterThan(0);
    }
    for (const { database } of [writer, reader, hydrated]) {
      expect(scalar(database, SUM)).toBe(TOTAL);
      expect(scalar(database, "select count(*) from transfer")).toBe(1500);
      expect(integrity(database)).toBe("ok");
    }
  });

  it("keeps every transfer of writers on several threads", async () => {
    const url = newUrl();
    const mount = await openWriter({ url, syncIntervalMs: 20 });
    mount.database.exec(CREATE_BANK);
    const threads = startBankThreads([
      ["write", mount.filename],
      ["write", mount.filename],
      ["write", mount.filename],
      ["read with better-sqlite3", mount.filename],
    ]);
    await sleep(1500);
    const results = await threads.stop();
    expect(results.map(({ problem }) => problem)).toEqual(results.map(() => undefined));
    const transfers = results.slice(0, 3).reduce((sum, { count }) => sum + count, 0);
    expect(scalar(mount.database, "select count(*) from transfer")).toBe(transfers);
    expect(scalar(mount.database, SUM)).toBe(TOTAL);
    await mount.close();
    const reader = await openReader({ url });
    expect(scalar(reader.database, "select count(*) from transfer")).toBe(transfers);
    expect(scalar(reader.database, SUM)).toBe(TOTAL);
    expect(integrity(reader.database)).toBe("ok");
  });
});
