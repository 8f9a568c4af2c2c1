import { checkConditions, type ObjectStore } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
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

  it("takes a store at its word when it offers none", async () => {
    const supports = { conditionalCreate: false, conditionalUpdate: false };
    const { conditionalCreate, conditionalUpdate } = await checked(new MemoryStore({ supports }));
    expect(conditionalCreate).toContain("does not offer");
    expect(conditionalUpdate).toContain("does not offer");
  });
});
