import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openReader } from "./support/read-mount.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf } from "./support/writing.ts";

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 500 && !condition(); count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(condition()).toBe(true);
}

describe("hydration", () => {
  for (const [pageSize, isRandom] of [
    [512, false],
    [4096, true],
    [65_536, true],
  ] as const) {
    it(`makes the file that a restore makes, pages of ${pageSize}`, async () => {
      const world = new World({ pageSize, isRandom });
      await world.write({ pages: range(1, 120) });
      await world.write({ pages: [3, 4, 130], pageCount: 130 });
      await world.write({ pages: range(121, 129) });
      await world.write({ pages: [1, 64], pageCount: 125 });
      const path = join(makeFolder(), "image.db");
      const { mount, device } = await openReader(world, { hydrate: { path } });
      await mount.hydrated();
      expect(mount.status().hydration).toEqual({
        path,
        pagesPresent: 125,
        pageCount: 125,
        done: true,
        error: undefined,
      });
      device.requestCount = 0;
      using snapshot = device.snapshot();
      for (const pgno of [1, 3, 64, 125]) {
        expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(4, pgno));
      }
      expect(device.requestCount).toBe(0);
      await mount.close();
      expect(Buffer.compare(readFileSync(path), world.imageAt(4))).toBe(0);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });
  }

  it("asks for each byte once, in large ranges", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 3000) });
    const { mount } = await openReader(world, { hydrate: {} });
    await mount.hydrated();
    await mount.close();
    const gets = world.requests.filter(({ operation }) => operation === "get");
    const bytes = gets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(gets.length).toBeLessThan(10);
    expect(bytes).toBeLessThan(3000 * 4096 * 1.1);
  });

  it("flows in what is polled, when no reader needs what it replaces", async () => {
    const world = new World();
    await world.write({ pages: range(1, 50) });
    const path = join(makeFolder(), "image.db");
    const { mount, device } = await openReader(world, { hydrate: { path } });
    await mount.hydrated();
    const old = device.snapshot();
    await world.write({ pages: [7, 51] });
    await world.write({ pages: [1, 8], pageCount: 40 });
    await mount.flush();
    const now = device.snapshot();
    for (const pgno of [7, 8, 9, 40]) {
      expect(await old.readPage(pgno)).toEqual(world.pageAt(1, pgno));
      expect(await now.readPage(pgno)).toEqual(world.pageAt(3, pgno));
    }
    expect(await old.readPage(50)).toEqual(world.pageAt(1, 50));
    expect(mount.status().hydration).toMatchObject({ done: false, pagesPresent: 37 });
    old[Symbol.dispose]();
    await until(() => mount.status().hydration?.done === true);
    device.requestCount = 0;
    for (const pgno of range(1, 40)) {
      expect(await now.readPage(pgno)).toEqual(world.pageAt(3, pgno));
    }
    expect(device.requestCount).toBe(0);
    now[Symbol.dispose]();
    await mount.close();
    expect(Buffer.compare(readFileSync(path), world.imageAt(3))).toBe(0);
  });

  it("never shows a reader anything but its snapshot while it runs and polls go on", async () => {
    const world = new World();
    await world.write({ pages: range(1, 400) });
    const { mount, device } = await openReader(world, { hydrate: {} });
    const held = [{ txid: 1, snapshot: device.snapshot() }];
    for (let round = 0; round < 30; round += 1) {
      await world.write({ pages: [1, 2 + round * 3, 3 + ((round * 37) % 390)] });
      await mount.flush();
      held.push({ txid: world.txid, snapshot: device.snapshot() });
      for (const { txid, snapshot } of held) {
        for (const pgno of [1, 2 + round * 3, 3 + ((round * 37) % 390), 300]) {
          expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(txid, pgno));
        }
      }
      if (held.length > 4) held.shift()!.snapshot[Symbol.dispose]();
    }
    for (const { snapshot } of held) snapshot[Symbol.dispose]();
    await until(() => mount.status().hydration?.done === true);
    await mount.close();
  });

  it("goes on from compacted files when those it reads are deleted", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await world.write({ pages: range(20, 90) });
    const path = join(makeFolder(), "image.db");
    const opening = openReader(world, { hydrate: { path } });
    const { mount } = await opening;
    await world.snapshot(2);
    await world.remove(0, 1, 1);
    await world.remove(0, 2, 2);
    await mount.hydrated();
    await mount.close();
    expect(Buffer.compare(readFileSync(path), world.imageAt(2))).toBe(0);
  });

  it("goes on from compacted files when an older state cannot be made of them", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 120) });
    await world.write({ pages: range(1, 110) });
    await world.write({ pages: [1, 20] });
    const { mount, device } = await openReader(world, { warmUp: false, hydrate: {} });
    await mount.hydrated();
    const old = device.snapshot();
    await world.write({ pages: range(30, 109) });
    await world.write({ pages: [1] });
    await mount.flush();
    const names = [2, 3, 4].map((txid) => [0, txid, txid] as const);
    await world.compact(1, names);
    for (const name of names) await world.remove(...name);
    // What the page was then, no file has any more.
    await expect(old.readPage(90)).rejects.toMatchObject({ code: "READ_FAILED" });
    old[Symbol.dispose]();
    await mount.hydrated({ signal: AbortSignal.timeout(10_000) });
    device.requestCount = 0;
    using snapshot = device.snapshot();
    for (const pgno of [1, 20, 30, 90]) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(5, pgno));
    }
    expect(device.requestCount).toBe(0);
    await mount.close();
  });

  it("leaves nothing behind without a path", async () => {
    const world = new World();
    await world.write({ pages: range(1, 10) });
    const { mount } = await openReader(world, { hydrate: {} });
    await mount.hydrated();
    expect(mount.status().hydration?.path).toBeUndefined();
    await mount.close();
  });

  it("starts from nothing in a file that is there, and refuses one that is in use", async () => {
    const world = new World();
    await world.write({ pages: range(1, 10) });
    const path = join(makeFolder(), "image.db");
    writeFileSync(path, new Uint8Array(100_000).fill(7));
    const { mount } = await openReader(world, { hydrate: { path } });
    await mount.hydrated();
    await expect(openReader(world, { hydrate: { path } })).rejects.toMatchObject({
      code: "IMAGE_LOCKED",
    });
    await mount.close();
    expect(Buffer.compare(readFileSync(path), world.imageAt(1))).toBe(0);
  });

  it("says where it cannot write", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const hydrate = { path: join(makeFolder(), "no", "such", "folder", "image.db") };
    await expect(openReader(world, { hydrate })).rejects.toMatchObject({ code: "IMAGE_FAILED" });
  });

  it("is refused as a question when it is off", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const { mount } = await openReader(world);
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await mount.close();
  });
});

