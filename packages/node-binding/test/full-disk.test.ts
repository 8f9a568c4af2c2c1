/**
 * A disk without room, under everything that is written to it.
 */

import { cpSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { registerNodeSqlite } from "../src/index.ts";
import { integrity, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { type SmallDisk, smallDisk } from "./support/small-disk.ts";
import { tempDir } from "./support/temp-dir.ts";

const CREATE = "create table item(id integer primary key, data)";
const ADD = "insert into item(data) values (randomblob(9000))";
const COUNT = "select count(*) from item";
const FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
  insert into item(data) select randomblob(4000) from n`;

const HALF_FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
  insert into item(data) select randomblob(4000) from n`;

const MEGABYTES = 6;
const TABLES = 40;

/** What both drivers have. */
interface ReturningDatabase {
  prepare(sql: string): { get(): unknown; all(): unknown; iterate(): Iterable<unknown> };
}

interface Skips {
  skip(reason: string): void;
}

/** Not run where there can be no such disk. */
async function withDisk(context: Skips, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const disk = smallDisk(MEGABYTES);
  if (typeof disk === "string") context.skip(disk);
  else await work(disk);
}

/** A writer with its journal on the disk, and a first row in the bucket. */
async function writerOn(disk: SmallDisk, options: { readonly durability?: "remote" } = {}) {
  const folder = tempDir();
  const url = `file://${folder}/app.db`;
  const journalDir = join(disk.path, "journal");
  const writer = await openWriter({ url, journalDir, ...options });
  writer.database.exec(`${CREATE}; ${ADD}`);
  await writer.flush();
  return { ...writer, url, folder, journalDir };
}

function codeOf(database: Database.Database, sql: string): string | undefined {
  const code = resultCode(errorOf(() => database.exec(sql)));
  if (database.inTransaction) database.exec("rollback");
  return code;
}

async function rowsInBucket(url: string): Promise<unknown> {
  const { database, close } = await openReader({ url });
  const count = scalar(database, COUNT);
  await close();
  return count;
}

/** What each way of stepping INSERT ... RETURNING makes of a COMMIT that fails. */
function returningOutcomes(database: ReturningDatabase): Record<string, unknown> {
  const statement = database.prepare(`${ADD} returning id`);
  const outcomeOf = (step: () => unknown): string => {
    try {
      step();
      return "returned";
    } catch {
      return "threw";
    }
  };
  return {
    get: outcomeOf(() => statement.get()),
    all: outcomeOf(() => statement.all()),
    iterate: outcomeOf(() => [...statement.iterate()]),
  };
}

describe.each(["better-sqlite3", "node:sqlite"] as const)("RETURNING in %s", (driver) => {
  it("hides a COMMIT that fails from get() alone, of a mount as of a plain file", (context) =>
    withDisk(context, async (disk) => {
      registerNodeSqlite();
      const open = (path: string) =>
        driver === "node:sqlite" ? new DatabaseSync(path) : new Database(path);
      const { filename } = await writerOn(disk);
      const [mounted, plain] = [open(filename), open(join(disk.path, "plain.db"))];
      // A rollback journal in a file would fail before COMMIT.
      plain.exec(`pragma journal_mode = memory; ${CREATE}; ${ADD}`);
      disk.fill();
      for (const database of [mounted, plain]) {
        const outcomes = { get: "returned", all: "threw", iterate: "threw" };
        expect(returningOutcomes(database)).toEqual(outcomes);
        expect(database.prepare(COUNT).get()).toEqual({ "count(*)": 1 });
        database.exec("begin");
        expect(returningOutcomes(database)).toMatchObject({ get: "returned" });
        expect(() => database.exec("commit")).toThrow("full");
        database.close();
      }
    }));
});

describe("a full disk under the journal", () => {
  for (const locking of ["normal", "exclusive"]) {
    it(`fails the COMMIT and nothing else, with locking_mode=${locking}`, (context) =>
      withDisk(context, async (disk) => {
        const { database, flush, url } = await writerOn(disk);
        database.pragma(`locking_mode = ${locking}`);
        disk.fill();
        for (let i = 0; i < 3; i += 1) {
          expect(codeOf(database, ADD)).toBe("SQLITE_FULL");
          expect(scalar(database, "pragma headwater_why")).toContain("No space left");
          expect(codeOf(database, `begin; delete from item; ${ADD}; commit`)).toBe("SQLITE_FULL");
          expect(scalar(database, COUNT)).toBe(1);
        }
        disk.makeRoom();
        database.exec(ADD);
        database.exec(ADD);
        await flush();
        expect(await rowsInBucket(url)).toBe(3);
        expect(integrity(database)).toBe("ok");
      }));
  }

  it("leaves a journal that a later process reads to the end", (context) =>
    withDisk(context, async (disk) => {
      const { database, url, journalDir } = await writerOn(disk);
      database.pragma("locking_mode = exclusive");
      database.exec(ADD);
      disk.fill();
      expect(codeOf(database, `begin; update item set data = 1; ${HALF_FILL}; commit`)).toBe(
        "SQLITE_FULL",
      );
      disk.makeRoom();
      for (let i = 0; i < 5; i += 1) database.exec(ADD);
      // What is on disk now is all that a crash would leave.
      const copy = tempDir();
      cpSync(journalDir, copy, { recursive: true });
      const { database: again } = await openWriter({ url, journalDir: copy, lease: "off" });
      expect(scalar(again, COUNT)).toBe(7);
      expect(integrity(again)).toBe("ok");
    }));

  it("fails a transaction that does not fit into memory either", (context) =>
    withDisk(context, async (disk) => {
      const { database, flush, url } = await writerOn(disk);
      database.pragma("cache_size = 10");
      expect(codeOf(database, `begin; ${FILL}; commit`)).toBe("SQLITE_FULL");
      expect(scalar(database, COUNT)).toBe(1);
      database.exec(ADD);
      expect(codeOf(database, FILL)).toBe("SQLITE_FULL");
      await flush();
      expect(await rowsInBucket(url)).toBe(2);
      expect(integrity(database)).toBe("ok");
    }));

  it("fails a COMMIT that waits for the bucket before the bucket hears of it", (context) =>
    withDisk(context, async (disk) => {
      const { database, flush, url } = await writerOn(disk, { durability: "remote" });
      disk.fill();
      expect(codeOf(database, ADD)).toBe("SQLITE_FULL");
      expect(scalar(database, COUNT)).toBe(1);
      expect(await flush()).toBe(2n);
      disk.makeRoom();
      database.exec(ADD);
      expect(await rowsInBucket(url)).toBe(2);
    }));

  it("stops uploads, which go on by themselves when there is room", (context) =>
    withDisk(context, async (disk) => {
      const url = `file://${tempDir()}/app.db`;
      const journalDir = join(disk.path, "journal");
      const { database, flush, status } = await openWriter({
        url,
        journalDir,
        // Longer than it takes to fill the disk.
        syncIntervalMs: 3000,
      });
      database.exec(CREATE);
      await flush();
      database.exec(ADD);
      disk.fill();
      await expect(flush()).rejects.toThrow("ENOSPC");
      expect((await status()).sync?.lastError?.message).toContain("ENOSPC");
      disk.makeRoom();
      await eventually("an upload", async () => ((await status()).txid === 2n ? true : undefined));
      expect(await rowsInBucket(url)).toBe(1);
      expect((await status()).sync).toMatchObject({ state: "idle", lastError: undefined });
    }));

  for (const locking of ["normal", "exclusive"]) {
    it(`that commits have filled is free once the store is back, ${locking} locking`, (context) =>
      withDisk(context, async (disk) => {
        const { database, flush, url, folder } = await writerOn(disk);
        for (let i = 0; i < TABLES; i += 1) {
          database.exec(`create table t${i}(n); insert into t${i} values (0)`);
        }
        await flush();
        database.pragma(`locking_mode = ${locking}`);
        database.pragma("synchronous = off");
        // A store that is away.
        renameSync(folder, `${folder}-away`);
        writeFileSync(folder, "");
        let commits = 0;
        const add = (i: number): boolean => {
          try {
            database.exec(`update t${i % TABLES} set n = n + 1`);
          } catch (error) {
            expect(resultCode(error)).toBe("SQLITE_FULL");
            return false;
          }
          commits += 1;
          return true;
        };
        while (add(commits)) {}
        // Some commits take less room than others, and the last of it.
        for (let i = 0; i < 10 * TABLES; i += 1) add(i);
        rmSync(folder);
        renameSync(`${folder}-away`, folder);
        await flush();
        // A lock that is kept keeps what is seen under it, and its room.
        database.exec("pragma locking_mode = normal; select 1 from t0");
        expect(add(0)).toBe(true);
        await flush();
        const total = Array.from({ length: TABLES }, (_, i) => `(select n from t${i})`).join("+");
        const reader = await openReader({ url });
        expect(scalar(reader.database, `select ${total}`)).toBe(commits);
        await reader.close();
      }));
  }

  it("without room for another segment goes on in the one it has", (context) =>
    withDisk(context, async (disk) => {
      const { database, flush, url, status } = await writerOn(disk);
      disk.useUpFiles();
      database.exec(ADD);
      // The record of what is in the bucket needs a file, too.
      await expect(flush()).rejects.toThrow("ENOSPC");
      database.exec(ADD);
      disk.makeRoom();
      await flush();
      database.exec(ADD);
      await flush();
      expect(await rowsInBucket(url)).toBe(4);
      expect((await status()).sync).toMatchObject({ journalBytes: 0 });
      expect(integrity(database)).toBe("ok");
    }));
});

describe("a full disk under the local image", () => {
  it("delays hydration until there is room, and nothing else", (context) =>
    withDisk(context, async (disk) => {
      const url = `file://${tempDir()}/app.db`;
      const { database, flush } = await openWriter({ url });
      database.exec(`${CREATE}; ${HALF_FILL}`);
      await flush();
      const hydrate = { path: join(disk.path, "image.db") };
      // What an earlier mount has left; without it there is not even room for a lock.
      writeFileSync(`${hydrate.path}.lock`, " ".repeat(200));
      disk.fill();
      const reader = await openReader({ url, hydrate, cacheBytes: 0 });
      const failures: string[] = [];
      reader.on("hydrationFailed", ({ error }) => failures.push(error.message));
      await expect(reader.hydrated()).rejects.toThrow("ENOSPC");
      expect(scalar(reader.database, COUNT)).toBe(500);
      const { hydration } = await reader.status();
      expect(hydration).toMatchObject({ done: false, error: { code: "IMAGE_FAILED" } });
      disk.makeRoom();
      const after = await eventually("hydration", async () => {
        const { hydration } = await reader.status();
        return hydration?.done === true ? hydration : undefined;
      });
      expect(after.error).toBeUndefined();
      await reader.hydrated();
      expect(failures).toHaveLength(1);
      expect(integrity(reader.database)).toBe("ok");
    }));

  it("that stays full ends with the mount, and harms nobody", (context) =>
    withDisk(context, async (disk) => {
      const url = `file://${tempDir()}/app.db`;
      const { database, flush } = await openWriter({ url });
      database.exec(`${CREATE}; ${FILL}`);
      await flush();
      const hydrate = { path: join(disk.path, "image.db") };
      const reader = await openReader({ url, hydrate, cacheBytes: 0 });
      await expect(reader.hydrated()).rejects.toMatchObject({ code: "IMAGE_FAILED" });
      expect((await reader.status()).hydration).toMatchObject({ done: false });
      expect(scalar(reader.database, "select sum(length(data)) from item")).toBe(16_000_000);
      expect(integrity(reader.database)).toBe("ok");
    }));
});
