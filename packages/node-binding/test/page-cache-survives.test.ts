/**
 * SQLite's own page cache: kept from one transaction to the next as long as nothing changed, and
 * dropped when something did. Seen by the pages that SQLite asks the page device for.
 */

import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { type MountHandle, type MountOptions, mount } from "../src/index.ts";
import { eventually } from "./support/eventually.ts";
import { tempDir } from "./support/temp-dir.ts";

/** About a page each. */
const ROWS = 300;
const ROW_BYTES = 3000;
const QUERIES = 20;
const SUM = "select sum(length(text)) as value from item";
const CACHE_PAGES = "pragma cache_size = 4000";
/** One transaction: of two, the first may be uploaded by itself, or both together. */
const CREATE = `
  begin;
  create table item(id integer primary key, text);
  with recursive one(id) as (select 1 union all select id + 1 from one where id < ${ROWS})
  insert into item(text) select printf('%.*c', ${ROW_BYTES}, 'x') from one;
  commit;
`;

/** Ten megabytes that nobody reads. */
const FILLER = `
  create table filler(body);
  with recursive one(id) as (select 1 union all select id + 1 from one where id < 2500)
  insert into filler select randomblob(4000) from one`;

interface Connection {
  exec(sql: string): unknown;
  /** Bytes of text in all rows: a scan of everything. */
  sum(): number;
}

const CONNECT = {
  "better-sqlite3"(filename: string): Connection {
    const database = new Database(filename);
    onTestFinished(() => void database.close());
    database.exec(CACHE_PAGES);
    return {
      exec: (sql) => database.exec(sql),
      sum: () => (database.prepare(SUM).get() as { value: number }).value,
    };
  },
  "node:sqlite"(filename: string): Connection {
    const database = new DatabaseSync(filename);
    onTestFinished(() => database.close());
    database.exec(CACHE_PAGES);
    return {
      exec: (sql) => database.exec(sql),
      sum: () => Number((database.prepare(SUM).get() as { value: number }).value),
    };
  },
};

type Driver = keyof typeof CONNECT;

async function open(options: MountOptions): Promise<MountHandle> {
  const handle = await mount({
    journalDir: tempDir(),
    drivers: ["better-sqlite3", "node:sqlite"],
    syncIntervalMs: 600_000,
    pollIntervalMs: 0,
    ...options,
  });
  onTestFinished(() => handle.close());
  return handle;
}

/** A replica with all rows in it, and its writer. */
async function replica(driver: Driver, url = `file://${tempDir()}/app.db`) {
  const writer = await open({ url, mode: "write", name: "writer.db" });
  const connection = CONNECT[driver](writer.filename);
  connection.exec(CREATE);
  await writer.flush();
  return { url, writer, connection };
}

/** Pages that SQLite asks for while `work` runs. */
async function readsDuring<Result>(handle: MountHandle, work: () => Result | Promise<Result>) {
  const count = async () => {
    const { residentCount, missCount } = (await handle.status()).reads;
    return residentCount + missCount;
  };
  const before = await count();
  const result = await work();
  return { reads: (await count()) - before, result };
}

/** Scans again and again with `between` in between, and reads no more than the change counter. */
async function expectKept(
  handle: MountHandle,
  connection: Connection,
  between: () => unknown = () => {},
): Promise<void> {
  const expected = connection.sum();
  const { reads } = await readsDuring(handle, async () => {
    for (let query = 0; query < QUERIES; query += 1) {
      expect(connection.sum()).toBe(expected);
      await between();
    }
  });
  expect(reads).toBeLessThanOrEqual(QUERIES);
}

async function expectDropped(
  handle: MountHandle,
  connection: Connection,
  expected: number,
): Promise<void> {
  const { reads, result } = await readsDuring(handle, () => connection.sum());
  expect(result).toBe(expected);
  expect(reads).toBeGreaterThan(ROWS / 2);
}

const longer = (id: number) => `update item set text = text || 'y' where id = ${id}`;

