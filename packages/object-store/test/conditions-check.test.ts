import {
  checkConditions,
  type ObjectStore,
  ObjectStoreError,
  RequestCounts,
  traced,
} from "@headwater/object-store";
import { MemoryBucket, MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";

async function checked(store: ObjectStore) {
  const result = await checkConditions(store, { prefix: "db/" });
  const left: string[] = [];
  for await (const { key } of store.list("")) left.push(key);
  expect(left).toEqual([]);
  return result;
}

/** Conditions are looked at first and kept later, with room for others between. */
function withRoomForRaces(): ObjectStore {
  const store = new MemoryStore();
  const put = store.put.bind(store);
  store.put = async (key, body, options) => {
    const { condition } = options;
    const existing = await store.head(key).catch(() => undefined);
    const holds =
      condition.type === "none" ||
      (condition.type === "if-absent" && existing === undefined) ||
      (condition.type === "if-version" && existing?.version === condition.version);
    if (!holds) return put(key, body, options);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return put(key, body, { condition: { type: "none" } });
  };
  return store;
}

describe("checkConditions", () => {
  it("finds nothing to complain about where conditions hold", async () => {
    expect(await checked(new MemoryStore())).toEqual({
      conditionalCreate: undefined,
      conditionalUpdate: undefined,
    });
  });

  it("finds out a store that ignores conditions", async () => {
    const store = new MemoryStore();
    const put = store.put.bind(store);
    store.put = (key, body, options) => put(key, body, { ...options, condition: { type: "none" } });
    const { conditionalCreate, conditionalUpdate } = await checked(store);
    expect(conditionalCreate).toContain("overwrites");
    expect(conditionalUpdate).toContain("overwrites");
  });

  it("finds out a store that keeps conditions only for one caller after another", async () => {
    const { conditionalCreate, conditionalUpdate } = await checked(withRoomForRaces());
    expect(conditionalCreate).toMatch(/lets \d of 8 racing create-only puts win/);
    expect(conditionalUpdate).toMatch(/lets \d of 8 racing compare-and-swaps win/);
  });

  it("finds out a store that deletes whatever version is there", async () => {
    const store = new MemoryStore();
    const remove = store.delete.bind(store);
    store.delete = (key) => remove(key);
    const check = await checked(store);
    expect(check.conditionalDelete).toBe("it deletes an object that has another version");
    expect(check.conditionalUpdate).toBeUndefined();
  });

  it("finds out a store that takes its own versions for others", async () => {
    const store = new MemoryStore();
    const put = store.put.bind(store);
    store.put = async (...args) => ({ ...(await put(...args)), version: "unheard of" });
    const check = await checked(store);
    expect(check.conditionalCreate).toBeUndefined();
    expect(check.conditionalUpdate).toBe("it refuses to replace the very version that it gave");
    expect(check.conditionalDelete).toBe("it refuses to delete the very version that it gave");
  });

  it("asks only what it is told to", async () => {
    const counts = new RequestCounts();
    const store = traced(new MemoryStore(), { onRequest: counts.add });
    const check = await checkConditions(store, { prefix: "", kinds: ["conditionalDelete"] });
    expect(Object.keys(check)).toEqual(["conditionalDelete"]);
    expect(counts.total().requests).toBe(5);
  });

  it("takes its objects away when it is aborted, without waiting for that", async () => {
    const bucket = new MemoryBucket();
    const store = new MemoryStore({ bucket });
    const reason = new Error("enough");
    const controller = new AbortController();
    const { deleteMany } = store;
    const put = store.put.bind(store);
    let puts = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let cleaned = Promise.resolve();
    store.put = async (...args) => {
      const meta = await put(...args);
      puts += 1;
      if (puts === 2) controller.abort(reason);
      return meta;
    };
    store.deleteMany = (keys, options) => {
      cleaned = held.then(() => deleteMany.call(store, keys, options));
      return cleaned;
    };
    const { signal } = controller;
    const kinds = ["conditionalUpdate"] as const;
    await expect(checkConditions(store, { prefix: "", kinds, signal })).rejects.toBe(reason);
    expect(bucket.sortedKeys()).toHaveLength(1);
    release();
    await cleaned;
    expect(bucket.sortedKeys()).toEqual([]);
  });

  it("does not wait for a store that has failed to be clean again", async () => {
    const store = new MemoryStore();
    const failure = new ObjectStoreError("UNAVAILABLE", "it is down", { store: store.name });
    const put = store.put.bind(store);
    let deletes = 0;
    store.put = () => Promise.reject(failure);
    store.deleteMany = () => {
      deletes += 1;
      return new Promise(() => {});
    };
    await expect(checkConditions(store, { prefix: "" })).rejects.toBe(failure);
    expect(deletes).toBe(0);
    store.put = (key, body, options) => {
      if (options.condition.type !== "none") return Promise.reject(failure);
      return put(key, body, options);
    };
    const kinds = ["conditionalUpdate"] as const;
    await expect(checkConditions(store, { prefix: "", kinds })).rejects.toBe(failure);
    expect(deletes).toBe(1);
  });

  it("takes a store at its word when it offers none", async () => {
    const supports = { conditionalCreate: false, conditionalUpdate: false };
    const { conditionalCreate, conditionalUpdate } = await checked(new MemoryStore({ supports }));
    expect(conditionalCreate).toContain("does not offer");
    expect(conditionalUpdate).toContain("does not offer");
  });
});
