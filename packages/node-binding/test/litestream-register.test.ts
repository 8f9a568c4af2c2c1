/**
 * What Litestream documents of its VFS, done by programs that know nothing of us, with
 * `node --import @headwater/node-binding/register`.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DRIVER_NAMES, filenameWith, PlainProgram } from "./support/asking.ts";
import { eventually } from "./support/eventually.ts";
import { Litestream, litestreamProblem } from "./support/litestream.ts";
import { fileStore, type Place, s3Store } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const part = "Litestream's configuration on S3";
const STORES = [fileStore, await s3Store("miniflare", part)];
/** Where litestream-vfs can write, too. */
const SHARED_STORES = [fileStore, await s3Store("ceph", part)];
const noLitestream = litestreamProblem();

const CREATE = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)";
const INSERT = "INSERT INTO users (name) VALUES ('Alice')";

/** As a user of Litestream sets them. */
function variables({ litestream }: Place, others: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...litestream.env, LITESTREAM_REPLICA_URL: litestream.url, ...others };
}

const WRITE = { LITESTREAM_WRITE_ENABLED: "true", LITESTREAM_SYNC_INTERVAL: "100ms" };

describe.each(STORES)("on $name", (store) => {
  describe.each(DRIVER_NAMES)("a program with %s", (driver) => {
    it.skipIf(store.problem)("creates a database, and reads it in another process", async () => {
      const place = store.place();
      const writer = new PlainProgram(driver, variables(place, WRITE));
      await writer.open();
      await writer.exec(CREATE);
      await writer.exec(INSERT);
      expect(await writer.query("SELECT * FROM users")).toEqual([[1, "Alice"]]);
      await writer.close();
      expect(await writer.end()).toMatchObject({ code: 0, stderr: "" });
      const reader = new PlainProgram(driver, variables(place));
      await reader.open("file:other.db?vfs=litestream");
      expect(await reader.query("SELECT * FROM users")).toEqual([[1, "Alice"]]);
      await expect(reader.exec(INSERT)).rejects.toThrow("readonly");
      expect(await reader.value("PRAGMA journal_mode")).toBe("delete");
      expect(await reader.value("PRAGMA litestream_txid")).toMatch(/^[0-9a-f]{16}$/);
      await reader.close();
      expect(await reader.end()).toMatchObject({ code: 0, stderr: "" });
    });

    it.skipIf(store.problem)(
      "has the keys and the endpoint of Litestream's own variables",
      async () => {
        const { url, storeOptions = {} } = store.place().options;
        const program = new PlainProgram(driver, {
          ...WRITE,
          LITESTREAM_REPLICA_URL: url,
          AWS_ACCESS_KEY_ID: "",
          AWS_SECRET_ACCESS_KEY: "",
          LITESTREAM_ACCESS_KEY_ID: storeOptions.accessKeyId,
          LITESTREAM_SECRET_ACCESS_KEY: storeOptions.secretAccessKey,
          LITESTREAM_S3_ENDPOINT: storeOptions.endpoint,
        });
        await program.open();
        await program.exec(`${CREATE}; ${INSERT}; PRAGMA headwater_sync`);
        expect(await program.value("PRAGMA litestream_txid")).not.toBe("0000000000000000");
        await program.close();
        await program.end();
      },
    );

    it.skipIf(store.problem)("follows a writer, and hydrates", async () => {
      const place = store.place();
      const path = join(tempDir(), "hydrated.db");
      const writer = new PlainProgram(driver, variables(place, WRITE));
      await writer.open();
      await writer.exec(`${CREATE}; ${INSERT}`);
      await writer.exec("PRAGMA headwater_sync");
      const hydration = { LITESTREAM_HYDRATION_ENABLED: "true", LITESTREAM_HYDRATION_PATH: path };
      const reader = new PlainProgram(driver, variables(place, hydration));
      await reader.open(filenameWith({ poll_interval: "100ms", cache_size: "1000000" }));
      expect(await reader.value("SELECT count(*) FROM users")).toBe(1);
      await writer.exec(INSERT);
      await eventually("the second row", async () =>
        (await reader.value("SELECT count(*) FROM users")) === 2 ? true : undefined,
      );
      expect(existsSync(path)).toBe(true);
      await writer.close();
      await reader.close();
      expect(await writer.end()).toMatchObject({ code: 0, stderr: "" });
      expect(await reader.end()).toMatchObject({ code: 0, stderr: "" });
    });
  });
});

