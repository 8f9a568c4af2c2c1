/** An upload whose answer got lost is looked for in the bucket, and not every look tells. */

import type { GetOptions, GetResult, ObjectStore, PutOptions } from "@headwater/object-store";
import { ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
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
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name === "put") {
        return async (putKey: string, body: Uint8Array, options: PutOptions) => {
          const meta = await target.put(putKey, body, options);
          if (putKey !== key) return meta;
          const where = { store: "test", operation: "put", key } as const;
          throw new ObjectStoreError("OBJECT_EXISTS", "sent twice below us", where);
        };
      }
      if (name === "get") {
        return async (getKey: string, options?: GetOptions): Promise<GetResult> => {
          const result = await target.get(getKey, options);
          if (getKey !== key || left === 0) return result;
          left -= 1;
          return { ...result, body: result.body.subarray(0, result.body.byteLength - missing) };
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
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
