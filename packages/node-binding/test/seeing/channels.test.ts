/**
 * Channels of `node:diagnostics_channel`: what comes on them, on which thread, and since when.
 */

import { execFile } from "node:child_process";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { SEEN_WAITING_MAX } from "../../src/engine/seen-outbox.ts";
import { openDatabase } from "../../src/index.ts";
import { wanted } from "../../src/seeing/channels.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { memoryStore } from "../support/stores.ts";
import { collect } from "../support/subscribing.ts";
import { tempDir } from "../support/temp-dir.ts";

const PATIENCE = { timeout: 20_000 };
const ROWS = 20_000;
const FILL = `create table item(a, b);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into item select i, hex(randomblob(100)) from n`;

let lastName = 0;

async function filled() {
  const { options } = memoryStore.place();
  lastName += 1;
  const name = `seen-${lastName}.db`;
  const writer = await openWriter(options);
  writer.database.exec(FILL);
  const txid = await writer.flush();
  return { options, name, writer, txid };
}

describe("the channels", () => {
  it("tell of opening, fetching, following, hydrating and closing of a reader", async () => {
    const { options, name, writer, txid } = await filled();
    const opened = collect("headwater:open", name);
    const fetched = collect("headwater:fetch", name);
    const polled = collect("headwater:poll", name);
    const hydrated = collect("headwater:hydrate", name);
    const reader = await openReader({ ...options, name, hydrate: true, warmUp: false });
    reader.database.prepare("select count(*) from item").get();
    await reader.hydrated();
    writer.database.exec("insert into item values (1, 2)");
    await writer.flush();
    await reader.flush();
    await expect
      .poll(() => hydrated.some(({ state }) => state === "complete"), PATIENCE)
      .toBe(true);
    await expect.poll(() => polled.length, PATIENCE).toBeGreaterThan(0);
    expect(opened).toMatchObject([{ mode: "read", url: options.url, txid, dropped: 0 }]);
    expect(opened[0]?.requests).toBeGreaterThan(1);
    expect(fetched.length).toBeGreaterThan(0);
    expect(fetched.some(({ purpose }) => purpose === "hydration")).toBe(true);
    expect(polled[0]).toMatchObject({ beforeTxid: txid, txid: txid + 1n });
  });

  it("tell of the lease, of uploads and of a conflict of a writer", async () => {
    const { options } = memoryStore.place();
    lastName += 1;
    const name = `seen-${lastName}.db`;
    const leased = collect("headwater:lease", name);
    const synced = collect("headwater:sync", name);
    const conflicts = collect("headwater:conflict", name);
    const writer = await openWriter({ ...options, name, lease: { ttlMs: 3000 } });
    writer.database.exec("create table item(a)");
    await writer.flush();
    const rival = await openWriter({ ...options, lease: "off" });
    rival.database.exec("insert into item values (1)");
    await rival.flush();
    writer.database.exec("insert into item values (2)");
    await expect(writer.flush()).rejects.toMatchObject({ code: "FENCED" });
    await expect.poll(() => conflicts.length, PATIENCE).toBe(1);
    await expect.poll(() => synced.length, PATIENCE).toBe(2);
    expect(conflicts).toMatchObject([{ when: "fenced" }]);
    expect(synced).toMatchObject([{ txid: 1n }, { error: { code: "FENCED" } }]);
    await expect.poll(() => leased.some(({ action }) => action === "renew"), PATIENCE).toBe(true);
    expect(leased[0]).toMatchObject({ action: "acquire", generation: 1n });
  });

  it("tell of an opening that failed", async () => {
    const { options } = memoryStore.place();
    const opened = collect("headwater:open", "nothing.db");
    const failing = openDatabase({ ...options, name: "nothing.db" });
    await expect(failing).rejects.toMatchObject({ code: "REPLICA_NOT_FOUND" });
    await expect.poll(() => opened.length, PATIENCE).toBe(1);
    expect(opened[0]).toMatchObject({ error: { code: "REPLICA_NOT_FOUND" }, txid: undefined });
  });
});