describe.each(SHARED_STORES)("on $name", (store) => {
  describe.each(DRIVER_NAMES)("a program with %s", (driver) => {
    it.skipIf(store.problem ?? noLitestream)(
      "writes what litestream-vfs reads with the same variables, and the other way round",
      async () => {
        const place = store.place();
        const program = new PlainProgram(driver, variables(place, WRITE));
        await program.open();
        await program.exec(CREATE);
        await program.exec(INSERT);
        await program.close();
        await program.end();
        const theirs = new Litestream({ ...place.litestream, write: true });
        await theirs.open();
        expect(await theirs.query("SELECT * FROM users")).toEqual([[1, "Alice"]]);
        await theirs.exec("INSERT INTO users (name) VALUES ('Bob')");
        await theirs.close();
        await theirs.end();
        const again = new PlainProgram(driver, variables(place, WRITE));
        await again.open();
        expect(await again.query("SELECT name FROM users")).toEqual([["Alice"], ["Bob"]]);
        await again.close();
        await again.end();
      },
    );
  });
});

describe.each(DRIVER_NAMES)("a program with %s", (driver) => {
  it("has two replicas at once by its file names, and one transaction over both", async () => {
    const [left, right] = [fileStore.place(), fileStore.place()];
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: left.options.url });
    const write = { write_enabled: "true" };
    await program.open(filenameWith(write), "left");
    await program.open(filenameWith({ ...write, replica_url: right.options.url }), "right");
    await program.exec("create table item(text); insert into item values ('left')", "left");
    await program.exec("create table item(text); insert into item values ('right')", "right");
    const attached = filenameWith({ ...write, replica_url: right.options.url });
    await program.exec(`attach '${attached}' as other`, "left");
    const both = "select text from item union all select text from other.item";
    expect(await program.query(both, "left")).toEqual([["left"], ["right"]]);
    await program.close("right");
    expect(await program.query(both, "left")).toEqual([["left"], ["right"]]);
    await program.close("left");
    expect(await program.end()).toMatchObject({ code: 0, stderr: "" });
  });

  it("has brought everything to the bucket when its last connection is closed", async () => {
    const place = fileStore.place();
    const never = { ...WRITE, LITESTREAM_SYNC_INTERVAL: "10h" };
    const program = new PlainProgram(driver, variables(place, never));
    await program.open();
    await program.open("file:again.db?vfs=litestream", "second");
    await program.exec(`${CREATE}; ${INSERT}`);
    expect(await program.value("select count(*) from users", "second")).toBe(1);
    await program.close();
    await program.exec(INSERT, "second");
    await program.close("second");
    const other = new PlainProgram(driver, variables(place, never));
    // Neither the lease nor the journal of the first is in its way.
    await other.open();
    expect(await other.value("select count(*) from users")).toBe(2);
    await other.close();
    await program.open();
    await program.exec(INSERT);
    expect(await program.value("select count(*) from users")).toBe(3);
    await program.close();
    await other.end();
    await program.end();
  });

  it("does not wait for its end when it is told so, and opens it again all the same", async () => {
    const place = fileStore.place();
    const program = new PlainProgram(driver, variables(place, WRITE));
    for (let turn = 1; turn <= 3; turn += 1) {
      await program.open();
      await program.exec(
        "create table if not exists item(turn); pragma headwater_sync_on_close=off",
      );
      await program.exec(`insert into item values (${turn})`);
      await program.close();
    }
    await program.open(filenameWith({ write_enabled: "false", poll_interval: "10ms" }));
    await eventually("all turns", async () =>
      (await program.value("select count(*) from item")) === 3 ? true : undefined,
    );
    await program.close();
    await program.end();
  });

  it("opens and closes it on many threads at once", async () => {
    const place = fileStore.place();
    const program = new PlainProgram(driver, variables(place, WRITE));
    await program.open();
    await program.exec("create table item(thread)");
    await program.close();
    const sql = "insert into item values (1) returning thread";
    const threads = await program.inThreads(8, 10, sql);
    expect(threads).toEqual(Array(8).fill([[1]]));
    await program.open();
    expect(await program.value("select count(*) from item")).toBe(80);
    await program.close();
    await program.end();
  });

  it("recovers from its buffer what it could not upload", async () => {
    const place = fileStore.place();
    const bufferPath = join(tempDir(), "buffer.db");
    const env = variables(place, {
      ...WRITE,
      LITESTREAM_SYNC_INTERVAL: "10h",
      LITESTREAM_BUFFER_PATH: bufferPath,
    });
    const killed = new PlainProgram(driver, env);
    await killed.open();
    await killed.exec(`${CREATE}; ${INSERT}`);
    await killed.kill();
    letLeaseExpire(place);
    const [journal, ...others] = readdirSync(dirname(bufferPath));
    expect(journal).toMatch(/^buffer\.db-app\.db-[0-9a-f]{16}$/);
    expect(others).toEqual([]);
    const next = new PlainProgram(driver, env);
    await next.open();
    expect(await next.query("SELECT * FROM users")).toEqual([[1, "Alice"]]);
    await next.close();
    await next.end();
    expect(readdirSync(dirname(bufferPath))).toEqual([]);
  });

  it("uses it on threads of its own, be they the first to load the driver", async () => {
    const place = fileStore.place();
    const program = new PlainProgram(driver, variables(place, WRITE));
    const sql = "insert into users(name) values ('Bob') returning name";
    const empty = await program.inThread("pragma litestream_txid");
    expect(empty).toEqual([["0000000000000000"]]);
    await program.open();
    await program.exec(`${CREATE}; ${INSERT}`);
    expect(await program.inThread(sql)).toEqual([["Bob"]]);
    await program.close();
    expect(await program.inThread("select count(*) from users")).toEqual([[2]]);
    await program.end();
  });

  it("leaves nothing behind when a signal ends it", async () => {
    const place = fileStore.place();
    const never = { ...WRITE, LITESTREAM_SYNC_INTERVAL: "10h" };
    const program = new PlainProgram(driver, variables(place, never));
    await program.open();
    await program.exec(`${CREATE}; ${INSERT}`);
    expect(await program.terminate()).toMatchObject({ signal: "SIGTERM", stderr: "" });
    const next = new PlainProgram(driver, variables(place, WRITE));
    await next.open();
    expect(await next.value("select count(*) from users")).toBe(1);
    await next.close();
    await next.end();
  });

  it("becomes a writer and a reader at run time, and hears why it cannot", async () => {
    const place = fileStore.place();
    const writer = new PlainProgram(driver, variables(place, WRITE));
    await writer.open();
    await writer.exec(`${CREATE}; ${INSERT}`);
    await writer.exec("PRAGMA headwater_sync");
    expect(await writer.value("PRAGMA litestream_write_enabled")).toBe("1");
    const reader = new PlainProgram(driver, variables(place));
    await reader.open();
    expect(await reader.value("PRAGMA litestream_write_enabled")).toBe("0");
    await expect(reader.exec("PRAGMA litestream_write_enabled = 1")).rejects.toThrow("is held by");
    expect(await reader.value("PRAGMA headwater_why")).toContain("is held by");
    await expect(reader.exec("PRAGMA litestream_write_enabled = maybe")).rejects.toThrow(
      'is on or off, not "maybe"',
    );
    await writer.exec("begin; insert into users(name) values ('Bob')");
    await expect(writer.exec("PRAGMA litestream_write_enabled = 0")).rejects.toThrow(
      "inside a write transaction",
    );
    await writer.exec("commit; PRAGMA litestream_write_enabled = off");
    await expect(writer.exec(INSERT)).rejects.toThrow("readonly");
    await reader.exec("PRAGMA litestream_write_enabled = TRUE");
    await reader.exec(INSERT);
    expect(await reader.value("select count(*) from users")).toBe(3);
    await reader.close();
    await writer.close();
    await writer.end();
    await reader.end();
  });

  it("may set the variables itself, before it opens", async () => {
    const place = fileStore.place();
    const program = new PlainProgram(driver, {});
    await expect(program.open()).rejects.toThrow("set LITESTREAM_REPLICA_URL");
    await program.setVariable("LITESTREAM_REPLICA_URL", place.options.url);
    await program.setVariable("LITESTREAM_WRITE_ENABLED", "true");
    await program.open();
    await program.exec(CREATE);
    await program.close();
    await program.end();
  });
});

/** In a folder nobody but whoever waits can tell when it does, which takes half a minute. */
function letLeaseExpire({ options }: Place): void {
  const path = join(fileURLToPath(options.url), "lock.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...record, released: true }));
}
