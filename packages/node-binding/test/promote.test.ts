/** A mount changes its role under the connections that are open. */

import { readdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { type MountEvent, registerNodeSqlite } from "../src/index.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { integrity, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";
import { messageOf, startThread } from "./support/threads.ts";

const COUNT = "select count(*) from item";
const CREATE = "create table item(id integer primary key, body text)";
const ADD = "insert into item(body) values ('x')";
const BODY = "select body from item";

const newUrl = () => `file://${tempDir()}/app.db`;

/** A replica with one row, and a reader of it that may become a writer. */
async function startReader(options: { lease?: "off" } = {}) {
  const url = newUrl();
  const writer = await openWriter({ url });
  writer.database.exec(`${CREATE}; ${ADD}`);
  await writer.close();
  const journalDir = tempDir();
  const reader = await openReader({ url, journalDir, syncIntervalMs: 600_000, ...options });
  return { url, reader, journalDir };
}

/** Events cross threads, and come a little later. */
function heard(list: readonly unknown[], count: number): Promise<boolean> {
  return eventually("the event", () => (list.length >= count ? true : undefined));
}

function open(filename: string): Database.Database {
  const connection = new Database(filename);
  onTestFinished(() => void connection.close());
  return connection;
}

describe("a reader that is promoted", () => {
  it("writes on connections of both drivers, with the statements that they had", async () => {
    const { reader } = await startReader();
    registerNodeSqlite();
    const other = new DatabaseSync(reader.filename);
    onTestFinished(() => other.close());
    const count = reader.database.prepare(COUNT).pluck();
    const add = reader.database.prepare(ADD);
    const otherCount = other.prepare(COUNT);
    const otherAdd = other.prepare(ADD);
    expect(count.get()).toBe(1);
    expect(otherCount.get()).toEqual({ "count(*)": 1 });
    expect(resultCode(errorOf(() => add.run()))).toBe("SQLITE_READONLY");
    await reader.promote();
    add.run();
    otherAdd.run();
    expect(count.get()).toBe(3);
    expect(otherCount.get()).toEqual({ "count(*)": 3 });
    expect(integrity(reader.database)).toBe("ok");
    await reader.flush();
    expect((await reader.status()).mode).toBe("write");
  });

  it("keeps the snapshot of a transaction that is open", async () => {
    const { reader } = await startReader();
    const old = open(reader.filename);
    old.exec("begin");
    expect(scalar(old, COUNT)).toBe(1);
    await reader.promote();
    reader.database.exec(ADD);
    await reader.flush();
    expect(scalar(old, COUNT)).toBe(1);
    old.exec("commit");
    expect(scalar(old, COUNT)).toBe(2);
  });

  it("fills its local image across the change", async () => {
    const { url } = await startReader();
    const reader = await openReader({ url, journalDir: tempDir(), hydrate: true });
    await reader.promote();
    reader.database.exec(ADD);
    await reader.flush();
    await reader.hydrated();
    expect((await reader.status()).hydration).toMatchObject({ done: true });
    await reader.demote();
    expect(scalar(reader.database, COUNT)).toBe(2);
  });

  it("is a reader again after the demotion, and no cached page outlives its time", async () => {
    const { url, reader, journalDir } = await startReader();
    const idle = Array.from({ length: 12 }, () => open(reader.filename));
    await reader.promote();
    for (let i = 0; i < 3; i += 1) reader.database.exec(`update item set body = 'mine ${i}'`);
    for (const connection of idle) expect(scalar(connection, BODY)).toBe("mine 2");
    for (let i = 0; i < 7; i += 1) reader.database.exec(`update item set body = 'more ${i}'`);
    await reader.demote();
    expect(readdirSync(journalDir).filter((name) => name.endsWith(".journal"))).toEqual([]);
    const error = errorOf(() => reader.database.exec(ADD));
    expect(resultCode(error)).toBe("SQLITE_READONLY");
    // If transactions were counted from where they stand, one of these would come to the number
    // under which the connection has cached.
    const writer = await openWriter({ url, name: "writer.db" });
    for (const [index, connection] of idle.entries()) {
      writer.database.exec(`update item set body = 'theirs ${index}'`);
      await writer.flush();
      await reader.flush();
      expect(scalar(connection, BODY)).toBe(`theirs ${index}`);
    }
  });

  it("takes turns with a writer in another process", async () => {
    const url = newUrl();
    const first = new DrivenProcess("./headwater-child.ts");
    const second = new DrivenProcess("./headwater-child.ts");
    const name = "app.db";
    const common = { url, name, pollIntervalMs: 50 };
    await first.call("mount", { ...common, mode: "write", journalDir: tempDir() });
    await first.call("exec", name, `${CREATE}; ${ADD}`);
    await first.call("flush", name);
    await second.call("mount", { ...common, journalDir: tempDir() });
    expect(await second.call("query", name, COUNT)).toEqual([[1]]);
    await expect(second.call("promote", name)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await first.call("exec", name, ADD);
    await first.call("demote", name);
    await second.call("promote", name, 10_000);
    await second.call("exec", name, ADD);
    await second.call("flush", name);
    await eventually("the first sees what the second wrote", async () => {
      const [[count]] = (await first.call("query", name, COUNT)) as [[number]];
      return count === 3 ? true : undefined;
    });
    await second.call("close", name);
    await first.call("promote", name, 10_000);
    await first.call("exec", name, ADD);
    expect(await first.call("integrity", name)).toBe("ok");
    expect(await first.call("query", name, COUNT)).toEqual([[4]]);
  });

  it("writes from several threads, which were open before", async () => {
    const { reader } = await startReader();
    const threads = [1, 2].map(() =>
      startThread("./adding-thread.ts", { filename: reader.filename, sql: ADD, count: COUNT }),
    );
    expect(await Promise.all(threads.map((thread) => messageOf(thread)))).toEqual([1, 1]);
    await reader.promote();
    const added = threads.map((thread) => messageOf(thread));
    for (const thread of threads) thread.postMessage("add");
    expect(await Promise.all(added)).toEqual(["added", "added"]);
    expect(scalar(reader.database, COUNT)).toBe(41);
    await reader.demote();
    const seen = threads.map((thread) => messageOf(thread));
    for (const thread of threads) thread.postMessage("count");
    expect(await Promise.all(seen)).toEqual([41, 41]);
  });
});

describe("the events of a mount", () => {
  it("come to the thread that has the handle, in their order", async () => {
    const { reader } = await startReader();
    const seen: MountEvent["type"][] = [];
    const note = ({ type }: MountEvent) => void seen.push(type);
    reader.on("promoted", note).on("synced", note).on("demoted", note).on("fenced", note);
    let synced: (MountEvent & { type: "synced" }) | undefined;
    reader.on("synced", (event) => {
      synced = event;
    });
    await reader.promote();
    reader.database.exec(ADD);
    const txid = await reader.flush();
    await reader.demote();
    await heard(seen, 3);
    expect(seen).toEqual(["promoted", "synced", "demoted"]);
    expect(synced?.txid).toBe(txid);
    expect(synced?.bytes).toBeGreaterThan(100);
    reader.off("promoted", note);
    await reader.promote();
    await reader.demote();
    await heard(seen, 4);
    expect(seen).toEqual(["promoted", "synced", "demoted", "demoted"]);
  });

  it("tell a writer in words that another one took over, and readers go on", async () => {
    const { url, reader } = await startReader({ lease: "off" });
    const reasons: string[] = [];
    const failures: boolean[] = [];
    reader.on("fenced", ({ reason }) => void reasons.push(reason));
    reader.on("syncFailed", ({ willRetry }) => void failures.push(willRetry));
    await reader.promote();
    const other = new DrivenProcess("./headwater-child.ts");
    const name = "other.db";
    await other.call("mount", { url, name, mode: "write", lease: "off", journalDir: tempDir() });
    await other.call("exec", name, ADD);
    await other.call("flush", name);
    reader.database.exec("update item set body = 'mine'");
    await expect(reader.flush()).rejects.toMatchObject({ code: "FENCED" });
    await heard(reasons, 1);
    expect(reasons[0]).toMatch(/transaction \d+ was written by somebody else/);
    await heard(failures, 1);
    expect(failures).toEqual([false]);
    expect(scalar(open(reader.filename), BODY)).toBe("mine");
    await expect(reader.demote()).rejects.toMatchObject({ code: "JOURNAL_PENDING" });
  });

  it("come also from before mount() resolved, to listeners that are added at once", async () => {
    const [url, journalDir] = [newUrl(), tempDir()];
    const child = new DrivenProcess("./headwater-child.ts");
    const left = { url, name: "app.db", mode: "write", journalDir, lease: { ttlMs: 2000 } };
    await child.call("mount", { ...left, syncIntervalMs: 600_000 });
    await child.call("exec", "app.db", `${CREATE}; ${ADD}`);
    await child.kill();
    // Its commits are uploaded while this opens, to fence it off.
    const lease = { ttlMs: 2000, waitMs: 60_000 };
    const writer = await openWriter({ url, journalDir, lease });
    const txids: bigint[] = [];
    writer.on("synced", ({ txid }) => void txids.push(txid));
    writer.database.exec(ADD);
    await writer.flush();
    await heard(txids, 2);
    expect(txids).toEqual([1n, 2n]);
    const late: unknown[] = [];
    writer.on("synced", (event) => void late.push(event));
    const reader = await openReader({ url, name: "reader.db", hydrate: true });
    const hydrated: unknown[] = [];
    reader.on("hydrated", (event) => void hydrated.push(event));
    await heard(hydrated, 1);
    expect(late).toEqual([]);
  });

  it("keep no process alive that listens", async () => {
    const child = new DrivenProcess("./headwater-child.ts");
    const mode = "write";
    await child.call("mount", { url: newUrl(), name: "app.db", mode, journalDir: tempDir() });
    await child.call("listen", "app.db");
    child.hangUp();
    expect(await child.ended).toMatchObject({ code: 0 });
  });

  it("tell a reader of transactions that others wrote", async () => {
    const { url, reader } = await startReader();
    const txids: bigint[] = [];
    reader.on("remoteCommit", ({ txid }) => void txids.push(txid));
    const writer = await openWriter({ url, name: "writer.db" });
    writer.database.exec(ADD);
    const txid = await writer.flush();
    await reader.flush();
    await heard(txids, 1);
    expect(txids).toEqual([txid]);
  });
});
