import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileTable } from "../src/file-table.ts";
import { isUnchanged } from "../src/hydrate/find-since.ts";
import { PageSet } from "../src/hydrate/page-set.ts";
import { JumpingClock } from "./support/clock.ts";
import { imageFilesWith } from "./support/image-files-with.ts";
import {
  bytesOf,
  FEW_BYTES,
  hydrateAt,
  KEPT_PAGES,
  keptWorld,
  openKept,
} from "./support/kept-images.ts";
import { seededRandom } from "./support/random.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf } from "./support/writing.ts";

const ALL_BYTES = KEPT_PAGES * 4096;

describe("a page that may have changed", () => {
  const changed = new PageSet();
  changed.add(8);
  const history = new FileTable();
  const since = { anchorTxid: 5n, chain: [], txid: 9n, history, changed, pageCountMin: 100 };
  const file = { name: "some", maxTxid: 5n, isSound: true };

  it("has not, if it was written before, is in no file since, and was never cut off", () => {
    expect(isUnchanged(since, 7, file)).toBe(true);
    expect(isUnchanged(since, 8, file)).toBe(false);
    expect(isUnchanged(since, 7, { ...file, maxTxid: 6n })).toBe(false);
    expect(isUnchanged(since, 100, file)).toBe(true);
    expect(isUnchanged(since, 101, file)).toBe(false);
  });
});

describe("a kept image whose pages are in other objects now", () => {
  it("keeps what did not change when a snapshot has everything", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 77] });
    await world.write({ pages: [1, 300] });
    await world.snapshot(4);
    const { bytes } = await hydrateAt(path, world);
    expect(bytes).toBeLessThan(3 * FEW_BYTES);
    // What it has found out is in its record.
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(2 * FEW_BYTES);
  });

  it("does so when only compacted files tell what has changed", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 77] });
    await world.write({ pages: [1, 300] });
    await world.compact(1, [
      [0, 2, 2],
      [0, 3, 3],
      [0, 4, 4],
    ]);
    await world.snapshot(4);
    for (const txid of [2, 3, 4]) await world.remove(0, txid, txid);
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(3 * FEW_BYTES);
  });

  it("fetches everything when files are missing in between", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 77] });
    await world.write({ pages: [1, 300] });
    await world.snapshot(4);
    await world.remove(0, 3, 3);
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("fetches everything when nothing of before is left to go on from", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 77] });
    await world.snapshot(3);
    for (const txid of [1, 2]) await world.remove(0, txid, txid);
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("keeps nothing from above a size that the database has had since", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1], pageCount: 100 });
    await world.write({ pages: [1, ...range(101, KEPT_PAGES)] });
    await world.snapshot(4);
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES / 2);
  });

  it("is not misled by another history with files of the same names", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const other = new World({ pageSize: 4096, isRandom: true });
    await other.write({ pages: range(1, KEPT_PAGES) });
    await other.write({ pages: [1, 444] });
    await other.write({ pages: [1, 555] });
    await other.snapshot(3);
    for (const txid of [2, 3]) await world.put(0, txid, txid, await other.body(0, txid, txid));
    await world.put(9, 1, 3, await other.body(9, 1, 3));
    await hydrateAt(path, world, other);
  });

  it("keeps what the mount itself has uploaded", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const writer = await openWriter(world, { hydrate: { path } });
    const pages = pagesOf(world, [1, 9], 33);
    writer.device.commit(pages, KEPT_PAGES + 1);
    await writer.mount.flush();
    await writer.mount.hydrated();
    await writer.mount.close();
    await world.compact(1, [
      [0, 1, 1],
      [0, 2, 2],
      [0, 3, 3],
    ]);
    world.requests.length = 0;
    const { mount, device } = await openKept(world, { hydrate: { path } });
    await mount.hydrated();
    using snapshot = device.snapshot();
    for (const [pgno, page] of pages) expect(await snapshot.readPage(pgno)).toEqual(page);
    await mount.close();
    expect(bytesOf(world)).toBeLessThan(3 * FEW_BYTES);
  });

  it("has nothing in its record that changed while that was made", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const clock = new JumpingClock();
    let onSync = async () => {};
    const files = imageFilesWith((handle) => ({
      sync: async () => {
        await onSync();
        await handle.sync();
      },
    }));
    const { mount, device } = await openKept(world, { hydrate: { path, files }, clock });
    await mount.hydrated();
    const recordOf = () => (existsSync(`${path}.record`) ? readFileSync(`${path}.record`) : "");
    await expect.poll(recordOf).not.toBe("");
    const before = recordOf().toString();
    let held: Disposable | undefined;
    onSync = async () => {
      onSync = async () => {};
      // A reader of the state before keeps page 77 from being written again.
      held = device.snapshot();
      await world.write({ pages: [1, 77] });
      await mount.flush();
    };
    clock.jump(20_000);
    await world.write({ pages: [1, 300] });
    await mount.flush();
    await expect.poll(() => recordOf().toString()).not.toBe(before);
    const crashed = join(makeFolder(), "image.db");
    copyFileSync(path, crashed);
    copyFileSync(`${path}.record`, `${crashed}.record`);
    held![Symbol.dispose]();
    await mount.close();
    await world.snapshot(4);
    await hydrateAt(crashed, world);
  });

  it("is never wrong, whatever is compacted and deleted between sessions", async () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const below = seededRandom(seed);
      const world = await keptWorld();
      const path = join(makeFolder(), "image.db");
      await hydrateAt(path, world);
      for (let round = 0; round < 3; round += 1) {
        const first = world.txid + 1;
        for (let count = 1 + below(4); count > 0; count -= 1) {
          const pageCount = below(4) === 0 ? KEPT_PAGES - below(200) : undefined;
          const before = world.pageCountAt(world.txid);
          const last = pageCount ?? KEPT_PAGES;
          const grown = range(before + 1, last);
          const some = Array.from({ length: 1 + below(30) }, () => 1 + below(last));
          await world.write({ pages: new Set([1, ...some, ...grown]), pageCount: last });
        }
        const names = range(first, world.txid).map((txid) => [0, txid, txid] as const);
        if (below(2) === 0 && names.length > 1) {
          await world.compact(1, names);
          if (below(2) === 0) for (const [, txid] of names) await world.remove(0, txid, txid);
        }
        if (below(2) === 0) await world.snapshot(world.txid);
        await hydrateAt(path, world);
      }
    }
  });
});