describe("hydration while writing", () => {
  it("takes local commits in once they are in the bucket", async () => {
    const world = new World();
    await world.write({ pages: range(1, 40) });
    const path = join(makeFolder(), "image.db");
    const { mount, device } = await openWriter(world, { hydrate: { path }, cacheBytes: 0 });
    await mount.hydrated();
    const marks = new Map(range(1, 40).map((pgno) => [pgno, 1]));
    for (let mark = 2; mark < 12; mark += 1) {
      const before = device.snapshot();
      const old = marks.get(mark)!;
      device.commit(pagesOf(world, [1, mark], mark), 40);
      marks.set(1, mark).set(mark, mark);
      using now = device.snapshot();
      expect(await now.readPage(mark)).toEqual(world.content(mark, mark));
      await mount.flush();
      expect(await before.readPage(mark)).toEqual(world.content(mark, old));
      expect(await now.readPage(mark)).toEqual(world.content(mark, mark));
      before[Symbol.dispose]();
    }
    device.commit(pagesOf(world, [2], 50), 30);
    await mount.flush();
    await until(() => mount.status().hydration?.done === true);
    device.requestCount = 0;
    using last = device.snapshot();
    for (const pgno of range(3, 30)) {
      expect(await last.readPage(pgno)).toEqual(world.content(pgno, marks.get(pgno)!));
    }
    expect(await last.readPage(2)).toEqual(world.content(2, 50));
    expect(device.requestCount).toBe(0);
    await mount.close();
    expect(readFileSync(path)).toHaveLength(30 * 512);
  });

  it("begins with the first upload of a new database", async () => {
    const world = new World();
    const path = join(makeFolder(), "image.db");
    const { mount, device } = await openWriter(world, { hydrate: { path } });
    device.commit(pagesOf(world, range(1, 5), 3), 5);
    await mount.flush();
    await mount.hydrated();
    await mount.close();
    const image = readFileSync(path);
    expect(image.subarray(1024, 1536)).toEqual(Buffer.from(world.content(3, 3)));
  });
});
