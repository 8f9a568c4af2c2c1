import {
  checkConditions,
  type ObjectStore,
  ObjectStoreError,
  retrying,
} from "@headwater/object-store";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { useServer } from "@headwater/servers/testing";
import { describe, expect, it, vi } from "vitest";

const part = "s3: errors and metadata on Ceph";
const answer = await useServer("ceph", part);
const ALWAYS = { condition: { type: "none" } } as const;
const BODY = new TextEncoder().encode("body");

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? `${error.code}: ${error.message}` : String(error);
}

describe.skipIf(!answer.available)(part, () => {
  const connection = answer.available ? answer.connection : undefined;
  const { accessKeyId = "", secretAccessKey = "", endpoint = "", region = "" } = connection ?? {};
  const credentials = { accessKeyId, secretAccessKey };
  const open = (options: Partial<S3StoreOptions> = {}) =>
    openS3Store({ bucket: connection?.bucket ?? "", credentials, endpoint, region, ...options });

  async function everyCall(store: ObjectStore): Promise<string[]> {
    return [
      await codeOf(store.get("k")),
      await codeOf(store.head("k")),
      await codeOf(store.put("k", BODY, { condition: { type: "if-absent" } })),
      await codeOf(store.delete("k")),
      await codeOf(store.deleteMany(["k"])),
      await codeOf(store.list("")[Symbol.asyncIterator]().next()),
    ];
  }

  it("a bucket that is not there is a mistake of the configuration, for every call", async () => {
    await using store = await open({ bucket: "no-such-bucket" });
    for (const code of await everyCall(store)) {
      expect(code).toMatch(/^CONFIG_INVALID: .*bucket no-such-bucket does not exist at 127/);
    }
  });

  it("wrong keys are told from missing rights", async () => {
    const { host } = new URL(endpoint);
    for (const wrong of [
      { ...credentials, secretAccessKey: "wrong" },
      { ...credentials, accessKeyId: "NOBODY" },
    ]) {
      await using store = await open({ credentials: wrong });
      for (const code of await everyCall(store)) {
        // A HEAD has no body to say which of the two it is.
        expect(code).toMatch(/^(UNAUTHENTICATED: .*key|FORBIDDEN: head)/);
        expect(code).toContain(host);
        expect(code).not.toContain("wrong");
      }
    }
  });

  it("keeps keys with a leading slash apart from those without", async () => {
    await using store = await open();
    const key = "/0000/0000000000000001-0000000000000001.ltx";
    await store.put(key, BODY, ALWAYS);
    expect((await store.get(key)).meta.key).toBe(key);
    expect(await codeOf(store.head(key.slice(1)))).toContain("OBJECT_NOT_FOUND");
    for await (const meta of store.list("/0000/")) expect(meta.key).toBe(key);
    await store.delete(key);
  });

  it("follows the store's clock, not ours", async () => {
    await using store = await open();
    await store.put("clock", BODY, ALWAYS);
    const { lastModifiedMs, serverDateMs = 0 } = await store.head("clock");
    expect(serverDateMs).toBeGreaterThanOrEqual(lastModifiedMs - 1_000);
    expect(Math.abs(serverDateMs - Date.now())).toBeLessThan(60_000);
  });

  it("works with a clock that is 20 minutes off, by the store's clock", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      for (const [index, minutes] of [-20, 40].entries()) {
        vi.setSystemTime(Date.now() + minutes * 60_000);
        const plain = await open();
        expect(await codeOf(plain.get("skewed"))).toMatch(/UNAVAILABLE: .*clock .* 20 min/);
        await plain.close();
        await using store = retrying(await open());
        await store.put(`skewed${index}`, BODY, { condition: { type: "if-absent" } });
        expect((await store.get(`skewed${index}`)).body).toEqual(BODY);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it("answers more calls than there are sockets", async () => {
    await using store = await open({ socketsMax: 2 });
    const keys = Array.from({ length: 50 }, (_, index) => `many/${index}`);
    await Promise.all(keys.map((key) => store.put(key, BODY, ALWAYS)));
    await Promise.all(keys.map((key) => store.get(key)));
    await store.deleteMany(keys);
    expect(await codeOf(store.get("many/0"))).toContain("OBJECT_NOT_FOUND");
  });

  it("keeps its conditions", async () => {
    await using store = await open();
    expect(await checkConditions(store, { prefix: "check/" })).toEqual({
      conditionalCreate: undefined,
      conditionalUpdate: undefined,
    });
  });
});
