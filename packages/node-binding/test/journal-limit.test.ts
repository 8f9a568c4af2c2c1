/**
 * A journal that the bucket does not empty.
 */

import { renameSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { integrity, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";

const CREATE = "create table item(id integer primary key, data)";
const ADD = "insert into item(data) values (randomblob(20000))";
const COUNT = "select count(*) from item";
const LIMIT = 400_000;

/** A writer whose bucket can be taken away and brought back. */
async function writerWithLimit(options: { readonly timeout?: number } = {}) {
  const root = tempDir();
  const url = `file://${root}/bucket/app.db`;
  const writer = await openWriter({
    url,
    lease: "off",
    requestTimeoutMs: 5000,
    journalBytesMax: LIMIT,
    databaseOptions: { timeout: options.timeout ?? 0 },
  });
  writer.database.exec(CREATE);
  await writer.flush();
  return {
    ...writer,
    url,
    goAway() {
      renameSync(`${root}/bucket`, `${root}/away`);
      writeFileSync(`${root}/bucket`, "not a folder");
    },
    comeBack() {
      renameSync(`${root}/bucket`, `${root}/file`);
      renameSync(`${root}/away`, `${root}/bucket`);
    },
  };
}

/** Commits until one fails; that error. */
function fill(database: Database.Database): unknown {
  return errorOf(() => {
    for (let i = 0; i < 1000; i += 1) database.exec(ADD);
  });
}

async function journalBytes({ status }: Pick<OpenedDatabase, "status">): Promise<number> {
  return (await status()).sync?.journalBytes ?? -1;
}

describe("a journal at its limit", () => {
  it("refuses commits in words, and takes them again by itself", async () => {
    const writer = await writerWithLimit();
    const { database, status, goAway, comeBack, url } = writer;
    goAway();
    expect(resultCode(fill(database))).toBe("SQLITE_FULL");
    const why = scalar(database, "pragma headwater_why");
    expect(why).toMatch(/^the journal holds \d+ bytes .* may hold 400000; commit again/);
    const kept = Number(scalar(database, COUNT));
    expect(kept).toBeGreaterThan(10);
    expect(await journalBytes(writer)).toBeGreaterThan(LIMIT / 2);
    expect(await journalBytes(writer)).toBeLessThanOrEqual(LIMIT);
    expect((await status()).sync).toMatchObject({ journalBytesMax: LIMIT, pendingCount: kept });
    expect(scalar(database, "pragma headwater_pending")).toBe(String(kept));
    database.exec("begin");
    expect(resultCode(errorOf(() => database.exec(`${ADD}; commit`)))).toBe("SQLITE_FULL");
    if (database.inTransaction) database.exec("rollback");
    expect(scalar(database, COUNT)).toBe(kept);
    comeBack();
    await eventually("room in the journal", () => {
      try {
        database.exec(ADD);
        return true;
      } catch (error) {
        expect(resultCode(error)).toBe("SQLITE_FULL");
        return undefined;
      }
    });
    expect(scalar(database, COUNT)).toBe(kept + 1);
    expect(integrity(database)).toBe("ok");
    await writer.flush();
    const reader = await openReader({ url });
    expect(scalar(reader.database, COUNT)).toBe(kept + 1);
  });

  it("makes COMMIT wait for the bucket as long as the connection waits for anything", async () => {
    const { database, status } = await writerWithLimit({ timeout: 20_000 });
    // The interval is far away, and the journal far from half full: a COMMIT that waits makes the
    // upload begin.
    database.exec(ADD);
    database.exec("insert into item(data) values (randomblob(390000))");
    expect((await status()).txid).toBeGreaterThan(1n);
    database.exec("delete from item");
    for (let i = 0; i < 100; i += 1) database.exec(ADD);
    expect(scalar(database, COUNT)).toBe(100);
    expect((await status()).txid).toBeGreaterThan(2n);
    expect(database.pragma("busy_timeout", { simple: true })).toBe(20_000);
  });

  it("lets readers go on, and a COMMIT that waits for the bucket by itself", async () => {
    const { database, filename, goAway, comeBack } = await writerWithLimit();
    goAway();
    fill(database);
    const other = new Database(filename);
    onTestFinished(() => void other.close());
    expect(scalar(other, COUNT)).toBe(scalar(database, COUNT));
    comeBack();
    other.pragma("headwater_durability = remote");
    other.exec(ADD);
    expect(scalar(other, "pragma headwater_pending")).toBe("0");
    database.exec(ADD);
  });

  it("takes one transaction of any size when it is empty", async () => {
    const { database, flush } = await writerWithLimit();
    database.exec(`begin; ${ADD}; update item set data = zeroblob(0)`);
    database.exec("insert into item(data) values (randomblob(2000000)); commit");
    expect(resultCode(errorOf(() => database.exec(ADD)))).toBe("SQLITE_FULL");
    await flush();
    database.exec(ADD);
    expect(scalar(database, COUNT)).toBe(3);
  });

  it.each([0, -1, 1.5, "1"])("cannot be %s", async (journalBytesMax) => {
    const options = { url: `file://${tempDir()}`, journalBytesMax: journalBytesMax as number };
    await expect(openWriter(options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});
