import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { deferred } from "../src/deferred.ts";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { diskError, imageFilesWith } from "./support/image-files-with.ts";
import { FEW_BYTES, hydrateAt, KEPT_PAGES, keptWorld, openKept } from "./support/kept-images.ts";
import { makeFolder, openWriter } from "./support/writing.ts";

/** A complete image whose first flush ends when the test says so, and fails. */
async function openFlushing() {
  const world = await keptWorld();
  const flush = deferred<void>();
  let isFlushing = false;
  let callCount = 0;
  const sync = () => {
    isFlushing = true;
    return flush.promise;
  };
  const files = imageFilesWith((handle) => ({
    sync,
    write: (...args) => {
      callCount += 1;
      return handle.write(...args);
    },
    truncate: (size) => {
      callCount += 1;
      return handle.truncate(size);
    },
  }));
  const events: string[] = [];
  const { mount, device } = await openKept(world, {
    hydrate: { path: join(makeFolder(), "image.db"), files },
    onEvent: ({ type }) => events.push(type),
  });
  await mount.hydrated();
  await expect.poll(() => isFlushing).toBe(true);
  const fail = async () => {
    const before = callCount;
    flush.reject(diskError("EIO"));
    await expect.poll(() => mount.status().hydration?.error?.code).toBe("IMAGE_FAILED");
    return { callsAfter: () => callCount - before };
  };
  return { world, mount, device, events, fail };
}

describe("an image that the disk has lost", () => {
  it("is complete no more, and says so", async () => {
    const { world, mount, device, events, fail } = await openFlushing();
    await fail();
    expect(device.present.size).toBe(0);
    expect(device.imagePermille).toBe(0);
    expect(mount.status().hydration).toMatchObject({ pagesPresent: 0, done: false });
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "IMAGE_FAILED" });
    await world.write({ pages: [9] });
    await mount.flush();
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "IMAGE_FAILED" });
    expect(events).toContain("hydrationFailed");
    await mount.close();
  });

  it("gets no pages that were on their way", async () => {
    const { world, mount, device, fail } = await openFlushing();
    await world.write({ pages: [9] });
    await mount.flush();
    // Behind the flush, as all that is asked of the file.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { callsAfter } = await fail();
    await expect.poll(callsAfter).toBe(1);
    await mount.close();
    expect(device.present.size).toBe(0);
    expect(mount.status().hydration).toMatchObject({ pagesPresent: 0, done: false });
  });

  it("does not become complete by what was on its way", async () => {
    const { world, mount, events, fail } = await openFlushing();
    await world.write({ pages: [], pageCount: KEPT_PAGES - 5 });
    await mount.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { callsAfter } = await fail();
    await expect.poll(callsAfter).toBe(1);
    await mount.close();
    expect(mount.status().hydration).toMatchObject({ pagesPresent: 0, done: false });
    expect(events.filter((type) => type === "hydrated")).toHaveLength(1);
  });
});

describe("an image file", () => {
  it("keeps nothing from being given back when it cannot be closed", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const files = imageFilesWith((handle) => ({
      close: async () => {
        await handle.close();
        throw diskError("EIO");
      },
    }));
    const lease = { ttlMs: 3_600_000, waitMs: 0 };
    const first = await openWriter(world, { hydrate: { path, files }, lease });
    await first.mount.hydrated();
    await first.mount.close();
    const { journalDir } = first;
    const second = await openWriter(world, { hydrate: { path }, lease, journalDir });
    await second.mount.close();
  });

  it("is no image where no folder can be made for it", async () => {
    const world = await keptWorld();
    vi.stubEnv("TMPDIR", join(makeFolder(), "away"));
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(openKept(world, { hydrate: {} })).rejects.toMatchObject({ code: "IMAGE_FAILED" });
  });

  it("leaves no folder when it cannot be made in it", async () => {
    const world = await keptWorld();
    const folder = makeFolder();
    // The folder's path is as long as one may be, and the file's is longer.
    const lengthMax = 4095 - "/headwater-XXXXXX".length;
    let deep = folder;
    while (deep.length < lengthMax - 2) {
      deep = join(deep, "x".repeat(Math.min(200, lengthMax - deep.length - 1)));
    }
    mkdirSync(deep, { recursive: true });
    vi.stubEnv("TMPDIR", deep);
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(openKept(world, { hydrate: {} })).rejects.toMatchObject({ code: "IMAGE_FAILED" });
    expect(readdirSync(deep)).toEqual([]);
  });
});

