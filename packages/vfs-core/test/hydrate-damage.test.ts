import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type GetOptions, type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import type { MountEvent } from "../src/index.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { openReader } from "./support/read-mount.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

/** Files are larger than what is fetched and verified whole for readers. */
const LAST = 400;

/** Page 1 to 400 in one large file; 401 to 700 in another. */
async function twoLargeFiles(): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, LAST) });
  await world.write({ pages: range(LAST + 1, 700) });
  return world;
}

async function damage(world: World, txid: number, share: number): Promise<void> {
  const body = (await world.body(0, txid, txid)).slice();
  body[Math.floor(body.length * share)]! ^= 0x11;
  await world.put(0, txid, txid, body);
}

describe("hydration from a damaged large file", () => {
  for (const share of [0.1, 0.5, 0.9]) {
    it(`names it, and uses nothing of it, damaged at ${share}`, async () => {
      const world = await twoLargeFiles();
      await damage(world, 1, share);
      const path = join(makeFolder(), "image.db");
      const events: MountEvent[] = [];
      const onEvent = (event: MountEvent) => events.push(event);
      const { mount, device } = await openReader(world, { hydrate: { path }, onEvent });
      const failure = await mount.hydrated().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "REPLICA_DAMAGED" });
      expect((failure as Error).message).toContain(world.key(0, 1, 1));
      expect(mount.status().hydration).toMatchObject({
        done: false,
        pagesPresent: 300,
        error: { code: "REPLICA_DAMAGED" },
      });
      expect([...device.present].toSorted((a, b) => a - b)).toEqual(range(LAST + 1, 700));
      const told = events.filter(({ type }) => type === "hydrated" || type === "hydrationFailed");
      expect(told).toEqual([{ type: "hydrationFailed", error: mount.status().hydration!.error }]);
      await mount.close();
    });
  }

  it("takes back what came from memory, too", async () => {
    const world = await twoLargeFiles();
    await damage(world, 1, 0.5);
    const hydrate = { bytesPerSecondMax: 1_000_000 };
    const { mount, device } = await openReader(world, { hydrate, cacheBytes: 1_000_000 });
    for (const pgno of [1, 2, 3]) {
      using snapshot = device.snapshot();
      await snapshot.readPage(pgno);
    }
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect([...device.present].filter((pgno) => pgno <= LAST)).toEqual([]);
    await mount.close();
  });

  it("is complete once a sound file has taken its place", async () => {
    const world = await twoLargeFiles();
    await damage(world, 2, 0.5);
    const path = join(makeFolder(), "image.db");
    const { mount } = await openReader(world, { hydrate: { path } });
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await world.write({ pages: range(LAST + 1, 700) });
    await mount.flush();
    await mount.hydrated();
    expect(mount.status().hydration).toMatchObject({ done: true, error: undefined });
    await mount.close();
    expect(Buffer.compare(readFileSync(path), world.imageAt(3))).toBe(0);
  });

  it("says so again when the database has changed elsewhere", async () => {
    const world = await twoLargeFiles();
    await damage(world, 1, 0.5);
    const { mount } = await openReader(world, { hydrate: {} });
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await world.write({ pages: [700] });
    await mount.flush();
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await mount.close();
  });
});

