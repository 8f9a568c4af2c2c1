import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DrivenProcess } from "../support/driven-process.ts";
import { integrity, scalar } from "../support/dump.ts";
import { eventually, within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { noiseQuery } from "../support/noise.ts";
import { type SlowStore, slowStore } from "../support/slow-store.ts";
import { tempDir } from "../support/temp-dir.ts";

const NEVER_MS = 600_000;
const CREATE = "create table item(id integer primary key, text)";
const ADD = "insert into item(text) values ('x')";
const COUNT = "select count(*) from item";
/** Two megabytes, so that no cache holds all of it after opening. */
const FILL = `insert into item(text) ${noiseQuery(2500, 100)}`;

const program = (): DrivenProcess => new DrivenProcess("./headwater-child.ts");

async function needSlowStore(): Promise<SlowStore> {
  const store = await slowStore("leaving a process while the store does not answer");
  if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
  return store;
}

describe("a process", () => {
  it("ends by itself with connections, transactions and statements open", async () => {
    const url = `file://${tempDir()}/app.db`;
    const journalDir = tempDir();
    const writer = program();
    const options = { url, mode: "write", journalDir, syncIntervalMs: NEVER_MS, lease: "off" };
    const name = await writer.call("mount", options);
    await writer.call("exec", name, `${CREATE}; ${ADD}`);
    await writer.call("flush", name);
    await writer.call("exec", name, ADD);
    await writer.call("hold", name, "item");
    writer.hangUp();
    expect(await within("exit", writer.ended)).toMatchObject({ code: 0, stderr: "" });
    const { database } = await openWriter({ url, journalDir, lease: "off" });
    expect(scalar(database, COUNT)).toBe(2);
  });

  it.each([
    ["by itself", 0],
    ["by process.exit()", 7],
    ["by an error that nobody caught", 1],
  ])("that ends %s brings its commits into the bucket", async (how, code) => {
    const url = `file://${tempDir()}/app.db`;
    const writer = program();
    const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: NEVER_MS };
    const name = await writer.call("mount", options);
    await writer.call("exec", name, `${CREATE}; ${ADD}`);
    if (how === "by itself") writer.hangUp();
    else void writer.call(code === 1 ? "fail" : "exit", code).catch(() => {});
    expect(await within("exit", writer.ended)).toMatchObject({ code });
    // With its lease given back, nobody has to wait, and with a journal of its own nothing helps.
    const { database } = await openWriter({ url, journalDir: tempDir(), mustExist: true });
    expect(scalar(database, COUNT)).toBe(1);
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "that is told to end by %s brings its commits into the bucket, if it asked for that",
    async (signal) => {
      for (const listens of [false, true]) {
        const url = `file://${tempDir()}/app.db`;
        const writer = program();
        const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: NEVER_MS };
        const name = await writer.call("mount", options);
        await writer.call("closeOnSignals");
        if (listens) await writer.call("listenTo", signal, 9);
        await writer.call("exec", name, `${CREATE}; ${ADD}`);
        process.kill(writer.pid, signal);
        const end = listens ? { code: 9, signal: null } : { code: null, signal };
        expect(await within("exit", writer.ended)).toMatchObject(end);
        const { database } = await openWriter({ url, journalDir: tempDir(), mustExist: true });
        expect(scalar(database, COUNT)).toBe(1);
      }
    },
  );

  it.each(["promote", "mount"] as const)(
    "that ends in the middle of its %s gives back the lease that it may have",
    async (how) => {
      const store = await needSlowStore();
      const first = await openWriter(store.options);
      first.database.exec(`${CREATE}; ${ADD}`);
      await first.close();
      let isDone = false;
      for (let good = 0; !isDone; good += 1) {
        const child = program();
        const options = { ...store.options, pollIntervalMs: 0, journalDir: tempDir() };
        const name = how === "promote" ? await child.call("mount", options) : undefined;
        await child.call("listenTo", "SIGTERM", 3);
        store.delay(200);
        const before = store.requestCount();
        const changing = how === "promote" ? child.call("promote", name) : undefined;
        const done = (changing ?? child.call("mount", { ...options, mode: "write" })).then(
          () => {
            isDone = true;
          },
          () => {},
        );
        await eventually("the request", () =>
          isDone || store.requestCount() > before + good ? true : undefined,
        );
        process.kill(child.pid, "SIGTERM");
        expect(await within("exit", child.ended)).toMatchObject({ code: 3, stderr: "" });
        await done;
        store.thaw();
        // Nobody has to wait for it to expire.
        const next = await openWriter({ ...store.options, mustExist: true });
        expect(scalar(next.database, COUNT)).toBe(1);
        await next.close();
      }
    },
    120_000,
  );

  it("says at once why its commits stay behind, with no connection left, too", async () => {
    const folder = `${tempDir()}/store`;
    const writer = program();
    const options = { url: `file://${folder}/app.db`, mode: "write", journalDir: tempDir() };
    const name = await writer.call("mount", { ...options, syncIntervalMs: NEVER_MS, lease: "off" });
    await writer.call("exec", name, CREATE);
    await writer.call("flush", name);
    await writer.call("exec", name, `pragma headwater_sync_on_close = off; ${ADD}`);
    await writer.call("disconnect", name);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "no folder");
    writer.hangUp();
    const { code, stderr } = await within("exit", writer.ended);
    expect(code).toBe(0);
    expect(stderr).toContain("1 commit could not be brought into the bucket (file://");
    expect(stderr).not.toContain("time was up");
  });

  it("brings its commits into the bucket, however long it may take for that", async () => {
    const url = `file://${tempDir()}/app.db`;
    const writer = program();
    const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: NEVER_MS };
    // The lower half of it is -1.
    const exitTimeoutMs = Number.MAX_SAFE_INTEGER;
    const name = await writer.call("mount", { ...options, exitTimeoutMs });
    await writer.call("exec", name, `${CREATE}; ${ADD}`);
    writer.hangUp();
    expect(await within("exit", writer.ended)).toMatchObject({ code: 0, stderr: "" });
    const { database } = await openWriter({ url, mustExist: true });
    expect(scalar(database, COUNT)).toBe(1);
  });

  it("ends by itself after it has looked once how far hydration is", async () => {
    const url = `file://${tempDir()}/app.db`;
    const { database, flush } = await openWriter({ url });
    // More than opening brings along.
    database.exec(`${CREATE}; insert into item(text) ${noiseQuery(1000, 3000)}`);
    await flush();
    const reader = program();
    const hydrate = { bytesPerSecondMax: 1000 };
    const name = await reader.call("mount", { url, hydrate });
    expect(await reader.call("progress", name)).toBe(false);
    reader.hangUp();
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0, stderr: "" });
  });

  it("ends by itself after a call that could not be made", async () => {
    const child = program();
    const options = { url: `file://${tempDir()}/app.db`, mode: "write", journalDir: tempDir() };
    const name = await child.call("mount", options);
    const failed = child.call("mountWithFunction", options);
    await expect(failed).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await expect(failed).rejects.toThrow('() => "eu" could not be cloned');
    await expect(child.call("flushWithoutSignal", name)).rejects.toThrow("addEventListener");
    await child.call("flush", name);
    child.hangUp();
    expect(await within("exit", child.ended)).toMatchObject({ code: 0, stderr: "" });
  });

  it("that only reads ends by itself, hydrating or not", async () => {
    const url = `file://${tempDir()}/app.db`;
    const { database, flush } = await openWriter({ url });
    database.exec(`${CREATE}; ${FILL}`);
    await flush();
    for (const hydrate of [true, false]) {
      const reader = program();
      const name = await reader.call("mount", { url, hydrate, pollIntervalMs: 10 });
      expect(await reader.call("query", name, COUNT)).toEqual([[2500]]);
      reader.hangUp();
      expect(await within("exit", reader.ended)).toMatchObject({ code: 0, stderr: "" });
    }
  });

  it.each(["by itself", "by process.exit()"])("ends %s in the middle of a sync", async (how) => {
    const store = await needSlowStore();
    const journalDir = tempDir();
    const writer = program();
    const name = await writer.call("mount", {
      ...store.options,
      mode: "write",
      journalDir,
      syncIntervalMs: 20,
      exitTimeoutMs: 300,
      lease: { ttlMs: 2000 },
    });
    await writer.call("exec", name, `${CREATE}; ${ADD}`);
    await writer.call("flush", name);
    store.freeze();
    await writer.call("exec", name, `${ADD}; ${ADD}`);
    await sleep(300);
    if (how === "by itself") writer.hangUp();
    else void writer.call("exit", 7).catch(() => {});
    const code = how === "by itself" ? 0 : 7;
    const { stderr, ...end } = await within("exit", writer.ended);
    expect(end.code).toBe(code);
    expect(stderr).toBe(
      "headwater: 2 commits could not be brought into the bucket (time was up), " +
        `and kept in ${journalDir} until "app.db" is opened to write again\n`,
    );
    store.thaw();
    const lease = { ttlMs: 2000, waitMs: 20_000 };
    const again = await openWriter({ ...store.options, journalDir, lease });
    expect(scalar(again.database, COUNT)).toBe(3);
    expect(await again.flush()).toBeGreaterThan(1n);
    expect(integrity(again.database)).toBe("ok");
  });

  it("ends by process.exit() while a thread waits for a page", async () => {
    const store = await needSlowStore();
    const { database, close } = await openWriter(store.options);
    database.exec(`${CREATE}; ${FILL}`);
    await close();
    const reader = program();
    const name = await reader.call("mount", { ...store.options, cacheBytes: 0 });
    store.freeze();
    const sql = "select sum(length(text)) from item";
    for (const driver of ["better-sqlite3", "node:sqlite"]) {
      await reader.call("thread", driver, { type: "query", name, sql, driver });
    }
    await sleep(200);
    void reader.call("exit", 0).catch(() => {});
    expect(await within("exit", reader.ended)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("commits that were not in the bucket", () => {
  it("are there again after the process was killed at any moment", async () => {
    const url = `file://${tempDir()}/app.db`;
    const journalDir = tempDir();
    let acknowledged = 0;
    for (let round = 0; round < 6; round += 1) {
      const writer = program();
      const options = { url, mode: "write", journalDir, syncIntervalMs: 15, lease: "off" };
      const name = await writer.call("mount", options);
      await writer.call("exec", name, CREATE.replace("table", "table if not exists"));
      const count = (await writer.call("query", name, COUNT)) as unknown[][];
      expect(count[0]?.[0]).toBeGreaterThanOrEqual(acknowledged);
      acknowledged = Number(count[0]?.[0]);
      expect(await writer.call("integrity", name)).toBe("ok");
      let last = Promise.resolve();
      for (let i = 0; i < 100; i += 1) {
        last = writer.call("exec", name, ADD).then(
          () => {
            acknowledged += 1;
          },
          () => {},
        );
      }
      await sleep(10 + round * 17);
      await writer.kill();
      await last;
    }
    const { database, flush } = await openWriter({ url, journalDir, lease: "off" });
    expect(scalar(database, COUNT)).toBeGreaterThanOrEqual(acknowledged);
    expect(integrity(database)).toBe("ok");
    await flush();
  });
});
