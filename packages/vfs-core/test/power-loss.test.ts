import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { type SegmentFiles, systemSegmentFiles } from "../src/testing/index.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

/** Segments of which only what was flushed is there after the power was lost. */
class VolatileFiles implements SegmentFiles {
  readonly #sizes = new Map<string, { size: number; flushed: number }>();

  create(path: string): void {
    systemSegmentFiles.create(path);
    this.#sizes.set(path, { size: 0, flushed: 0 });
  }

  append(path: string, text: string): void {
    systemSegmentFiles.append(path, text);
    this.#sizes.get(path)!.size += text.length;
  }

  read(path: string): string {
    return systemSegmentFiles.read(path);
  }

  sync(path: string): void {
    const sizes = this.#sizes.get(path);
    if (sizes !== undefined) sizes.flushed = sizes.size;
  }

  losePower(): void {
    for (const [path, { flushed }] of this.#sizes) {
      try {
        truncateSync(path, flushed);
      } catch {
        // It was removed, being in the bucket.
      }
    }
  }
}

/** The power is lost once a new state is there by name, and the folder was not flushed since. */
class LosingNames {
  /** Segments whose removal would not survive. */
  readonly #removed = new Map<string, Buffer>();
  #isLost = false;

  readonly disk: Disk = {
    ...systemDisk,
    remove: async (path) => {
      if (path.endsWith(".journal")) this.#removed.set(path, readFileSync(path));
      await systemDisk.remove(path);
    },
    rename: async (from, to) => {
      await systemDisk.rename(from, to);
      this.#isLost = to.endsWith("state.json");
    },
    syncFolder: async (path) => {
      if (this.#isLost) throw new Error("the power is lost");
      await systemDisk.syncFolder(path);
      this.#removed.clear();
    },
  };

  bringBack(): void {
    for (const [path, bytes] of this.#removed) writeFileSync(path, bytes);
  }
}

async function losePower({ mount }: Writer, files: VolatileFiles): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
  files.losePower();
}

describe("after a loss of power", () => {
  it("the journal has every commit of an upload that may have been sent", async () => {
    const world = new World();
    await world.write({ pages: range(1, 5) });
    const store = faulty(world.store, {
      rules: [{ fault: { type: "before", code: "FORBIDDEN" }, operation: "put" }],
    });
    const files = new VolatileFiles();
    const first = await openWriter(world, { store }, { files });
    first.device.commit(pagesOf(world, [2], 7), 5);
    await expect(first.mount.flush()).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
    await losePower(first, files);
    const second = await openWriter(world, { journalDir: first.journalDir });
    expect(second.device.state().seq).toBe(1);
    await second.mount.close();
  });

  it("the journal lacks no commit before one that it has", async () => {
    const world = new World();
    await world.write({ pages: range(1, 5) });
    const store = faulty(world.store, {
      rules: [{ fault: { type: "slow", delayMs: 50 }, operation: "put", times: 1 }],
    });
    const files = new VolatileFiles();
    const first = await openWriter(world, { store }, { files });
    first.device.commit(pagesOf(world, [2], 7), 5);
    const flushed = first.mount.flush();
    while (first.mount.status().sync?.state !== "uploading") await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    first.device.commit(pagesOf(world, [3], 8), 5);
    await flushed;
    // Another segment by now; and somebody has every commit in it flushed.
    first.device.commit(pagesOf(world, [4], 9), 5);
    first.device.journal.fsync();
    await losePower(first, files);
    const second = await openWriter(world, { journalDir: first.journalDir });
    expect(second.device.state().seq).toBe(3);
    using now = second.device.snapshot();
    expect(await now.readPage(3)).toEqual(world.content(3, 8));
    expect(await now.readPage(4)).toEqual(world.content(4, 9));
    await second.mount.close();
  });

  it("a promotion has none of the commits that an earlier run has uploaded", async () => {
    const world = new World();
    await world.write({ pages: range(1, 3) });
    const journalDir = makeFolder();
    // It ends when the upload is written down, and its segment is still there.
    const killed: Disk = { ...systemDisk, remove: async () => {} };
    const first = await openWriter(world, { journalDir, disk: killed });
    for (const mark of range(1, 9)) first.device.commit(pagesOf(world, [2], mark), 3);
    await first.mount.flush();
    await (first.mount as unknown as { abandon(): Promise<void> }).abandon();
    const other = await openWriter(world);
    other.device.commit(pagesOf(world, [2], 77), 3);
    const txid = await other.mount.flush();
    await other.mount.close();
    const losing = new LosingNames();
    const { mount } = await openPlayer(world, { journalDir, disk: losing.disk, lease: "off" });
    await expect(mount.promote()).rejects.toThrow("the power is lost");
    await mount.close();
    losing.bringBack();
    const last = await openWriter(world, { journalDir });
    using now = last.device.snapshot();
    expect(await now.readPage(2)).toEqual(world.content(2, 77));
    expect(await last.mount.flush()).toBe(txid);
    await last.mount.close();
  });
});
