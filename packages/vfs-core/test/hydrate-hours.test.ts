/**
 * Hours in which somebody writes, compacts, makes snapshots and deletes what is old, and a reader
 * with a local image follows; the clock runs ahead as soon as nobody has anything to do.
 */

import { describe, expect, it } from "vitest";
import { IdleClock } from "./support/idle-clock.ts";
import { openKept } from "./support/kept-images.ts";
import { MemoryDisk } from "./support/memory-disk.ts";
import { seededRandom } from "./support/random.ts";
import { listWorld, restore } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf, type Writer } from "./support/writing.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PAGES = 150;
const IMAGE_PATH = "/image.db";

type Reader = Awaited<ReturnType<typeof openKept>>;

/** Of each page, which version of it everybody should see. */
type Marks = ReadonlyMap<number, number>;

interface Held {
  readonly snapshot: ReturnType<Reader["device"]["snapshot"]>;
  readonly marks: Marks;
  readonly endMs: number;
}

class Hours {
  readonly clock = new IdleClock();
  readonly world = new World({ pageSize: 4096, isRandom: true, clock: this.clock });
  readonly disk = new MemoryDisk();
  hydratedCount = 0;
  readonly #below = seededRandom(4);
  #marks: Marks = new Map();
  #mark = 0;
  #held: Held | undefined;

  async openWriter(): Promise<Writer> {
    const { clock } = this;
    const compaction = { snapshotIntervalMs: 20 * MINUTE_MS, snapshotRetentionMs: HOUR_MS };
    return openWriter(
      this.world,
      {
        clock,
        compaction,
        lease: {},
        syncIntervalMs: 1000,
        cacheBytes: 0,
        journalDir: "/journal",
        disk: this.disk.disk,
      },
      { files: this.disk.segments },
    );
  }

  async openReader(): Promise<Reader> {
    const { clock } = this;
    const { disk, images, openImage } = this.disk;
    const hydrate = { path: IMAGE_PATH, files: images };
    return openKept(this.world, { clock, hydrate, disk, pollIntervalMs: 1000 }, { openImage });
  }

  commit({ device }: Writer): void {
    this.#mark += 1;
    const some = Array.from({ length: 3 }, () => 2 + this.#below(PAGES - 1));
    const pgnos = this.#mark === 1 ? range(1, PAGES) : [1, ...new Set(some)];
    device.commit(pagesOf(this.world, pgnos, this.#mark), PAGES);
    const marks = new Map(this.#marks);
    for (const pgno of pgnos) marks.set(pgno, this.#mark);
    this.#marks = marks;
  }

  /** Sees all, or what it saw before. */
  async look(writer: Writer, reader: Reader): Promise<void> {
    await writer.mount.flush();
    await reader.mount.flush();
    {
      using now = reader.device.snapshot();
      await this.#expectMarks(now, this.#marks);
    }
    const { clock } = this;
    if (this.#held !== undefined) await this.#expectMarks(this.#held.snapshot, this.#held.marks);
    if (this.#held !== undefined) {
      if (this.#held.endMs <= clock.nowMs()) this.letGo();
      return;
    }
    // Nobody needs what was before, so the image can be all that is now.
    await reader.mount.hydrated();
    this.hydratedCount += 1;
    const endMs = clock.nowMs() + 3 * MINUTE_MS;
    this.#held = { snapshot: reader.device.snapshot(), marks: this.#marks, endMs };
  }

  letGo(): void {
    this.#held?.snapshot[Symbol.dispose]();
    this.#held = undefined;
  }

  async #expectMarks(snapshot: Held["snapshot"], marks: Marks): Promise<void> {
    for (let count = 0; count < 8; count += 1) {
      const pgno = 1 + this.#below(PAGES);
      const page = await snapshot.readPage(pgno);
      const expected = this.world.content(pgno, marks.get(pgno)!);
      expect(Buffer.compare(page, expected), `page ${pgno}`).toBe(0);
    }
  }
}

describe("hours of following with a local image", () => {
  it("show every reader its state, and leave what a restore makes", async () => {
    const hours = new Hours();
    const { clock, world } = hours;
    const writer = await hours.openWriter();
    hours.commit(writer);
    await writer.mount.flush();
    for (let session = 1; session <= 3; session += 1) {
      const reader = await hours.openReader();
      for (let minute = 0; minute < 40; minute += 1) {
        for (let count = 0; count < 6; count += 1) {
          hours.commit(writer);
          await clock.sleep(10_000);
        }
        await hours.look(writer, reader);
      }
      hours.letGo();
      await writer.mount.flush();
      await reader.mount.flush();
      await reader.mount.hydrated();
      const { hydration, follow } = reader.mount.status();
      expect(hydration).toMatchObject({ done: true, error: undefined, pagesPresent: PAGES });
      expect(follow!.lastError).toBeUndefined();
      await reader.mount.close();
      const { image, txid } = await restore(world, { type: "latest" });
      expect(BigInt(txid)).toBe(writer.mount.status().txid);
      expect(Buffer.compare(hours.disk.image(IMAGE_PATH), image)).toBe(0);
      // Nobody reads for a while; then most pages are in objects that the image does not know.
      for (let count = 0; count < 60; count += 1) {
        hours.commit(writer);
        await clock.sleep(10_000);
      }
    }
    expect(hours.hydratedCount).toBeGreaterThan(20);
    const { jobs } = writer.mount.status().compaction!;
    for (const { name, fileCount, lastError } of jobs) {
      expect(lastError, name).toBeUndefined();
      expect(fileCount, name).toBeGreaterThan(1);
    }
    expect((await listWorld(world))[0]!.length).toBeLessThan(60);
    await writer.mount.close();
  }, 120_000);
});
