/** An upload whose answer got lost is looked for in the bucket, and not every look tells. */

import { type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { storeWith } from "./support/store-with.ts";
import { World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

/** What was put is said to have been there before; so many bodies end `missing` bytes early. */
function racing(
  store: ObjectStore,
  key: string,
  shortBodies: number,
  missing: number,
): ObjectStore {
  let left = shortBodies;
  return storeWith(store, {
    put: async (putKey, body, options) => {
      const meta = await store.put(putKey, body, options);
      if (putKey !== key) return meta;
      const where = { store: "test", operation: "put", key } as const;
      throw new ObjectStoreError("OBJECT_EXISTS", "sent twice below us", where);
    },
    get: async (getKey, options) => {
      const result = await store.get(getKey, options);
      if (getKey !== key || left === 0) return result;
      left -= 1;
      return { ...result, body: result.body.subarray(0, result.body.byteLength - missing) };
    },
  });
}

describe("a look at what is in the bucket that is answered in part", () => {
  for (const missing of [1, 16]) {
    it(`is made again and does not fence the writer, with ${missing} bytes missing`, async () => {
      const world = new World();
      const store = racing(world.store, world.key(0, 1, 1), 1, missing);
      const { mount, device } = await openWriter(world, { store });
      device.commit(pagesOf(world, [1], 1), 1);
      await expect(mount.flush()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(mount.status().sync).toMatchObject({ state: "failing", pendingCount: 1 });
      expect(await mount.flush()).toBe(1n);
      await mount.close();
    });
  }
});
