import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { decodeImageRecord, encodeImageRecord } from "../src/hydrate/image-record.ts";
import { diskError, imageFilesWith } from "./support/image-files-with.ts";
import { FEW_BYTES, hydrateAt, KEPT_PAGES, keptWorld, openKept } from "./support/kept-images.ts";
import { seededRandom } from "./support/random.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

const PAGE_SIZE = 4096;

/** A history of its own, with the same sizes. */
class OtherWorld extends World {
  override content(pgno: number, txid: number): Uint8Array {
    const page = super.content(pgno, txid);
    page.fill(0xa5, 100, 104);
    return page;
  }
}

function copyImage(path: string): string {
  const copy = join(makeFolder(), "image.db");
  copyFileSync(path, copy);
  const record = `${path}.record`;
  if (existsSync(record)) copyFileSync(record, `${copy}.record`);
  return copy;
}

const ALL_BYTES = KEPT_PAGES * PAGE_SIZE;

describe("an image that is kept", () => {
  it("is used again, without a request for its pages", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
    // The index and the beginning of the large file, and the small one.
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
  });

  it("gets what has changed since, and no more", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 3, 64, KEPT_PAGES + 2] });
    await world.write({ pages: [1], pageCount: KEPT_PAGES - 5 });
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
    await world.write({ pages: range(KEPT_PAGES - 4, KEPT_PAGES) });
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
  });

  it("has the pages of all files that were read to the end before it was closed", async () => {
    const world = new World({ pageSize: PAGE_SIZE, isRandom: true });
    await world.write({ pages: range(1, KEPT_PAGES) });
    await world.write({ pages: range(KEPT_PAGES + 1, 2 * KEPT_PAGES) });
    const path = join(makeFolder(), "image.db");
    const body = (await world.body(0, 1, 1)).slice();
    const damaged = body.slice();
    damaged[damaged.length >> 1]! ^= 1;
    await world.put(0, 1, 1, damaged);
    const { mount } = await openKept(world, { hydrate: { path } });
    await expect(mount.hydrated()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await mount.close();
    await world.put(0, 1, 1, body);
    const { bytes } = await hydrateAt(path, world);
    expect(bytes).toBeGreaterThan(ALL_BYTES);
    expect(bytes).toBeLessThan(1.3 * ALL_BYTES);
  });

  it("gets again what was written after its last record, as a crash leaves it", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const { mount } = await openKept(world, { hydrate: { path } });
    await mount.hydrated();
    await world.write({ pages: [5, 130] });
    await mount.flush();
    await mount.hydrated();
    const crashed = copyImage(path);
    await mount.close();
    expect(Buffer.compare(readFileSync(crashed), world.imageAt(3))).toBe(0);
    await world.write({ pages: [6] });
    expect((await hydrateAt(crashed, world)).bytes).toBeGreaterThan(2 * 63 * PAGE_SIZE);
  });

  it("has its bytes on disk before its record says so", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    const log: string[] = [];
    const files = imageFilesWith((handle) => ({
      write: (...args) => {
        log.push("write");
        return handle.write(...args);
      },
      sync: async () => {
        await handle.sync();
        log.push("sync");
      },
    }));
    const disk: Disk = {
      ...systemDisk,
      write: async (name, text) => {
        log.push(log.lastIndexOf("sync") > log.lastIndexOf("write") ? "record" : "early record");
        await systemDisk.write(name, text);
      },
    };
    const { mount } = await openKept(world, { hydrate: { path, files }, disk });
    await mount.hydrated();
    await world.write({ pages: [9] });
    await mount.flush();
    await mount.hydrated();
    await mount.close();
    expect(log.filter((entry) => entry.endsWith("record"))).toEqual(["record", "record"]);
    expect(log).toContain("write");
  });

  it("is used no more when the disk has lost what it had taken", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    let isBroken = false;
    const files = imageFilesWith((handle) => ({
      sync: () => (isBroken ? Promise.reject(diskError("EIO")) : handle.sync()),
    }));
    const { mount, device } = await openKept(world, { hydrate: { path, files } });
    await mount.hydrated();
    await expect.poll(() => existsSync(`${path}.record`)).toBe(true);
    const record = readFileSync(`${path}.record`, "utf8");
    isBroken = true;
    await world.write({ pages: [9] });
    await mount.flush();
    await mount.hydrated();
    await mount.close();
    expect(device.present.size).toBe(0);
    expect(mount.status().hydration).toMatchObject({ error: { code: "IMAGE_FAILED" } });
    expect(readFileSync(`${path}.record`, "utf8")).toBe(record);
    await hydrateAt(path, world);
  });

  it("gets damaged pages again", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const image = readFileSync(path);
    image[300 * PAGE_SIZE + 77]! ^= 4;
    writeFileSync(path, image);
    await hydrateAt(path, world);
    truncateSync(path, 100 * PAGE_SIZE);
    await hydrateAt(path, world);
  });

  for (const [what, harm] of [
    [
      "a record of which a byte is wrong",
      (text: string) => text.replace('"pageSize":4', '"pageSize":8'),
    ],
    ["a record that ends early", (text: string) => text.slice(0, text.length >> 1)],
    ["no record", () => ""],
  ] as const) {
    it(`is begun anew with ${what}`, async () => {
      const world = await keptWorld();
      const path = join(makeFolder(), "image.db");
      await hydrateAt(path, world);
      const record = `${path}.record`;
      writeFileSync(record, harm(readFileSync(record, "utf8")));
      expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
    });
  }

  it("is begun anew when it is of another replica", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const record = decodeImageRecord(readFileSync(`${path}.record`, "utf8"))!;
    writeFileSync(`${path}.record`, encodeImageRecord(record));
    expect((await hydrateAt(path, world)).bytes).toBeLessThan(FEW_BYTES);
    writeFileSync(`${path}.record`, encodeImageRecord({ ...record, replica: "another" }));
    expect((await hydrateAt(path, world)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("is begun anew for another page size", async () => {
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, await keptWorld());
    const other = new World({ pageSize: PAGE_SIZE / 2, isRandom: true });
    await other.write({ pages: range(1, KEPT_PAGES) });
    expect((await hydrateAt(path, other)).bytes).toBeGreaterThan(ALL_BYTES / 2);
  });

  it("is begun anew when its objects were replaced by others of the same names", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const other = new OtherWorld({ pageSize: PAGE_SIZE, isRandom: true });
    await other.write({ pages: range(1, KEPT_PAGES) });
    await other.write({ pages: [3, 200, KEPT_PAGES + 1] });
    for (const txid of [1, 2]) {
      const body = await other.body(0, txid, txid);
      expect(body).toHaveLength((await world.body(0, txid, txid)).length);
      await world.put(0, txid, txid, body);
    }
    expect((await hydrateAt(path, world, other)).bytes).toBeGreaterThan(ALL_BYTES);
  });

  it("has a record as the document says", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    const [digest, body] = readFileSync(`${path}.record`, "utf8").split("\n");
    expect(digest).toBe(createHash("sha256").update(body!).digest("hex"));
    const url = new URL("../../../docs/format/image-record.md", import.meta.url);
    const rows = readFileSync(url, "utf8").matchAll(/^\| `(\w+)` /gm);
    const record = JSON.parse(body!) as Record<string, unknown>;
    expect(Object.keys(record)).toEqual([...rows].map(([, name]) => name));
    expect(record.sources).toEqual([2, 0, 1, 1, 196, 0, 1, 1, KEPT_PAGES - 200, 0, 1, 1]);
    expect(Buffer.from(String(record.groups), "base64")).toHaveLength(16 * 10);
    expect(record.files).toHaveLength(2);
  });

  it("is not believed where an older state has been gone on from", async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.remove(0, 2, 2);
    const other = new World({ pageSize: PAGE_SIZE, isRandom: true });
    await other.write({ pages: range(1, KEPT_PAGES) });
    await other.write({ pages: [4] });
    await world.put(0, 2, 2, await other.body(0, 2, 2));
    expect((await hydrateAt(path, world, other)).bytes).toBeLessThan(4 * FEW_BYTES);
  });

  it("is never wrong, whatever happens between sessions", async () => {
    const below = seededRandom(20_260);
    const anyPage = () => 1 + below(KEPT_PAGES);
    const world = await keptWorld();
    let path = join(makeFolder(), "image.db");
    for (let round = 0; round < 12; round += 1) {
      const { mount } = await openKept(world, { hydrate: { path } });
      const count = below(4);
      for (let write = 0; write < count; write += 1) {
        const pages = Array.from({ length: 1 + below(80) }, anyPage);
        await world.write({ pages: new Set([1, ...pages]) });
        if (below(2) === 0) await mount.flush();
      }
      if (below(3) > 0) await mount.hydrated();
      const crashed = below(2) === 0 ? copyImage(path) : undefined;
      await mount.close();
      path = crashed ?? path;
      if (below(4) === 0) await world.snapshot(world.txid);
      if (below(2) === 0) await hydrateAt(path, world);
    }
    await hydrateAt(path, world);
  });
});
