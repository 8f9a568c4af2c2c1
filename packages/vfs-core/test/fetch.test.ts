import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

/** One large file of pages that do not compress, and no request of the opening counted. */
async function largeWorld(pageCount: number, options = {}) {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, pageCount) });
  const replica = await openWorld(world, { cacheBytes: 64_000_000, ...options });
  world.requests.length = 0;
  return { world, replica, snapshot: replica.snapshot() };
}

describe("fetching pages", () => {
  it("costs one request for a page, however many ask at once", async () => {
    const { world, replica, snapshot } = await largeWorld(500);
    await Promise.all(range(1, 20).map(() => snapshot.readPage(77)));
    expect(world.requests).toHaveLength(1);
    expect(world.requests[0]!.bytesRead).toBeLessThan(4200);
    await snapshot.readPage(77);
    expect(world.requests).toHaveLength(1);
    await replica.close();
  });

  it("makes one range of misses near each other, and two of distant ones", async () => {
    const { world, replica, snapshot } = await largeWorld(500);
    const pages = await Promise.all([200, 203, 206, 400].map((pgno) => snapshot.readPage(pgno)));
    expect(pages[2]).toEqual(world.pageAt(1, 206));
    const foreground = world.requests.filter(({ bytesRead }) => bytesRead < 50_000);
    expect(foreground.length).toBeLessThanOrEqual(2);
    await replica.close();
  });

  it("reads nothing ahead of random misses", async () => {
    const { world, replica, snapshot } = await largeWorld(3000);
    for (let index = 0; index < 60; index += 1) {
      await snapshot.readPage(17 + ((index * 977) % 2984));
    }
    expect(world.requests).toHaveLength(60);
    expect(world.requests.every(({ bytesRead }) => bytesRead < 4200)).toBe(true);
    await replica.close();
  });

  it("reads ahead of a scan in ever larger windows", async () => {
    const { world, replica, snapshot } = await largeWorld(4000);
    for (const pgno of range(1, 4000)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
      // A reader on another thread leaves this one time for other things.
      if (pgno % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // Some windows in several requests.
    expect(world.requests.length).toBeLessThan(24);
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(4000 * 4200);
    await replica.close();
  });

  it("reads ahead of several scans at once", async () => {
    const { world, replica, snapshot } = await largeWorld(4000);
    const starts = [1, 1000, 2000, 3000];
    for (let step = 0; step < 900; step += 1) {
      await Promise.all(starts.map((start) => snapshot.readPage(start + step)));
    }
    expect(world.requests.length).toBeLessThan(50);
    await replica.close();
  });

  it("keeps read-ahead within its share of a small cache", async () => {
    const { world, replica, snapshot } = await largeWorld(2000, { cacheBytes: 1_000_000 });
    for (const pgno of range(1, 600)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
    }
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(800 * 4200);
    await replica.close();
  });

  it("keeps what was read ahead until it is read, when all else is in use", async () => {
    const { world, replica, snapshot } = await largeWorld(3000, { cacheBytes: 1_000_000 });
    const { frameCount } = replica.mount.status().cache!;
    // The hand comes to the end of them while the scan goes on.
    const inUse = range(0, frameCount - 31).map((index) => 1000 + ((index * 977) % 2000));
    for (const pgno of [...inUse, ...inUse]) await snapshot.readPage(pgno);
    world.requests.length = 0;
    for (const pgno of range(1, 300)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
    }
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(500 * 4200);
    await replica.close();
  });

  it("fetches a small file whole, once", async () => {
    const world = new World();
    await world.write({ pages: range(1, 100) });
    await using replica = await openWorld(world, { cacheBytes: 20_000 });
    world.requests.length = 0;
    using snapshot = replica.snapshot();
    await Promise.all([50, 60, 70].map((pgno) => snapshot.readPage(pgno)));
    expect(world.requests.length).toBeLessThanOrEqual(1);
    // There is no room for all of it, so it is not fetched whole for every miss.
    for (const pgno of range(1, 100)) await snapshot.readPage(((pgno * 37) % 100) + 1);
    const whole = world.requests.filter(({ range }) => range === undefined);
    expect(whole.length).toBeLessThanOrEqual(1);
  });

  it("tries again what failed for a moment, and reports what stays wrong", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    const rules = [
      { fault: { type: "before", code: "UNAVAILABLE" }, operation: "get", skip: 2, times: 2 },
      { fault: { type: "before", code: "FORBIDDEN" }, operation: "get", skip: 3 },
    ] as const;
    const store = faulty(world.store, { rules });
    await using replica = await openWorld(world, { store });
    using snapshot = replica.snapshot();
    expect(await snapshot.readPage(90)).toEqual(world.pageAt(1, 90));
    await expect(snapshot.readPage(100)).rejects.toThrow("do not allow");
  });

  it("ends a read at its deadline", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    const fault = { type: "slow", delayMs: 60_000 } as const;
    const store = faulty(world.store, { rules: [{ fault, operation: "get", skip: 2 }] });
    await using replica = await openWorld(world, { store, requestTimeoutMs: 50 });
    using snapshot = replica.snapshot();
    await expect(snapshot.readPage(90)).rejects.toThrow("did not come within 50 ms");
  });

  it("names the page and the object when what it fetched is damaged", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    const body = await world.body(0, 1, 1);
    body.fill(255, 100_000, 110_000);
    await world.put(0, 1, 1, body);
    await using replica = await openWorld(world);
    using snapshot = replica.snapshot();
    await expect(snapshot.readPage(26)).rejects.toThrow(/page 26 in .*\.ltx is damaged/);
    expect(await snapshot.readPage(100)).toEqual(world.pageAt(1, 100));
  });

  it("names a small file that is damaged anywhere when it is fetched again", async () => {
    const world = new World({ isRandom: true });
    await world.write({ pages: range(1, 100) });
    let isDamaged = false;
    const get = world.store.get.bind(world.store);
    world.store.get = async (key, options) => {
      const { meta, body } = await get(key, options);
      if (isDamaged) body[body.byteLength - 300]! ^= 1;
      return { meta, body };
    };
    await using replica = await openWorld(world, { cacheBytes: 20_000, warmUp: false });
    isDamaged = true;
    using snapshot = replica.snapshot();
    await expect(snapshot.readPage(80)).rejects.toThrow(/object .*\.ltx is damaged/);
  });

  it("says which page no file holds", async () => {
    const world = new World();
    await world.write({ pages: range(1, 3) });
    await world.write({ pages: [1], pageCount: 9 });
    await using replica = await openWorld(world);
    using snapshot = replica.snapshot();
    await expect(snapshot.readPage(7)).rejects.toThrow("no file holds page 7");
  });
});