describe("a subscription", () => {
  it("counts at once: what a statement fetches that comes right after it is told", async () => {
    const { options, name } = await filled();
    const reader = await openReader({ ...options, name, warmUp: false });
    const fetched = collect("headwater:fetch", name);
    reader.database.prepare("select count(*) from item").get();
    await expect.poll(() => fetched.length, PATIENCE).toBeGreaterThan(0);
  });

  it("is noticed however it is made, and its end with the next message or call", async () => {
    const bits = new Int32Array(wanted);
    const nothing = (): void => undefined;
    const { writer } = await filled();
    for (const made of [
      () => subscribe("headwater:poll", nothing),
      () => channel("headwater:poll").subscribe(nothing),
    ]) {
      await writer.status();
      expect(bits[0]).toBe(0);
      made();
      made();
      expect(bits[0]).not.toBe(0);
      expect(unsubscribe("headwater:poll", nothing)).toBe(true);
      await writer.status();
      expect(bits[0]).not.toBe(0);
      expect(unsubscribe("headwater:poll", nothing)).toBe(true);
    }
    await writer.status();
    expect(bits[0]).toBe(0);
  });

  it("that is missing costs no message: nothing waits, nothing is dropped", async () => {
    const { options, name } = await filled();
    const reader = await openReader({ ...options, name, warmUp: false, cacheBytes: 0 });
    reader.database.pragma("cache_size = 0");
    reader.database.prepare("select sum(length(b)) from item").get();
    const fetched = collect("headwater:fetch", name);
    reader.database.prepare("select sum(a) from item where rowid % 997 = 5").get();
    await expect.poll(() => fetched.length, PATIENCE).toBeGreaterThan(0);
    expect(fetched[0]?.dropped).toBe(0);
  });
});

it("a thread that has no time is told how many messages it has missed", async () => {
  const { options, name } = await filled();
  const reader = await openReader({ ...options, name, warmUp: false, cacheBytes: 0, hedge: false });
  const { database } = reader;
  database.pragma("cache_size = 0");
  const fetched = collect("headwater:fetch", name);
  const pick = database.prepare("select b from item where rowid = ?");
  const { usage } = reader.meter.measure(() => {
    for (let count = 0; count < SEEN_WAITING_MAX + 500; count += 1) {
      pick.get(1 + ((count * 7919) % ROWS));
    }
  });
  const fetches = Object.entries(usage.byPurpose)
    .filter(([purpose]) => purpose !== "poll" && purpose !== "open")
    .reduce((sum, [, { requests }]) => sum + requests, 0);
  expect(fetches).toBeGreaterThan(SEEN_WAITING_MAX);
  await expect.poll(() => fetched.length, PATIENCE).toBeGreaterThanOrEqual(SEEN_WAITING_MAX);
  pick.get(4711);
  const told = () => fetched.reduce((sum, { dropped }) => sum + 1 + dropped, 0);
  await expect.poll(told, PATIENCE).toBeGreaterThanOrEqual(fetches);
  expect(fetched.some(({ dropped }) => dropped > 0)).toBe(true);
}, 60_000);

it("messages come on the thread that made the mount, and on no other", async () => {
  const { options } = memoryStore.place();
  const writer = await openWriter(options);
  writer.database.exec("create table item(a)");
  await writer.flush();
  const name = "elsewhere.db";
  const here = collect("headwater:open", name);
  const file = new URL("../support/subscribing-thread.ts", import.meta.url);
  const execArgv = ["--conditions=@headwater/source", "--no-warnings"];
  const worker = new Worker(file, { workerData: { ...options, name }, execArgv });
  const [there] = (await once(worker, "message")) as [unknown];
  expect(there).toMatchObject({ mount: name, mode: "read" });
  await worker.terminate();
  expect(here).toEqual([]);
});

it("mounts that the register entry makes are told of on the main thread", async () => {
  const url = `file://${tempDir()}/app.db`;
  const writer = await openWriter({ url });
  writer.database.exec("create table item(a); insert into item values (7)");
  const txid = await writer.flush();
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      "--conditions=@headwater/source",
      "--no-warnings",
      `--import=${here("../../src/register.ts")}`,
      here("../support/subscribing-program.ts"),
    ],
    { env: { ...process.env, LITESTREAM_REPLICA_URL: url } },
  );
  expect(stdout).toBe(`read litestream:app.db ${txid}\n`);
});
