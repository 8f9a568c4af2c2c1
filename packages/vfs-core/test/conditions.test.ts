/** What a writer asks of a store before it writes, and what comes of the answer. */

import { type ObjectStore, prefixed } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { openReplica } from "../src/index.ts";
import { World } from "./support/world.ts";
import { openWriter } from "./support/writing.ts";

const LEFTOVER = "headwater-check-1234-0";

/** The world's objects, in a store whose provider nobody knows. */
function unknownStore({ bucket }: World): MemoryStore {
  return new MemoryStore({ bucket, keyLayout: "s3", supports: { conditionsTrusted: false } });
}

/** The same, but it replaces and deletes whatever version is there. */
function withoutIfMatch(world: World): MemoryStore {
  const store = unknownStore(world);
  const put = store.put.bind(store);
  store.put = (key, body, options) => {
    const isSwap = options.condition.type === "if-version";
    return put(key, body, isSwap ? { ...options, condition: { type: "none" } } : options);
  };
  return store;
}

async function openAndClose(world: World, store: ObjectStore, lease: "off" | object = {}) {
  const { mount } = await openWriter(world, { store, lease });
  await mount.close();
}

describe("a store that is written to", () => {
  it("is not asked when its provider is known", async () => {
    const world = new World();
    await openAndClose(world, world.store);
    expect(world.requests.filter(({ key }) => key?.includes("headwater-check"))).toEqual([]);
  });

  it("may fail once while it is asked", async () => {
    const world = new World();
    for (const operation of ["put", "deleteMany"] as const) {
      const rules = [
        { operation, fault: { type: "before", code: "UNAVAILABLE" }, times: 1 },
      ] as const;
      const faults: string[] = [];
      const onFault = (_fault: unknown, failed: string) => void faults.push(failed);
      await openAndClose(world, faulty(unknownStore(world), { rules, onFault }));
      expect(faults).toEqual([operation]);
    }
  });

  it("needs compare-and-swap for the lease only", async () => {
    const world = new World();
    await openAndClose(world, withoutIfMatch(world), "off");
    const refused = openAndClose(world, withoutIfMatch(world));
    await expect(refused).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
    await expect(refused).rejects.toThrow("it overwrites an object that has another version");
    // Not even the lease was put.
    expect(world.bucket.sortedKeys()).toEqual([]);
  });

  it("may hold what a process left that was killed while it asked", async () => {
    const world = new World();
    const always = { condition: { type: "none" } } as const;
    await prefixed(world.store, "some/db/").put(LEFTOVER, new Uint8Array(1), always);
    const { path, url, store } = world;
    const nothing = openReplica({ store, path, url });
    await expect(nothing).rejects.toMatchObject({ code: "REPLICA_NOT_FOUND" });
    await openAndClose(world, unknownStore(world));
  });
});
