import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ObjectStoreError, openStore } from "@headwater/object-store";
import { forgetMemoryBucket } from "@headwater/object-store/memory";
import { afterEach, describe, expect, it, vi } from "vitest";

const ALWAYS = { condition: { type: "none" } } as const;
const BODY = new TextEncoder().encode("body");
const ENV = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };

async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure)) return failure;
  throw new Error(`expected an error of the store, not ${failure}`);
}

describe("openStore", () => {
  afterEach(() => {
    vi.doUnmock("#s3-sdk");
    vi.resetModules();
  });

  it("memory: shares objects by name, in this thread", async () => {
    const first = await openStore("memory:open-store/db/main");
    expect(first.path).toBe("db/main");
    await first.store.put("k", BODY, ALWAYS);
    const second = await openStore("memory://open-store/other");
    expect(second.path).toBe("other");
    await first.store.close();
    expect((await second.store.head("k")).size).toBe(4);
    const third = await openStore("memory:another");
    expect((await failureOf(third.store.head("k"))).code).toBe("OBJECT_NOT_FOUND");
    forgetMemoryBucket("open-store");
    const fourth = await openStore("memory:open-store");
    expect((await failureOf(fourth.store.head("k"))).code).toBe("OBJECT_NOT_FOUND");
  });

  it("file: takes the path percent-decoded, as the root of the store", async () => {
    const root = await mkdtemp(join(tmpdir(), "open store %20#"));
    const { path, store } = await openStore(pathToFileURL(`${root}/my db`).href);
    expect(path).toBe("");
    expect(store.keyLayout).toBe("path");
    expect(store.name).toBe(`file://${root}/my db`);
    await store.put("ltx/0/k", BODY, ALWAYS);
    const same = await openStore(`file://localhost${pathToFileURL(root).pathname}/./my%20db/`);
    expect((await same.store.head("ltx/0/k")).size).toBe(4);
    await rm(root, { recursive: true });
  });

  it("s3: gives the bucket as the store, and the path beside it", async () => {
    const url = "s3://bucket/my/db?endpoint=localhost:9&region=r";
    const { path, store } = await openStore(url, { env: ENV });
    expect(path).toBe("my/db");
    expect(store).toMatchObject({ name: "s3://bucket", keyLayout: "s3" });
    await store.close();
    const r2 = await openStore("s3://b/p", {
      env: ENV,
      endpoint: "https://account.r2.cloudflarestorage.com",
    });
    expect(r2.store.supports.conditionalDelete).toBe(false);
    await r2.store.close();
  });

  it.each([
    ["ftp://user:secret@host/path", /ftp:\/\/host\/path; there are .*file:, .*tigris:/],
    ["/plain/path?secret", /not a store URL/],
    ["", /not a store URL/],
    ["file://host/path", /must not name a host/],
    ["file:relative", /absolute path/],
    ["file:///a/../b", /"\.\."/],
    ["file:///%zz", /not a store URL/],
    ["s3:///path", /bucket name is empty/],
    ["s3://bucket/../x", /"\.\."/],
    ["s3://u:secret@bad bucket/x?secret", /bad bucket/],
    ["s3://bucket/db\r", /line ends.*: s3:\/\/bucket\/db%0D$/],
    ["file:///a/db\n", /line ends/],
    ["constructor:x", /no store has the scheme/],
  ])("%s is refused in one sentence without secrets", async (url, message) => {
    const error = await failureOf(openStore(url, { env: ENV }));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.store}`).not.toContain("secret");
  });

  it("s3: without keys, and what looks for them, says what to install", async () => {
    vi.doMock("#s3-sdk", () => {
      throw new Error("Cannot find package");
    });
    vi.resetModules();
    const { openStore: open } = await import("@headwater/object-store");
    const error = await failureOf(open("s3://bucket/db", { env: {} }));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain("npm install @aws-sdk/credential-providers");
    expect(error.message).toContain("AWS_ACCESS_KEY_ID");
    // With keys there is nothing to look for, and nothing to install.
    await (await open("s3://bucket/db", { env: ENV })).store.close();
  });
});
