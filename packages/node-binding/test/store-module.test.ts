/**
 * Stores of the user's own, loaded on the engine's thread. The one that is written here is the
 * example in the README of @headwater/object-store.
 */

import { randomUUID } from "node:crypto";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useServer } from "@headwater/servers/testing";
import { describe, expect, it } from "vitest";
import { HeadwaterError, type MountOptions, mount } from "../src/index.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { dump, findDumpDifference, integrity, queryOf, scalar } from "./support/dump.ts";
import { within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { noiseQuery } from "./support/noise.ts";
import { tempDir } from "./support/temp-dir.ts";

const module = new URL("../../object-store/test/example-store.ts", import.meta.url);
const part = "computed credentials on S3";
const server = await useServer("miniflare", part);
const SECRET = "tOpSeCrEt";

async function mountError(options: MountOptions): Promise<HeadwaterError> {
  const error = await within("mount", mount(options)).then(
    async (handle) => handle.close(),
    (reason: unknown) => reason,
  );
  if (!HeadwaterError.is(error)) throw new Error(`not refused: ${error}`);
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    expect(JSON.stringify({ ...at, message: at.message })).not.toContain(SECRET);
  }
  return error;
}

function moduleOf(code: string): string {
  const path = join(tempDir(), "store.mjs");
  writeFileSync(path, code);
  return path;
}

describe("a database in a store of one's own", () => {
  it("waits for its answers for as long as it may, however long that is", async () => {
    const slow = moduleOf(`
      import open from ${JSON.stringify(module.href)};
      export default async (options) => {
        const store = await open(options);
        const get = store.get.bind(store);
        const late = () => new Promise((resolve) => setTimeout(resolve, 50));
        store.get = (...call) => late().then(() => get(...call));
        return store;
      };`);
    const options = { file: join(tempDir(), "objects.db") };
    const writer = await openWriter({ store: { module, options } });
    writer.database.exec(`create table item(text); insert into item ${noiseQuery(4000, 100)}`);
    await writer.flush();
    // Too much for 32 bits: what they keep of it is a millisecond.
    const requestTimeoutMs = 2 ** 32 + 1;
    const store = { module: slow, options };
    const { database } = await openReader({ store, requestTimeoutMs, warmUp: false });
    expect(scalar(database, "select count(*) from item")).toBe(4000);
  });

  it("is written by one process, followed and hydrated by others", async () => {
    const store = { module, options: { file: join(tempDir(), "objects.db") } };
    const writer = await openWriter({ store, syncIntervalMs: 20 });
    writer.database.exec("create table item(id integer primary key, text)");
    writer.database.exec(`insert into item(text) ${noiseQuery(3000, 40)}`);
    const written = await writer.flush();
    const reader = await openReader({ store, cacheBytes: 200_000 });
    expect((await reader.status()).txid).toBe(written);
    for (let i = 1; i <= 5; i += 1) {
      writer.database.exec(`update item set text = '${i}' where id % 100 = ${i}`);
      await reader.waitForTxid(await writer.flush());
      expect(scalar(reader.database, `select count(*) from item where text = '${i}'`)).toBe(30);
    }
    const expected = await dump(writer.database);
    expect(findDumpDifference(await dump(reader.database), expected)).toBeUndefined();
    const hydrated = await openReader({ store, hydrate: true });
    await hydrated.hydrated();
    expect(findDumpDifference(await dump(hydrated.database), expected)).toBeUndefined();
    expect(integrity(hydrated.database)).toBe("ok");

    const other = new DrivenProcess("./headwater-child.ts");
    const reference = { module: module.href, options: store.options };
    const name = await other.call("mount", { store: reference, name: "other.db" });
    expect(findDumpDifference(String(await other.call("dump", name)), expected)).toBeUndefined();
    const second = { store: reference, mode: "write", journalDir: tempDir(), name: "second.db" };
    await expect(other.call("mount", second)).rejects.toMatchObject({ code: "LEASE_HELD" });
    await writer.close();
    await other.call("mount", second);
    await other.call("exec", "second.db", "delete from item where id > 10");
    await reader.waitForTxid(BigInt(String(await other.call("flush", "second.db"))));
    expect(queryOf(reader.database)("select count(*) from item")).toEqual([[10]]);
  });

  it("goes by the name of the store in its status, and keeps its journal apart", async () => {
    const file = (name: string) => ({ module, options: { file: join(tempDir(), name) } });
    const journalDir = tempDir();
    const store = file("one.db");
    const first = await openWriter({ store, journalDir });
    expect(first.name).toBe("headwater.db");
    expect((await first.status()).url).toBe(`sqlite:${store.options.file}`);
    first.database.exec("create table item(text)");
    const left = join(tempDir(), "left by a crash");
    cpSync(journalDir, left, { recursive: true });
    await first.close();
    const other = { store: file("other.db"), mode: "write", journalDir: left } as const;
    expect((await mountError(other)).code).toBe("JOURNAL_INVALID");
    const again = await openWriter({ store, journalDir, mustExist: true });
    expect(scalar(again.database, "select count(*) from item")).toBe(0);
  });
});

