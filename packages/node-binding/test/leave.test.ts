/** What a writer leaves on disk, and what becomes of transactions that are open, when it closes. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { HeadwaterError, mount } from "../src/index.ts";
import { CREATE_BANK, SUM, TOTAL } from "./support/bank.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { scalar } from "./support/dump.ts";
import { eventually, within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";
import { startBankThreads } from "./support/threads.ts";

const CREATE = "create table item(id integer primary key, text)";
const ADD = "insert into item(text) values ('x')";
const COUNT = "select count(*) from item";

const newUrl = () => `file://${tempDir()}/app.db`;
const newPath = () => join(tempDir(), "journal");

describe("a clean close", () => {
  it("leaves nothing on disk, of spilled transactions and readers either", async () => {
    const [url, journalDir, given] = [newUrl(), newPath(), tempDir()];
    for (const dir of [journalDir, given]) {
      const { database, filename, close } = await openWriter({ url, journalDir: dir });
      database.exec(`pragma cache_size = 10; ${CREATE.replace("table", "table if not exists")}`);
      const reader = new Database(filename);
      reader.exec(`begin; ${COUNT}`);
      database.exec(`begin; ${`${ADD};`.repeat(50)} update item set text = randomblob(9000)`);
      database.exec("commit");
      expect(readdirSync(dir).some((name) => name.endsWith(".journal"))).toBe(true);
      await close();
      reader.close();
    }
    expect(existsSync(journalDir)).toBe(false);
    expect(readdirSync(given)).toEqual([]);
    const { database } = await openReader({ url });
    expect(scalar(database, COUNT)).toBe(100);
  });

  it("is what the end of a process is, too, and a demotion", async () => {
    const [url, journalDir] = [newUrl(), newPath()];
    const child = new DrivenProcess("./headwater-child.ts");
    const name = await child.call("mount", { url, mode: "write", journalDir });
    await child.call("exec", name, `${CREATE}; ${ADD}`);
    await child.call("demote", name);
    expect(existsSync(journalDir)).toBe(false);
    await child.call("promote", name);
    expect(existsSync(journalDir)).toBe(true);
    await child.call("exec", name, ADD);
    child.hangUp();
    expect(await within("exit", child.ended)).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(journalDir)).toBe(false);
    const { database } = await openReader({ url });
    expect(scalar(database, COUNT)).toBe(2);
  });

  it("refuses the COMMIT of a transaction that is open, and loses none that returned", async () => {
    const [url, journalDir] = [newUrl(), newPath()];
    const writer = await mount({ url, mode: "write", journalDir, syncIntervalMs: 600_000 });
    const database = new Database(writer.filename);
    database.exec(`${CREATE}; begin; ${ADD}`);
    await writer.close();
    expect(resultCode(errorOf(() => database.exec("commit")))).toBe("SQLITE_IOERR");
    expect(scalar(database, "pragma headwater_why")).toContain("closed");
    database.close();
    expect(existsSync(journalDir)).toBe(false);
    const reader = await openReader({ url });
    expect(scalar(reader.database, COUNT)).toBe(0);
  });

  it("loses no commit of threads that go on until they are refused", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [url, journalDir] = [newUrl(), newPath()];
      const writer = await mount({ url, mode: "write", journalDir, syncIntervalMs: 5 });
      const database = new Database(writer.filename);
      database.exec(CREATE_BANK);
      database.close();
      const threads = startBankThreads([
        ["write until refused", writer.filename],
        ["write until refused", writer.filename],
      ]);
      const enough = 20 * (round + 1);
      await eventually("some transfers", async () => {
        const { sync } = await writer.status();
        const isUnderWay = threads.openedCount === 2 && (sync?.committedSeq ?? 0) > enough;
        return isUnderWay ? true : undefined;
      });
      await writer.close();
      const results = await threads.stop();
      expect(existsSync(journalDir)).toBe(false);
      const done = results.reduce((sum, { count }) => sum + count, 0);
      const reader = await openReader({ url });
      expect(scalar(reader.database, "select count(*) from transfer")).toBe(done);
      expect(scalar(reader.database, SUM)).toBe(TOTAL);
    }
  });
});

describe("a journal folder that one leaves while others come", () => {
  it("is never taken away from whoever has it", async () => {
    const [url, journalDir] = [newUrl(), newPath()];
    const first = await openWriter({ url, lease: "off" });
    first.database.exec(CREATE);
    await first.close();
    let rounds = 0;
    const come = async (name: string) => {
      while (rounds < 60) {
        try {
          const options = { url, name, journalDir, lease: "off", mode: "write" } as const;
          const writer = await mount(options);
          rounds += 1;
          const database = new Database(writer.filename);
          database.exec(ADD);
          database.close();
          await writer.close();
        } catch (error) {
          if (!HeadwaterError.is(error, "JOURNAL_LOCKED")) throw error;
        }
      }
    };
    await Promise.all(["a.db", "b.db", "c.db"].map(come));
    expect(rounds).toBeGreaterThanOrEqual(60);
    // The folder itself stays when somebody came into it at that moment.
    expect(existsSync(journalDir) ? readdirSync(journalDir) : []).toEqual([]);
    const { database } = await openReader({ url });
    expect(scalar(database, COUNT)).toBe(rounds);
  });
});
