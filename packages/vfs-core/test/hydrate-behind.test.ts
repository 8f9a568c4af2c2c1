/** Hydration asks for little at a time, behind everything that readers wait for. */

import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import type { ImageFiles, ImageHandle } from "../src/disk/image-files.ts";
import { HYDRATE_PARALLEL } from "../src/limits.ts";
import { MemoryDisk } from "./support/memory-disk.ts";
import { openReader } from "./support/read-mount.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

/** A store that keeps requests for these objects waiting until told to go on. */
function holding({ store }: World, isHeld: (key: string) => boolean) {
  const goOn = deferred<void>();
  let heldCount = 0;
  let isOpen = true;
  const held = storeWith(store, {
    get: async (key, options) => {
      if (!isOpen && isHeld(key)) {
        heldCount += 1;
        await goOn.promise;
      }
      return store.get(key, options);
    },
  });
  const hold = () => {
    isOpen = false;
  };
  return { store: held, hold, goOn: goOn.resolve, heldCount: () => heldCount };
}

const untilQuiet = async () => {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("hydration beside a reader", () => {
  it.each([
    ["small", 60, 20],
    ["large", 3, 2000],
  ])("asks for few %s files at a time, and a miss does not wait for them", async (...of) => {
    const [, fileCount, pagesOfEach] = of;
    const world = new World({ pageSize: 4096, isRandom: true });
    // What a reader asks for later; hydration begins with newer ones.
    await world.write({ pages: range(1, 100) });
    for (let file = 0; file < fileCount; file += 1) {
      const first = 101 + file * pagesOfEach;
      await world.write({ pages: range(first, first + pagesOfEach - 1) });
    }
    const { store, hold, goOn, heldCount } = holding(world, (key) => key !== world.key(0, 1, 1));
    const hydrate = { bytesPerSecondMax: 1e12 };
    const opening = openReader(world, { store, hydrate, warmUp: false, hedge: false });
    const { mount, device } = await opening.finally(hold);
    await expect.poll(heldCount).toBeGreaterThanOrEqual(HYDRATE_PARALLEL);
    await untilQuiet();
    expect(heldCount()).toBe(HYDRATE_PARALLEL);
    using snapshot = device.snapshot();
    expect(await snapshot.readPage(50)).toEqual(world.pageAt(1, 50));
    goOn();
    await mount.hydrated();
    await mount.close();
  });

  it("asks the store for a large file while the pages that are here go to the disk", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 2000) });
    const disk = new MemoryDisk();
    const goOn = deferred<void>();
    let writeCount = 0;
    const files: ImageFiles = {
      open: async (path) => {
        const image = await disk.images.open(path);
        const write: ImageHandle["write"] = async (...facts) => {
          writeCount += 1;
          await goOn.promise;
          return image.write(...facts);
        };
        return { ...image, write };
      },
    };
    const hydrate = { path: "/image.db", files };
    const { openImage, disk: records } = disk;
    const options = { hydrate, disk: records, cacheBytes: 16_000_000, warmUp: false };
    const { mount } = await openReader(world, options, { openImage });
    const piecesAsked = () => world.requests.filter(({ bytesRead }) => bytesRead > 2 ** 20).length;
    await expect.poll(piecesAsked).toBeGreaterThan(0);
    expect(writeCount).toBe(1);
    goOn.resolve();
    await mount.hydrated();
    await mount.close();
  });
});
