import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../src/index.ts";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

const PAGES = 600;

/** One file too large to come whole, and a cache for a few of its pages. */
async function smallCache() {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, PAGES) });
  const replica = await openWorld(world, { cacheBytes: 1_000_000 });
  const readAll = async () => {
    using snapshot = replica.snapshot();
    const before = world.requests.length;
    for (const pgno of range(1, PAGES)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
    }
    return world.requests.length - before;
  };
  return { world, replica, readAll };
}

describe("resizeCache", () => {
  it("lets a database that did not fit be read from memory", async () => {
    const { replica, readAll } = await smallCache();
    await readAll();
    expect(await readAll()).toBeGreaterThan(0);
    const bytes = await replica.mount.resizeCache(4_000_000);
    expect(bytes).toBeGreaterThan(3_900_000);
    expect(bytes).toBeLessThanOrEqual(4_000_000);
    await readAll();
    expect(await readAll()).toBe(0);
    expect(replica.mount.status().cache).toMatchObject({ usedCount: PAGES, byteLength: bytes });
    await replica.close();
  });

  it("lets go of what a smaller cache cannot hold", async () => {
    const { replica, readAll } = await smallCache();
    await replica.mount.resizeCache(4_000_000);
    await readAll();
    const bytes = await replica.mount.resizeCache(400_000);
    expect(bytes).toBeLessThanOrEqual(400_000);
    expect(replica.mount.status().cache!.usedCount).toBeLessThan(100);
    await readAll();
    await replica.close();
  });

  it("ends at the size that was asked for last, while pages are read", async () => {
    const { world, replica, readAll } = await smallCache();
    const sizes = [4_000_000, 300_000, 2_000_000, 100_000, 1_500_000];
    const resized = sizes.map((size) => replica.mount.resizeCache(size));
    await Promise.all([readAll(), ...resized]);
    const { byteLength = 0 } = replica.mount.status().cache!;
    expect(byteLength).toBeGreaterThan(1_400_000);
    expect(byteLength).toBeLessThanOrEqual(1_500_000);
    expect(world.requests.length).toBeGreaterThan(0);
    await replica.close();
  });

  it("gives as much as there can be to who asks for more", async () => {
    const { replica } = await smallCache();
    const bytes = await replica.mount.resizeCache(2 ** 50);
    expect(bytes).toBeGreaterThan(4_000_000);
    expect(replica.mount.status().cache).toMatchObject({ byteLength: bytes });
    await replica.close();
  });

  it("holds for a cache that does not exist yet", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world, { cacheBytes: 4_000_000 });
    expect(await mount.resizeCache(40_000)).toBe(0);
    device.commit(pagesOf(world, [1, 2], 1), 2);
    await mount.flush();
    expect(mount.status().cache!.byteLength).toBeLessThanOrEqual(40_000);
    await mount.close();
  });

  it("refuses sizes that are none, and a mount that is closed", async () => {
    const { replica } = await smallCache();
    const codeOf = (size: number) =>
      replica.mount.resizeCache(size).then(
        () => "resized",
        (error: unknown) => (HeadwaterError.is(error) ? error.code : "another"),
      );
    expect(await codeOf(-1)).toBe("OPTION_INVALID");
    expect(await codeOf(Number.NaN)).toBe("OPTION_INVALID");
    await replica.close();
    expect(await codeOf(1_000_000)).toBe("CLOSED");
  });
});
