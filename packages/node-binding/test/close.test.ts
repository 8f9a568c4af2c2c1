/** What the close of connections does for what is not in the bucket yet. */

import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { mount, registerNodeSqlite } from "../src/index.ts";
import { scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { noiseQuery } from "./support/noise.ts";
import { slowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";

const CREATE = "create table item(text); insert into item values ('one')";
const PENDING = "pragma headwater_pending";

async function mounted(options = {}) {
  const url = `file://${tempDir()}/app.db`;
  const common = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: 600_000 } as const;
  const handle = await mount({ ...common, ...options });
  onTestFinished(() => handle.close());
  return { ...handle, url };
}

describe("the last connection", () => {
  it("takes its commits to the bucket when it closes, in either driver", async () => {
    registerNodeSqlite();
    const writer = await mounted();
    const first = new Database(writer.filename);
    const second = new DatabaseSync(writer.filename);
    first.exec(CREATE);
    first.close();
    expect(Object.values(second.prepare(PENDING).get() ?? {})).toEqual(["2"]);
    second.close();
    expect((await writer.status()).sync?.pendingCount).toBe(0);
    const { database } = await openReader({ url: writer.url });
    expect(scalar(database, "select text from item")).toBe("one");
  });

  it("leaves them to the next sync when it is told to", async () => {
    const writer = await mounted();
    const database = new Database(writer.filename);
    database.exec(CREATE);
    expect(scalar(database, "pragma headwater_sync_on_close")).toBe("1");
    database.pragma("headwater_sync_on_close = off");
    expect(scalar(database, "pragma headwater_sync_on_close")).toBe("0");
    expect(() => database.pragma("headwater_sync_on_close = maybe")).toThrow('not "maybe"');
    database.close();
    expect((await writer.status()).sync?.pendingCount).toBe(2);
  });

  it("does not wait for ever for a store that does not answer, and loses nothing", async () => {
    const store = await slowStore("closing while the store does not answer");
    if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
    const options = { ...store.options, requestTimeoutMs: 500, lease: "off" } as const;
    const writer = await mounted(options);
    const database = new Database(writer.filename);
    database.exec(CREATE);
    await writer.flush();
    store.freeze();
    database.exec("insert into item values ('two')");
    database.close();
    store.thaw();
    const again = new Database(writer.filename);
    expect(scalar(again, "select group_concat(text) from item")).toBe("one,two");
    again.close();
    await writer.flush();
    const reader = await openReader(store.options);
    expect(scalar(reader.database, "select group_concat(text) from item")).toBe("one,two");
  });
});

describe("a mount that is closed as soon as it is open", () => {
  it("leaves the engine to others, whatever opening still does", async () => {
    const url = `file://${tempDir()}/app.db`;
    const writer = await openWriter({ url });
    writer.database.exec("create table item(text)");
    // Several megabytes in files that opening fetches whole, and brings into the cache bit by bit.
    for (let i = 0; i < 8; i += 1) {
      writer.database.exec(`insert into item ${noiseQuery(2500, 100)}`);
      await writer.flush();
    }
    const options = { url, mode: "read", pollIntervalMs: 0 } as const;
    const other = await mount(options);
    onTestFinished(() => other.close());
    for (let i = 0; i < 8; i += 1) await (await mount(options)).close();
    await expect(other.status()).resolves.toMatchObject({ mode: "read" });
  });
});
