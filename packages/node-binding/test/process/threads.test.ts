import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DrivenProcess } from "../support/driven-process.ts";
import { eventually, within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { noiseQuery } from "../support/noise.ts";
import { preload } from "../support/preload.ts";
import { type SlowStore, silentEndpoint, slowStore } from "../support/slow-store.ts";
import { tempDir } from "../support/temp-dir.ts";

const FILL = `
  create table item(id integer primary key, text);
  insert into item(text) ${noiseQuery(30_000, 4)}`;
const SCAN = "select sum(length(text)) from item";

const program = (): DrivenProcess => new DrivenProcess("./headwater-child.ts");

/** A replica too large to be held after opening, on a store that can stop answering. */
async function filledStore(): Promise<SlowStore> {
  const store = await slowStore("waiting for a store that does not answer");
  if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
  const { database, close } = await openWriter(store.options);
  database.exec(FILL);
  await close();
  return store;
}

describe("a thread that is terminated", () => {
  it("leaves the others as they are, even in the middle of a read", async () => {
    const store = await filledStore();
    const reader = program();
    const options = { ...store.options, cacheBytes: 0, requestTimeoutMs: 2000 };
    const name = await reader.call("mount", options);
    const expected = await reader.call("query", name, "select count(*) from item");
    store.freeze();
    await reader.call("thread", "waiting", { type: "query", name, sql: SCAN });
    await within("termination", reader.call("terminate", "waiting"));
    store.thaw();
    expect(await within("count", reader.call("query", name, "select count(*) from item"))).toEqual(
      expected,
    );
    reader.hangUp();
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0, stderr: "" });
  });

  it("gives back the right to write", async () => {
    const writer = program();
    const url = `file://${tempDir()}/app.db`;
    const name = await writer.call("mount", { url, mode: "write", journalDir: tempDir() });
    await writer.call("exec", name, "create table item(text)");
    const sql = "begin immediate; insert into item values ('lost')";
    await writer.call("thread", "writing", { type: "hold", name, sql });
    await within("termination", writer.call("terminate", "writing"));
    await writer.call("exec", name, "insert into item values ('kept')");
    expect(await writer.call("query", name, "select text from item")).toEqual([["kept"]]);
    await writer.call("close", name);
    writer.hangUp();
    expect(await within("exit", writer.ended)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("the end of the engine", () => {
  it("fails who waits and who comes later, and a new engine can begin", async () => {
    const store = await filledStore();
    const reader = program();
    // Without polls, so that the only request to come is that of the thread that waits.
    const options = { ...store.options, name: "app", cacheBytes: 0, pollIntervalMs: 0 };
    await reader.call("thread", "owner", { type: "mount", options });
    expect(await reader.call("query", "app", "select count(*) from item")).toEqual([[30_000]]);
    store.freeze();
    const before = store.requestCount();
    await reader.call("thread", "waiting", { type: "query", name: "app", sql: SCAN });
    await eventually("a request", () => (store.requestCount() > before ? true : undefined));
    await within("termination", reader.call("terminate", "owner"));
    expect(await within("result", reader.call("threadResult", "waiting"))).toMatchObject({
      type: "error",
      code: "SQLITE_IOERR",
    });
    await expect(within("query", reader.call("query", "app", SCAN))).rejects.toMatchObject({
      code: "SQLITE_IOERR",
    });
    store.thaw();
    await reader.call("mount", { ...options, name: "again" });
    expect(await reader.call("query", "again", "select count(*) from item")).toEqual([[30_000]]);
    reader.hangUp();
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0, stderr: "" });
  });

  it("is told to who waits for it, even when the next one is there already", async () => {
    const [first, second, third] = [1, 2, 3].map((number) => {
      const url = `file://${tempDir()}/${number}.db`;
      return { url, mode: "write", journalDir: tempDir(), name: `${number}` };
    });
    const child = program();
    await child.call("thread", "owner", { type: "mount", options: first });
    await child.call("mount", second);
    const waiting = within("succession", child.call("succeed", "owner", "2", third));
    await expect(waiting).rejects.toMatchObject({ code: "ENGINE_STOPPED" });
    await child.kill();
  });

  it("does not take commits with it, nor the lease", async () => {
    const url = `file://${tempDir()}/app.db`;
    const options = {
      url,
      mode: "write",
      journalDir: tempDir(),
      syncIntervalMs: 600_000,
      // The next mount would have to wait for an hour.
      lease: { ttlMs: 3_600_000 },
    };
    const writer = program();
    await writer.call("thread", "owner", { type: "mount", options: { ...options, name: "app" } });
    await writer.call("exec", "app", "create table item(text); insert into item values ('kept')");
    await within("termination", writer.call("terminate", "owner"));
    await expect(
      writer.call("exec", "app", "insert into item values ('refused')"),
    ).rejects.toMatchObject({ code: "SQLITE_IOERR" });
    const name = await within("mount", writer.call("mount", { ...options, name: "again" }));
    expect(await writer.call("query", name, "select text from item")).toEqual([["kept"]]);
    await writer.call("close", name);
    writer.hangUp();
    expect(await within("exit", writer.ended)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a COMMIT that the disk is slow to take", () => {
  it("is kept when the engine ends meanwhile and another one opens the journal", async ({
    skip,
  }) => {
    const folder = tempDir();
    const library = preload("slow-write.c", folder);
    if (library === undefined) return skip("no library can be put before those of the system here");
    const file = join(folder, "next write is slow");
    const env = { ...process.env, SLOW_WRITE_FILE: file, LD_PRELOAD: library };
    const child = new DrivenProcess("./headwater-child.ts", { env });
    const url = `file://${tempDir()}/app.db`;
    const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: 600_000 };
    await child.call("thread", "owner", { type: "mount", options: { ...options, name: "app" } });
    await child.call("exec", "app", "create table item(text)");
    writeFileSync(file, "");
    const sql = "insert into item values ('kept')";
    await child.call("thread", "writing", { type: "exec", name: "app", sql });
    await eventually("the write", () => (existsSync(file) ? undefined : true));
    await within("termination", child.call("terminate", "owner"));
    const name = await within("mount", child.call("mount", { ...options, name: "again" }));
    expect(await child.call("threadResult", "writing")).toMatchObject({ type: "value" });
    expect(await child.call("query", name, "select text from item")).toEqual([["kept"]]);
    await child.call("close", name);
  });
});

describe("a store that does not answer", () => {
  it("makes a read fail when its time is over, and the next one work when it answers", async () => {
    const store = await filledStore();
    const reader = program();
    const options = { ...store.options, cacheBytes: 0, requestTimeoutMs: 1000 };
    const name = await reader.call("mount", options);
    store.freeze();
    const failing = reader.call("query", name, SCAN);
    await expect(within("failing read", failing)).rejects.toMatchObject({ code: "SQLITE_IOERR" });
    store.thaw();
    // What was asked before may have to be given up first.
    await eventually("a read", () => reader.call("query", name, SCAN).catch(() => undefined));
    await within("close", reader.call("close", name));
    reader.hangUp();
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0 });
  });

  it("makes PRAGMA headwater_sync fail when its time is over, and keeps the commit", async () => {
    const store = await filledStore();
    const writer = program();
    const name = await writer.call("mount", {
      ...store.options,
      mode: "write",
      journalDir: tempDir(),
      requestTimeoutMs: 1000,
    });
    await writer.call("exec", name, "create table small(text)");
    await writer.call("flush", name);
    store.freeze();
    await writer.call("exec", name, "insert into small values ('kept')");
    await expect(
      within("pragma", writer.call("query", name, "pragma headwater_sync")),
    ).rejects.toMatchObject({ code: "SQLITE_IOERR" });
    expect(await writer.call("query", name, "select text from small")).toEqual([["kept"]]);
    store.thaw();
    await within("flush", writer.call("flush", name), 60_000);
    await within("close", writer.call("close", name));
  });

  it("makes mounting fail", async () => {
    const endpoint = await silentEndpoint();
    const storeOptions = { endpoint, accessKeyId: "a", secretAccessKey: "b", region: "us-east-1" };
    const reader = program();
    const mounting = reader.call("mount", {
      url: "s3://bucket/app.db",
      storeOptions,
      requestTimeoutMs: 1000,
    });
    await expect(within("mount", mounting)).rejects.toMatchObject({
      code: expect.stringMatching(/^(TIMEOUT|STORE_UNAVAILABLE)$/),
    });
    reader.hangUp();
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0 });
  });
});
