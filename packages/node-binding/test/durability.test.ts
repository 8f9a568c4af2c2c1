/**
 * COMMITs that return when the bucket has them.
 */

import { readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { registerNodeSqlite } from "../src/index.ts";
import { CREATE_BANK, SUM, TOTAL } from "./support/bank.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { integrity, scalar } from "./support/dump.ts";
import { eventually, within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, extendedCode, resultCode } from "./support/result-code.ts";
import { slowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";
import { startBankThreads } from "./support/threads.ts";

const CREATE = "create table item(id integer primary key, text)";
const ADD = "insert into item(text) values ('x')";
const COUNT = "select count(*) from item";
const TEXTS = "select group_concat(text) from item";
const FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
  insert into item(text) select randomblob(4000) from n`;

const remote = { durability: "remote" } as const;

function connect(filename: string): Database.Database {
  const database = new Database(filename, { timeout: 0 });
  onTestFinished(() => void database.close());
  return database;
}

/** What the bucket has now. */
async function inBucket(url: string, sql: string): Promise<unknown> {
  const { database, close } = await openReader({ url });
  const found = scalar(database, sql);
  await close();
  return found;
}

describe("durability: remote", () => {
  it("has every kind of COMMIT in the bucket when it returns", async () => {
    const url = `file://${tempDir()}/app.db`;
    const { database, filename } = await openWriter({ url, ...remote });
    expect(scalar(database, "pragma headwater_durability")).toBe("remote");
    database.exec(CREATE);
    database.exec(ADD);
    expect(await inBucket(url, COUNT)).toBe(1);
    database.exec(`begin; ${ADD}; savepoint s; ${ADD}; rollback to s; ${ADD}; release s; commit`);
    expect(await inBucket(url, COUNT)).toBe(3);
    database.exec(`begin; ${ADD}; rollback`);
    database.pragma("synchronous = off");
    database.exec(ADD);
    expect(await inBucket(url, COUNT)).toBe(4);
    expect(scalar(database, "pragma journal_mode = wal")).not.toBe("wal");
    for (const mode of ["truncate", "persist", "memory", "off", "delete"]) {
      database.pragma(`journal_mode = ${mode}`);
      database.exec(ADD);
    }
    expect(await inBucket(url, COUNT)).toBe(9);
    registerNodeSqlite();
    const other = new DatabaseSync(filename);
    other.exec(ADD);
    other.close();
    expect(await inBucket(url, COUNT)).toBe(10);
    expect(scalar(database, "pragma headwater_pending")).toBe("0");
    database.exec("update item set text = randomblob(30000) where id = 3");
    database.exec("delete from item where id > 2; vacuum");
    expect(scalar(database, "pragma headwater_pending")).toBe("0");
    expect(await inBucket(url, TEXTS)).toBe("x,x");
    expect(await inBucket(url, "pragma integrity_check")).toBe("ok");
  });

  it("is a choice of each connection", async () => {
    const url = `file://${tempDir()}/app.db`;
    const { database, filename, status } = await openWriter({ url });
    database.exec(CREATE);
    const other = connect(filename);
    expect(scalar(other, "pragma headwater_durability")).toBe("eventual");
    expect(scalar(database, "pragma headwater_pending")).toBe("1");
    expect(Number(scalar(database, "pragma headwater_journal_bytes"))).toBeGreaterThan(4096);
    other.pragma("headwater_durability = remote");
    expect(scalar(other, "pragma headwater_durability")).toBe("remote");
    expect(scalar(database, "pragma headwater_durability")).toBe("eventual");
    other.exec(ADD);
    expect(await inBucket(url, COUNT)).toBe(1);
    database.exec(ADD);
    expect(await inBucket(url, COUNT)).toBe(1);
    await eventually("the one commit that waits", async () => {
      const { sync } = await status();
      return sync?.pendingCount === 1 && sync.committedSeq === 3 ? true : undefined;
    });
    const wrong = errorOf(() => database.pragma("headwater_durability = sometimes"));
    expect((wrong as Error).message).toContain('"remote" or "eventual", not "sometimes"');
    expect(() => database.pragma("headwater_pending = 3")).toThrow("read-only");
    const options = { url: `file://${tempDir()}`, durability: "both" as never };
    await expect(openWriter(options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  it.each(["normal", "exclusive"])("takes spilled transactions, locking_mode=%s", async (mode) => {
    const url = `file://${tempDir()}/app.db`;
    const { database, filename } = await openWriter({ url, ...remote, cacheBytes: 0 });
    database.exec(`pragma cache_size = 10; ${CREATE}; ${ADD}`);
    database.pragma(`locking_mode = ${mode}`);
    database.exec(`begin; ${FILL}; update item set text = 'y' where id = 1; commit`);
    expect(await inBucket(url, COUNT)).toBe(3001);
    database.exec(`begin; ${FILL}; delete from item where id < 9; rollback`);
    expect(scalar(database, COUNT)).toBe(3001);
    database.exec("update item set text = 'z' where id = 1");
    for (const found of [
      scalar(connect(filename), "select text from item where id = 1"),
      await inBucket(url, "select text from item where id = 1"),
    ]) {
      expect(found).toBe("z");
    }
    expect(await inBucket(url, COUNT)).toBe(3001);
    // So that page 1, which says how far the file shrinks, has spilled when COMMIT looks at it.
    database.exec(`${FILL}; pragma cache_size = -64000; delete from item where id % 3 = 0; vacuum`);
    expect(scalar(database, "pragma headwater_pending")).toBe("0");
    expect(await inBucket(url, COUNT)).toBe(4001);
    expect(integrity(database)).toBe("ok");
    expect(await inBucket(url, "pragma integrity_check")).toBe("ok");
  });

  it("asks nothing of the bucket for a rollback, even of a spilled transaction", async () => {
    const url = `file://${tempDir()}/app.db`;
    const { database, status, flush } = await openWriter({ url, ...remote });
    database.exec(`pragma cache_size = 10; ${CREATE}; ${ADD}`);
    const txid = await flush();
    database.exec(`begin; update item set text = 'y'; ${FILL}; rollback`);
    database.exec(`begin; ${ADD}; rollback`);
    expect((await status()).txid).toBe(txid);
    expect((await status()).sync).toMatchObject({ state: "idle", journalBytes: 0 });
    expect(scalar(database, TEXTS)).toBe("x");
  });

  it("keeps the journal small however many commits there are", async () => {
    const url = `file://${tempDir()}/app.db`;
    const journalDir = tempDir();
    const { database, flush } = await openWriter({ url, journalDir, ...remote });
    database.exec(CREATE);
    for (let i = 0; i < 50; i += 1) database.exec(ADD);
    await flush();
    const files = () => readdirSync(journalDir).filter((file) => file.endsWith(".journal"));
    await eventually("one empty segment", () => {
      const sizes = files().map((file) => statSync(join(journalDir, file)).size);
      return sizes.length === 1 && sizes[0] === 0 ? true : undefined;
    });
    expect(await inBucket(url, COUNT)).toBe(50);
  });

  it("fails cleanly while the bucket cannot be reached, and works when it can", async () => {
    const root = tempDir();
    const url = `file://${root}/bucket/app.db`;
    const writer = await openWriter({ url, ...remote, lease: "off", requestTimeoutMs: 1000 });
    const { database, filename } = writer;
    database.exec(`${CREATE}; ${ADD}`);
    renameSync(`${root}/bucket`, `${root}/away`);
    writeFileSync(`${root}/bucket`, "not a folder");
    for (const locking of ["normal", "exclusive"]) {
      database.pragma(`locking_mode = ${locking}`);
      for (const sql of [ADD, `begin; ${ADD}; update item set text = 'y'; commit`]) {
        const error = errorOf(() => database.exec(sql));
        expect(extendedCode(error)).toBe("SQLITE_IOERR_FSYNC");
        expect(scalar(database, "pragma headwater_why")).toContain("was taken back");
        if (database.inTransaction) database.exec("rollback");
        expect(scalar(database, TEXTS)).toBe("x");
        expect(scalar(connect(filename), TEXTS)).toBe("x");
      }
    }
    database.pragma("locking_mode = normal");
    expect(scalar(database, TEXTS)).toBe("x");
    renameSync(`${root}/bucket`, `${root}/file`);
    renameSync(`${root}/away`, `${root}/bucket`);
    connect(filename).exec("insert into item(text) values ('after')");
    expect(await inBucket(url, TEXTS)).toBe("x,after");
    expect(integrity(database)).toBe("ok");
  });
});

describe("a COMMIT of several mounts", () => {
  it("is in each of their buckets", async () => {
    const urls = [`file://${tempDir()}/a.db`, `file://${tempDir()}/b.db`];
    const a = await openWriter({ url: urls[0] as string, ...remote });
    const b = await openWriter({ url: urls[1] as string, ...remote });
    a.database.exec(`${CREATE}; attach '${b.filename}' as b; create table b.item(text)`);
    a.database.exec(`begin; ${ADD}; insert into b.item values ('y'); commit`);
    expect(await inBucket(urls[0] as string, TEXTS)).toBe("x");
    expect(await inBucket(urls[1] as string, TEXTS)).toBe("y");
  });

  it("stays in the first when the second one fails, since the bucket has it", async () => {
    const root = tempDir();
    const first = `file://${tempDir()}/a.db`;
    const a = await openWriter({ url: first, ...remote });
    const options = { ...remote, lease: "off", requestTimeoutMs: 1000 } as const;
    const b = await openWriter({ url: `file://${root}/bucket/b.db`, ...options });
    a.database.exec(`${CREATE}; attach '${b.filename}' as b; create table b.item(text)`);
    renameSync(`${root}/bucket`, `${root}/away`);
    writeFileSync(`${root}/bucket`, "not a folder");
    const both = `begin; ${ADD}; insert into b.item values ('y'); commit`;
    expect(resultCode(errorOf(() => a.database.exec(both)))).toBe("SQLITE_IOERR");
    if (a.database.inTransaction) a.database.exec("rollback");
    renameSync(`${root}/bucket`, `${root}/file`);
    renameSync(`${root}/away`, `${root}/bucket`);
    for (const database of [a.database, connect(a.filename)]) {
      expect(scalar(database, "select count(*) from main.item")).toBe(1);
    }
    expect(scalar(connect(b.filename), COUNT)).toBe(0);
    expect(await inBucket(first, COUNT)).toBe(1);
    a.database.exec(both);
    expect(await inBucket(first, TEXTS)).toBe("x,x");
    expect(integrity(a.database)).toBe("ok");
  });
});

describe("threads whose COMMITs wait for the bucket", () => {
  it("see every transfer wholly or not at all, while the bucket comes and goes", async () => {
    const root = tempDir();
    const url = `file://${root}/bucket/app.db`;
    // COMMITs fail while the bucket is away. One of which nobody knows whether it happened waits
    // for twice that until it is found out: the bucket has to be back long before.
    const [requestTimeoutMs, awayMs] = [4000, 4500];
    const options = { ...remote, lease: "off", requestTimeoutMs, compaction: "off" } as const;
    const { database, filename } = await openWriter({ url, ...options });
    database.exec(CREATE_BANK);
    registerNodeSqlite();
    const threads = startBankThreads([
      ["try to write", filename],
      ["try to write", filename],
      ["read with better-sqlite3", filename],
      ["read with node:sqlite", filename],
    ]);
    for (let round = 0; round < 2; round += 1) {
      await sleep(300);
      renameSync(`${root}/bucket`, `${root}/away`);
      writeFileSync(`${root}/bucket`, "not a folder");
      await sleep(awayMs);
      renameSync(`${root}/bucket`, `${root}/file`);
      renameSync(`${root}/away`, `${root}/bucket`);
    }
    await sleep(300);
    const results = await threads.stop();
    expect(results.map(({ problem }) => problem)).toEqual(results.map(() => undefined));
    const [first, second] = results;
    expect((first?.failures ?? 0) + (second?.failures ?? 0)).toBeGreaterThan(0);
    const done = (first?.count ?? 0) + (second?.count ?? 0);
    expect(await inBucket(url, "select count(*) from transfer")).toBe(done);
    expect(await inBucket(url, SUM)).toBe(TOTAL);
    expect(scalar(database, "select count(*) from transfer")).toBe(done);
    expect(integrity(database)).toBe("ok");
  });
});

const store = () => slowStore("COMMITs that wait for a slow store");
const program = () => new DrivenProcess("./headwater-child.ts");

describe("while a COMMIT waits", () => {
  it("others read what was there before, and nobody else writes", async (context) => {
    const slow = await store();
    if (slow === undefined) return context.skip("there is no server to be slow");
    const child = program();
    const options = { ...slow.options, mode: "write", journalDir: tempDir() };
    const name = await child.call("mount", { ...options, ...remote });
    await child.call("exec", name, `${CREATE}; ${ADD}`);
    slow.delay(1500);
    const before = slow.requestCount();
    await child.call("thread", "waiting", { type: "exec", name, sql: ADD });
    await eventually("the put", () => (slow.requestCount() > before ? true : undefined));
    expect(await child.call("query", name, COUNT)).toEqual([[1]]);
    const busy = child.call("exec", name, `pragma busy_timeout = 0; ${ADD}`);
    await expect(busy).rejects.toMatchObject({ code: "SQLITE_BUSY" });
    const result = await within("COMMIT", child.call("threadResult", "waiting"), 60_000);
    expect(result).toMatchObject({ type: "value" });
    slow.thaw();
    expect(await child.call("query", name, COUNT)).toEqual([[2]]);
    await child.call("close", name);
    const { database } = await openReader(slow.options);
    expect(scalar(database, COUNT)).toBe(2);
  });

  it("the process may be killed at any moment: what returned is there", async (context) => {
    const slow = await store();
    if (slow === undefined) return context.skip("there is no server to be slow");
    const journalDir = tempDir();
    const options = { ...slow.options, journalDir, lease: "off" } as const;
    let acknowledged = 0;
    for (let round = 0; round < 4; round += 1) {
      const child = program();
      const name = await child.call("mount", { ...options, ...remote, mode: "write" });
      await child.call("exec", name, CREATE.replace("table", "table if not exists"));
      let last: Promise<unknown> = Promise.resolve();
      for (let i = 0; i < 100; i += 1) {
        last = child.call("exec", name, ADD).then(
          () => {
            acknowledged += 1;
          },
          () => {},
        );
      }
      await sleep(30 + round * 37);
      await child.kill();
      await last;
      const reader = await openReader(slow.options);
      expect(scalar(reader.database, COUNT)).toBeGreaterThanOrEqual(acknowledged);
      await reader.close();
      const writer = await openWriter(options);
      acknowledged = Number(scalar(writer.database, COUNT));
      expect(integrity(writer.database)).toBe("ok");
      await writer.close();
    }
    expect(acknowledged).toBeGreaterThan(0);
  });

  it("process.exit() does not wait for it", async (context) => {
    const slow = await store();
    if (slow === undefined) return context.skip("there is no server to be slow");
    const child = program();
    const options = { ...slow.options, mode: "write", journalDir: tempDir(), lease: "off" };
    const name = await child.call("mount", { ...options, ...remote });
    await child.call("exec", name, CREATE);
    slow.freeze();
    const before = slow.requestCount();
    await child.call("thread", "waiting", { type: "exec", name, sql: ADD });
    await eventually("the put", () => (slow.requestCount() > before ? true : undefined));
    void child.call("exit", 0).catch(() => {});
    expect(await within("exit", child.ended)).toMatchObject({ code: 0 });
  });
});
