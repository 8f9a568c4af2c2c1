import { join } from "node:path";
import { type GetOptions, ObjectStoreError } from "@headwater/object-store";
import { expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { HYDRATE_KEEP_MS } from "../src/limits.ts";
import { systemClock } from "../src/system.ts";
import { diskError } from "./support/image-files-with.ts";
import { keptWorld, openKept } from "./support/kept-images.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

it("a store that was away is no error any more once hydration goes on", async () => {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 400) });
  await world.write({ pages: range(401, 700) });
  const rest = deferred<void>();
  let isAway = true;
  const store = storeWith(world.store, {
    async get(key: string, options?: GetOptions) {
      const asked = options?.range;
      const isWhole = asked !== undefined && "length" in asked && asked.length > 1_000_000;
      if (isWhole && key === world.key(0, 1, 1)) await rest.promise;
      if (!isWhole || !isAway) return world.store.get(key, options);
      const about = { store: "world", operation: "get", key } as const;
      throw new ObjectStoreError("UNAVAILABLE", "nobody is there", about);
    },
  });
  const { mount } = await openKept(world, { store, hydrate: {} });
  const hydration = () => mount.status().hydration;
  await expect.poll(() => hydration()?.error?.code).toBe("UNAVAILABLE");
  isAway = false;
  await expect.poll(() => hydration()?.pagesPresent).toBe(300);
  expect(hydration()).toMatchObject({ done: false, error: undefined });
  rest.resolve();
  await mount.hydrated();
  await mount.close();
});

it("a record that could not be written is an error until one was", async () => {
  const world = await keptWorld();
  let isFull = true;
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const disk: Disk = {
    ...systemDisk,
    write: async (name, text) => {
      if (isFull) throw diskError("ENOSPC");
      await systemDisk.write(name, text);
    },
  };
  const hydrate = { path: join(makeFolder(), "image.db") };
  const { mount } = await openKept(world, { hydrate, disk, clock });
  const error = () => mount.status().hydration?.error?.message;
  await mount.hydrated();
  await expect.poll(error).toContain("ENOSPC");
  expect(mount.status().hydration?.done).toBe(true);
  isFull = false;
  nowMs += HYDRATE_KEEP_MS;
  await world.write({ pages: [4] });
  await mount.flush();
  await expect.poll(error).toBe(undefined);
  await mount.close();
});