describe(part, () => {
  it.skipIf(!server.available)("are computed on the engine's thread", async () => {
    if (!server.available) return;
    const { bucket, endpoint, accessKeyId, secretAccessKey, region } = server.connection;
    const compute = `export default async ({ id, secret }) =>
      ({ accessKeyId: id.split(" ").join(""), secretAccessKey: secret })`;
    const options = { id: [...accessKeyId].join(" "), secret: secretAccessKey };
    const credentials = { module: moduleOf(compute), options };
    const storeOptions = { endpoint, region, credentials };
    const url = `s3://${bucket}/${randomUUID()}/app.db`;
    const writer = await openWriter({ url, storeOptions });
    writer.database.exec("create table item(text)");
    await writer.flush();
    const reader = await openReader({ url, storeOptions });
    expect(scalar(reader.database, "select count(*) from item")).toBe(0);
    const wrong = { ...credentials, options: { ...options, secret: SECRET } };
    const error = await mountError({ url, storeOptions: { ...storeOptions, credentials: wrong } });
    expect(error.code).toBe("STORE_UNAUTHENTICATED");
  });
});

describe("a store of one's own that cannot be had", () => {
  const options = { key: SECRET };

  it.each<readonly [string, MountOptions, RegExp]>([
    ["no place at all", {}, /"url" must say/],
    ["two places", { url: "memory:x", store: { module } }, /exclude one another/],
    ["options for another", { store: { module }, storeOptions: {} }, /goes into "store\.options"/],
    ["no journal", { store: { module }, mode: "write" }, /"journalDir" must name a folder/],
    ["no reference", { store: "x" as never }, /must be \{ module, options \}/],
    ["a relative module", { store: { module: "./x.js", options } }, /new URL\("\.\/x\.js"/],
    ["a function", { store: { module, options: () => 1 } }, /not plain data/],
    [
      "a credentials module that is relative",
      { url: "s3://b/x", storeOptions: { credentials: { module: "./x.js", options } } },
      /"storeOptions\.credentials".*new URL\("\.\/x\.js"/,
    ],
    [
      "credentials that are no reference",
      { url: "s3://b/x", storeOptions: { credentials: "x" } },
      /"storeOptions\.credentials" must be/,
    ],
  ])("because of %s is an invalid option", async (_name, wrong, message) => {
    const error = await mountError(wrong);
    expect(error.code).toBe("OPTION_INVALID");
    expect(error.message).toMatch(message);
  });

  it.each([
    ["that is not there", "", /cannot be loaded/],
    ["without a default export", "export const open = 1", /default export must be a function/],
    ["that fails", "export default () => { throw new Error('no disk') }", /failed: no disk$/],
    ["that makes no store", "export default () => ({ name: 'x' })", /it has no method get$/],
  ])("because of a module %s is a wrong set-up of the store", async (_name, code, message) => {
    const module = code === "" ? join(tempDir(), "missing.mjs") : moduleOf(code);
    const error = await mountError({ store: { module, options } });
    expect(error.code).toBe("STORE_CONFIG_INVALID");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^the module file:\/\//);
  });
});
