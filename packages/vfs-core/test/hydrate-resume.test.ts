import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectStore } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { JumpingClock } from "./support/clock.ts";
import { bytesOf, hydrateAt, openKept } from "./support/kept-images.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

const PAGE_COUNT = 2500;
const ALL_BYTES = PAGE_COUNT * 4096;
const MIB = 1024 * 1024;

/** One file of ten megabytes. */
async function largeFile(): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, PAGE_COUNT) });
  return world;
}

/** The store of a world in which bodies of large files end there; `change` may alter one. */
function endingAt(
  { store }: World,
  endOffset: number,
  change: (body: Uint8Array, offset: number) => void | Promise<void> = () => {},
): ObjectStore {
  return storeWith(store, {
    get: async (key, options) => {
      const asked = options?.range;
      const isPiece = asked !== undefined && "length" in asked && asked.length > MIB;
      if (isPiece && asked.offset >= endOffset) {
        const { signal } = options!;
        await new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
      }
      const result = await store.get(key, options);
      if (isPiece) await change(result.body, asked.offset);
      return result;
    },
  });
}

/** Hydrates as far as the store lets it, and closes. */
async function begin(path: string, world: World, store: ObjectStore, pages: number): Promise<void> {
  const { mount } = await openKept(world, { store, hydrate: { path } });
  const isFarEnough = () => mount.status().hydration!.pagesPresent >= pages;
  await expect.poll(isFarEnough, { interval: 5 }).toBe(true);
  await mount.close();
}

function copyOf(path: string): string {
  const copy = join(makeFolder(), "image.db");
  copyFileSync(path, copy);
  if (existsSync(`${path}.record`)) copyFileSync(`${path}.record`, `${copy}.record`);
  return copy;
}

describe("a large file that was not read to its end", () => {
  it("is gone on with by the next mount", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    await begin(path, world, endingAt(world, 4 * MIB), 900);
    const { bytes } = await hydrateAt(path, world);
    expect(bytes).toBeLessThan(ALL_BYTES - 3 * MIB);
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(ALL_BYTES / 10);
  });

  it("comes to its end however often that is", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    world.requests.length = 0;
    for (const [end, pages] of [
      [2, 500],
      [3, 1000],
      [5, 1500],
      [7, 2000],
    ] as const) {
      await begin(path, world, endingAt(world, end * MIB), pages);
    }
    const before = bytesOf(world);
    await hydrateAt(path, world);
    // Each mount asks for some ranges that it does not come to use.
    expect(before + bytesOf(world)).toBeLessThan(3 * ALL_BYTES);
  });

  it("gives its pages to readers meanwhile, of this mount and of the next", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    await begin(path, world, endingAt(world, 4 * MIB), 900);
    const store = endingAt(world, 4 * MIB);
    const { mount, device } = await openKept(world, { store, hydrate: { path } });
    await expect.poll(() => device.present.has(900)).toBe(true);
    device.requestCount = 0;
    {
      using snapshot = device.snapshot();
      expect(await snapshot.readPage(900)).toEqual(world.pageAt(1, 900));
    }
    expect(device.requestCount).toBe(0);
    await mount.close();
  });

  it("is known to be damaged, also by what an earlier mount has read", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    const harmed = endingAt(world, 4 * MIB, (body, offset) => {
      if (offset === 0) body[100_000]! ^= 1;
    });
    await begin(path, world, harmed, 900);
    const { mount, device } = await openKept(world, { hydrate: { path } });
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(device.present.size).toBe(0);
    await mount.close();
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("is begun anew when it is another one now", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    await begin(path, world, endingAt(world, 4 * MIB), 900);
    const other = new World({ pageSize: 4096, isRandom: true, salt: 7 });
    await other.write({ pages: range(1, PAGE_COUNT) });
    await world.put(0, 1, 1, await other.body(0, 1, 1));
    expect((await hydrateAt(path, world, other)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("is gone on with where a part of the image is wrong, and that part is fetched", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    await begin(path, world, endingAt(world, 4 * MIB), 900);
    const image = readFileSync(path);
    image[200 * 4096 + 5]! ^= 1;
    writeFileSync(path, image);
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(ALL_BYTES - 2 * MIB);
  });

  it("may change meanwhile", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    await begin(path, world, endingAt(world, 4 * MIB), 900);
    await world.write({ pages: [1, 500, 2000] });
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(ALL_BYTES - 3 * MIB);
  });
});

describe("a process that ends at any moment of hydration", () => {
  it("leaves an image that is gone on with", async () => {
    const world = await largeFile();
    const path = join(makeFolder(), "image.db");
    const copies: string[] = [];
    const disk: Disk = {
      ...systemDisk,
      rename: async (...names: Parameters<Disk["rename"]>) => {
        copies.push(copyOf(path));
        await systemDisk.rename(...names);
        copies.push(copyOf(path));
      },
    };
    const clock = new JumpingClock();
    const store = endingAt(world, 2 * ALL_BYTES, async (_, offset) => {
      // What came before is in a record, as a rule, and it is time for another one.
      const recordCount = Math.floor(offset / (2 * MIB));
      for (let ms = 0; ms < 500 && copies.length < 2 * recordCount; ms += 5) await sleep(5);
      clock.jump(20_000);
    });
    const { mount } = await openKept(world, { store, hydrate: { path }, disk, clock });
    await mount.hydrated();
    await mount.close();
    expect(copies.length).toBeGreaterThan(6);
    const costs: number[] = [];
    for (const copy of copies) costs.push((await hydrateAt(copy, world)).bytes);
    expect(costs[0]).toBeGreaterThan(ALL_BYTES);
    // The further it was, the less is left, but for what was on its way just then.
    for (const [index, bytes] of costs.entries()) {
      expect(bytes).toBeLessThan((costs[index - 1] ?? bytes) + ALL_BYTES / 10);
    }
    const isBetween = (bytes: number) => bytes > ALL_BYTES / 5 && bytes < 0.85 * ALL_BYTES;
    expect(costs.some(isBetween)).toBe(true);
    expect(costs.at(-1)).toBeLessThan(ALL_BYTES / 10);
  });
});
