import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockInMemory } from "../src/device/memory-locks.ts";
import { openOfflineReplica, restoreReplica } from "../src/offline/index.ts";
import { diskError, imageFilesWith } from "./support/image-files-with.ts";
import { KEPT_PAGES, keptWorld, openKept } from "./support/kept-images.ts";
import { range, type World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

const PAGE_SIZE = 4096;

async function restored(world: World): Promise<Uint8Array> {
  const path = join(makeFolder(), "app.db");
  await restoreReplica(openOfflineReplica(world), {
    path,
    target: { type: "latest" },
    locks: { lockFile: lockInMemory },
  });
  return readFileSync(path);
}

/** Smaller, and as large as before, without most of the pages that were there. */
async function shrinkAndGrow(world: World): Promise<void> {
  await world.write({ pages: [1], pageCount: 400 });
  await world.write({ pages: [1, KEPT_PAGES], pageCount: KEPT_PAGES });
}

describe("pages that no file has", () => {
  it("are zeros in the image, when the database had them before", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const { mount } = await openKept(world, { hydrate: { path } });
    await mount.hydrated();
    await shrinkAndGrow(world);
    await mount.flush();
    await mount.hydrated();
    const all = { pagesPresent: KEPT_PAGES, pageCount: KEPT_PAGES, done: true };
    expect(mount.status().hydration).toMatchObject(all);
    expect(Buffer.compare(readFileSync(path), await restored(world))).toBe(0);
    // And have what is written, and are zeros again.
    await world.write({ pages: [450, 451] });
    await mount.flush();
    await mount.hydrated();
    expect(Buffer.compare(readFileSync(path), await restored(world))).toBe(0);
    await shrinkAndGrow(world);
    await mount.flush();
    await mount.hydrated();
    await mount.close();
    expect(Buffer.compare(readFileSync(path), await restored(world))).toBe(0);
  });

  it("are zeros in an image that is used again", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const { mount } = await openKept(world, { hydrate: { path } });
    await mount.hydrated();
    await mount.close();
    await shrinkAndGrow(world);
    const again = await openKept(world, { hydrate: { path } });
    await again.mount.hydrated();
    await again.mount.close();
    expect(Buffer.compare(readFileSync(path), await restored(world))).toBe(0);
  });

  it("are zeros once there is room for that", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    let isFull = false;
    const files = imageFilesWith((handle) => ({
      write: (...args) => {
        const isAbove = args[3] >= 400 * PAGE_SIZE;
        return isFull && isAbove ? Promise.reject(diskError("ENOSPC")) : handle.write(...args);
      },
    }));
    const { mount } = await openKept(world, { hydrate: { path, files } });
    await mount.hydrated();
    isFull = true;
    await world.write({ pages: [1], pageCount: 400 });
    await world.write({ pages: [1], pageCount: 401 });
    await mount.flush();
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "IMAGE_FAILED" });
    isFull = false;
    await expect.poll(() => mount.status().hydration?.done).toBe(true);
    await mount.close();
    expect(Buffer.compare(readFileSync(path), await restored(world))).toBe(0);
  });

  it("are never written where pages have come meanwhile", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    writeFileSync(path, new Uint8Array(KEPT_PAGES * PAGE_SIZE).fill(1));
    const { mount } = await openKept(world, { hydrate: { path } });
    await mount.hydrated();
    for (let round = 0; round < 20; round += 1) {
      await shrinkAndGrow(world);
      await mount.flush();
      // Some of the blank pages are looked at by now.
      for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
      await world.write({ pages: range(401 + round, 401 + 8 * round) });
      await mount.flush();
      await mount.hydrated();
      expect(Buffer.compare(readFileSync(path), world.imageAt(world.txid))).toBe(0);
    }
    await mount.close();
  });
});