describe("hydration that reads large files whole", () => {
  it("begins with the pages that are in memory", async () => {
    const world = await twoLargeFiles();
    const { mount, device } = await openReader(world, {
      store: refusingLargeRanges(world),
      cacheBytes: 2_000_000,
      warmUp: false,
      hydrate: {},
    });
    const wanted = [300, 310, 650];
    for (const pgno of wanted) {
      using snapshot = device.snapshot();
      await snapshot.readPage(pgno);
    }
    const areHere = () => wanted.every((pgno) => device.present.has(pgno));
    await expect.poll(areHere).toBe(true);
    expect(mount.status().hydration).toMatchObject({ done: false });
    for (const pgno of wanted) {
      using snapshot = device.snapshot();
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(2, pgno));
    }
    await mount.close();
  });

  it("begins with what opening has brought, though nobody has asked for it", async () => {
    const world = await twoLargeFiles();
    const { mount, device } = await openReader(world, {
      store: refusingLargeRanges(world),
      cacheBytes: 2_000_000,
      warmUp: false,
      hydrate: {},
    });
    // The start of each file comes with its index.
    const atHand = [1, 2, 10, LAST + 1, LAST + 10];
    const areHere = () => atHand.every((pgno) => device.present.has(pgno));
    await expect.poll(areHere).toBe(true);
    expect(device.present.has(LAST)).toBe(false);
    await mount.close();
  });

  it("takes in what readers ask for at once, and reads it again to prove it", async () => {
    const world = await twoLargeFiles();
    const hydrate = { bytesPerSecondMax: 1 };
    const { mount, device } = await openReader(world, { warmUp: false, hydrate });
    // The first file of each level is on its way; its other ranges have to wait for years.
    const wanted = [390, 395, 399];
    for (const pgno of wanted) {
      using snapshot = device.snapshot();
      await snapshot.readPage(pgno);
    }
    const areHere = () => wanted.every((pgno) => device.present.has(pgno));
    await expect.poll(areHere).toBe(true);
    device.requestCount = 0;
    for (const pgno of wanted) {
      using snapshot = device.snapshot();
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(2, pgno));
    }
    expect(device.requestCount).toBe(0);
    await mount.close();
  });

  it("is not complete with all pages here, as long as none is proven", async () => {
    const world = await twoLargeFiles();
    const store = refusingLargeRanges(world);
    const { mount, device } = await openReader(world, { store, warmUp: false, hydrate: {} });
    const missing = () => range(1, 700).filter((pgno) => !device.present.has(pgno));
    const areHere = async () => {
      for (const pgno of missing().slice(0, 100)) {
        using snapshot = device.snapshot();
        await snapshot.readPage(pgno);
      }
      return missing().length === 0;
    };
    await expect.poll(areHere).toBe(true);
    expect(mount.status().hydration).toMatchObject({ done: false, pagesPresent: 700 });
    expect(device.imagePermille).toBe(999);
    await mount.close();
  });

  it("is complete, too, when readers ask for everything meanwhile", async () => {
    const world = await twoLargeFiles();
    const { mount, device } = await openReader(world, { warmUp: false, hydrate: {} });
    using snapshot = device.snapshot();
    await Promise.all(range(1, 700).map((pgno) => snapshot.readPage(pgno)));
    await mount.hydrated();
    expect(mount.status().hydration).toMatchObject({ done: true, pagesPresent: 700 });
    await mount.close();
  });

  it("asks for none twice, also for pages that had to wait for a reader", async () => {
    const world = await twoLargeFiles();
    const { mount, device } = await openReader(world, { hydrate: {} });
    await mount.hydrated();
    const old = device.snapshot();
    await world.write({ pages: range(1, LAST) });
    await mount.flush();
    world.requests.length = 0;
    old[Symbol.dispose]();
    await expect.poll(() => mount.status().hydration!.done).toBe(true);
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(LAST * 4096 * 1.1);
    await mount.close();
  });

  it("does not wear out a store in which a file is listed and not there", async () => {
    const world = await twoLargeFiles();
    const clock = new IdleClock();
    const store = refusingLargeRanges(world, "OBJECT_NOT_FOUND");
    const { mount } = await openReader(world, { store, clock, hydrate: {} });
    world.requests.length = 0;
    await clock.sleep(600_000);
    expect(mount.status().hydration).toMatchObject({ done: false });
    expect(world.requests.length).toBeLessThan(1000);
    await mount.close();
  });

  it("goes on where it was when the store was away for a while", async () => {
    const world = await twoLargeFiles();
    // Opening takes four, and the first ranges come.
    const store = awayFor(world, { afterGets: 5, gets: 12 });
    const path = join(makeFolder(), "image.db");
    const hydrate = { path };
    const { mount } = await openReader(world, { store, hydrate, requestTimeoutMs: 30 });
    await mount.hydrated();
    await mount.close();
    expect(store.refusedCount).toBe(12);
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(700 * 4096 * 1.2);
    expect(Buffer.compare(readFileSync(path), world.imageAt(2))).toBe(0);
  });
});

/** The store of a world that gives readers what they want, and hydration nothing. */
function refusingLargeRanges(
  { store }: World,
  code: "FORBIDDEN" | "OBJECT_NOT_FOUND" = "FORBIDDEN",
): ObjectStore {
  return storeWith(store, {
    get: (key, options) => {
      const range = options?.range;
      const isLarge = range !== undefined && "length" in range && range.length > 1_000_000;
      if (!isLarge) return store.get(key, options);
      const about = { store: "world", operation: "get", key } as const;
      return Promise.reject(new ObjectStoreError(code, "not so much", about));
    },
  });
}

/** The store of a world that does not answer to so many reads of ranges, after the first few. */
function awayFor(
  { store }: World,
  { afterGets, gets }: { readonly afterGets: number; readonly gets: number },
): ObjectStore & { readonly refusedCount: number } {
  let count = 0;
  return storeWith(store, {
    get refusedCount() {
      return Math.min(Math.max(count - afterGets, 0), gets);
    },
    get: (key: string, options?: GetOptions) => {
      count += 1;
      if (count <= afterGets || count > afterGets + gets) return store.get(key, options);
      const about = { store: "world", operation: "get", key } as const;
      return Promise.reject(new ObjectStoreError("UNAVAILABLE", "nobody is there", about));
    },
  });
}