describe("a local image", () => {
  it("is told to be complete once, also when that was found while others wrote", async () => {
    const world = await keptWorld();
    const gate = deferred<void>();
    let isWriting = false;
    const files = imageFilesWith((handle) => ({
      write: async (...args) => {
        isWriting = true;
        await gate.promise;
        return handle.write(...args);
      },
    }));
    const events: string[] = [];
    const { mount } = await openKept(world, {
      hydrate: { path: join(makeFolder(), "image.db"), files },
      onEvent: ({ type }) => events.push(type),
    });
    await expect.poll(() => isWriting).toBe(true);
    await world.write({ pages: [], pageCount: KEPT_PAGES + 1 });
    await mount.flush();
    gate.resolve();
    await mount.hydrated();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await mount.close();
    expect(events.filter((type) => type === "hydrated")).toHaveLength(1);
  });

  it("tells of each time that its disk is full", async () => {
    const world = await keptWorld();
    let isFull = false;
    const files = imageFilesWith((handle) => ({
      write: (...args) => (isFull ? Promise.reject(diskError("ENOSPC")) : handle.write(...args)),
    }));
    const events: string[] = [];
    const { mount } = await openKept(world, {
      hydrate: { path: join(makeFolder(), "image.db"), files },
      onEvent: ({ type }) => events.push(type),
    });
    const failures = () => events.filter((type) => type === "hydrationFailed").length;
    await mount.hydrated();
    isFull = true;
    await world.write({ pages: [KEPT_PAGES + 1] });
    await mount.flush();
    await expect.poll(failures).toBe(1);
    // The page that there was no room for is wanted no more.
    await world.write({ pages: [], pageCount: KEPT_PAGES });
    await mount.flush();
    await mount.hydrated();
    await world.write({ pages: [5] });
    await mount.flush();
    await expect.poll(failures).toBe(2);
    expect(mount.status().hydration).toMatchObject({ error: { code: "IMAGE_FAILED" } });
    isFull = false;
    await expect.poll(() => mount.status().hydration?.done).toBe(true);
    expect(mount.status().hydration?.error).toBe(undefined);
    await mount.close();
  });
});

describe("an image whose record cannot be read", () => {
  for (const [what, code] of [
    ["the record", "EMFILE"],
    ["its pages", "EIO"],
  ] as const) {
    it(`is begun anew and kept, when that is for ${what}`, async () => {
      const world = await keptWorld();
      const path = join(makeFolder(), "image.db");
      await hydrateAt(path, world);
      await world.write({ pages: [4] });
      let isBroken = true;
      const failOnce = () => {
        const error = isBroken ? diskError(code) : undefined;
        isBroken = false;
        if (error !== undefined) throw error;
      };
      const disk: Disk = {
        ...systemDisk,
        read: async (name) => {
          if (code === "EMFILE" && name.endsWith(".record")) failOnce();
          return systemDisk.read(name);
        },
      };
      const files = imageFilesWith((handle) => ({
        read: async (...args) => {
          if (code === "EIO" && args[3] > 0) failOnce();
          return handle.read(...args);
        },
      }));
      const { mount } = await openKept(world, { hydrate: { path, files }, disk });
      await mount.hydrated();
      await mount.close();
      expect(isBroken).toBe(false);
      expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
    });
  }

  it("is left as it is by a mount that is closed before it has looked", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const record = readFileSync(`${path}.record`, "utf8");
    const gate = deferred<void>();
    const files = imageFilesWith((handle) => ({
      read: async (...args) => {
        await gate.promise;
        return handle.read(...args);
      },
    }));
    const { mount } = await openKept(world, { hydrate: { path, files } });
    const closing = mount.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.resolve();
    await closing;
    expect(readFileSync(`${path}.record`, "utf8")).toBe(record);
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
  });
});