describe.each(["better-sqlite3", "node:sqlite"] as const)("SQLite's page cache in %s", (driver) => {
  const connect = CONNECT[driver];

  it("of a reader survives polls without news, and no transaction of others", async () => {
    const { url, writer, connection } = await replica(driver);
    const reader = await open({ url });
    const here = connect(reader.filename);
    for (let round = 0; round < 3; round += 1) {
      await expectDropped(reader, here, ROWS * ROW_BYTES + round);
      await expectKept(reader, here, () => reader.flush());
      connection.exec(longer(round + 1));
      await writer.flush();
      await expectKept(reader, here);
      await reader.flush();
    }
    await expectDropped(reader, here, ROWS * ROW_BYTES + 3);
  });

  it("of a writer survives its own commits and their uploads", async () => {
    const { writer, connection } = await replica(driver);
    connection.sum();
    await expectKept(writer, connection, () => writer.flush());
    const { reads } = await readsDuring(writer, async () => {
      for (let round = 1; round <= QUERIES; round += 1) {
        connection.exec(longer(round));
        expect(connection.sum()).toBe(ROWS * ROW_BYTES + round);
        if (round % 4 === 0) await writer.flush();
      }
    });
    expect(reads).toBeLessThanOrEqual(2 * QUERIES);
  });

  it("of other connections to a writer is dropped by a commit, not by a rollback", async () => {
    const { writer, connection } = await replica(driver);
    const other = connect(writer.filename);
    await expectDropped(writer, other, ROWS * ROW_BYTES);
    await expectKept(writer, other, () => {
      connection.exec(`begin; ${longer(1)}; rollback`);
    });
    connection.exec(longer(1));
    await expectDropped(writer, other, ROWS * ROW_BYTES + 1);
    await writer.flush();
    await expectKept(writer, other);
  });

  it("survives hydration, page by page and when it is complete", async () => {
    const { url, writer, connection } = await replica(driver);
    connection.exec(FILLER);
    await writer.flush();
    // So slow that it goes on while queries do.
    const reader = await open({ url, hydrate: { bytesPerSecondMax: 5_000_000 } });
    const here = connect(reader.filename);
    await expectDropped(reader, here, ROWS * ROW_BYTES);
    expect((await reader.status()).hydration).toMatchObject({ done: false });
    await expectKept(reader, here, () => sleep(10));
    await reader.hydrated();
    await expectKept(reader, here, () => reader.flush());
  });

  it("survives compaction, a snapshot and another size of our own cache", async () => {
    const { url, writer, connection } = await replica(driver);
    connection.exec(longer(1));
    await writer.flush();
    await writer.close();
    const reader = await open({ url });
    const here = connect(reader.filename);
    await expectDropped(reader, here, ROWS * ROW_BYTES + 1);
    const compaction = { levelIntervalsMs: [20], snapshotIntervalMs: 50, level0RetentionMs: 1 };
    const often = { retentionIntervalMs: 20 };
    const next = await open({
      url,
      mode: "write",
      name: "next.db",
      compaction: { ...compaction, ...often },
    });
    await eventually("compaction", async () => {
      const { jobs } = (await next.status()).compaction!;
      const made = jobs.filter(({ name }) => name !== "retention");
      return made.every(({ fileCount }) => fileCount > 0) ? true : undefined;
    });
    await expectKept(reader, here, () => reader.flush());
    await reader.resizeCache(100_000);
    await expectKept(reader, here, () => reader.flush());
  });

  it("is dropped by going to an earlier moment and back, of the one that goes", async () => {
    const { writer, connection } = await replica(driver);
    const before = await writer.flush();
    connection.exec(longer(1));
    await writer.flush();
    const stays = connect(writer.filename);
    for (const one of [connection, stays]) expect(one.sum()).toBe(ROWS * ROW_BYTES + 1);
    connection.exec(`pragma headwater_time = 'txid:${before}'`);
    expect(connection.sum()).toBe(ROWS * ROW_BYTES);
    await expectKept(writer, stays, () => expect(connection.sum()).toBe(ROWS * ROW_BYTES));
    const [past] = (await writer.status()).pasts;
    expect(past!.reads.residentCount + past!.reads.missCount).toBeLessThan(2 * ROWS);
    connection.exec("pragma headwater_time = 'latest'");
    await expectDropped(writer, connection, ROWS * ROW_BYTES + 1);
    await expectKept(writer, connection);
  });

  it("survives a promotion and a demotion in which nothing changes", async () => {
    const { url, writer } = await replica(driver);
    await writer.close();
    const player = await open({ url });
    const [here, other] = [connect(player.filename), connect(player.filename)];
    for (const one of [here, other]) await expectDropped(player, one, ROWS * ROW_BYTES);
    await player.promote();
    for (const one of [here, other]) await expectKept(player, one);
    here.exec(longer(7));
    await expectDropped(player, other, ROWS * ROW_BYTES + 1);
    await expectKept(player, here);
    await player.demote();
    for (const one of [here, other]) await expectKept(player, one, () => player.flush());
    const next = await open({ url, mode: "write", name: "next.db" });
    connect(next.filename).exec(longer(8));
    await next.flush();
    await player.flush();
    for (const one of [here, other]) await expectDropped(player, one, ROWS * ROW_BYTES + 2);
  });

  it("is dropped by a reset, though the transaction has the same number", async () => {
    const { url, writer } = await replica(driver);
    const reader = await open({ url });
    const here = connect(reader.filename);
    await expectDropped(reader, here, ROWS * ROW_BYTES);
    await writer.close();
    const folder = new URL(url).pathname;
    rmSync(folder, { recursive: true });
    const again = await open({ url, mode: "write", name: "again.db" });
    const there = connect(again.filename);
    there.exec(CREATE.replaceAll("'x'", "'z'").replace(`${ROW_BYTES}, `, `${ROW_BYTES + 1}, `));
    expect(await again.flush()).toBe((await reader.status()).txid);
    await reader.flush();
    await expectDropped(reader, here, ROWS * (ROW_BYTES + 1));
    await expectKept(reader, here, () => reader.flush());
  });
});
