import { truncateSync } from "node:fs";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { type SegmentFiles, systemSegmentFiles } from "../src/testing/index.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf, type Writer } from "./support/writing.ts";

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
});
