import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { CompactionOptions, WriteMountOptions } from "../src/index.ts";
import { RacingClock } from "./support/clock.ts";
import { openWorld } from "./support/reading.ts";
import { describeLevels, listWorld } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf, type Writer } from "./support/writing.ts";

const HOUR_MS = 3_600_000;

/** Of the mount and of the store. */
const CLOCK = new RacingClock(20);

/** Everything as soon as it can be: the clock runs ahead. */
const SOON: CompactionOptions = {
  levelIntervalsMs: [500, 1000, 2000],
  snapshotIntervalMs: 4000,
  snapshotRetentionMs: 3000,
  level0RetentionMs: 1,
  retentionIntervalMs: 300,
};

const PAGES = 40;

async function openSoon(world: World, options: Partial<WriteMountOptions> = {}): Promise<Writer> {
  return openWriter(world, {
    lease: { ttlMs: HOUR_MS },
    clock: CLOCK,
    compaction: SOON,
    cacheBytes: 0,
    ...options,
  });
}

/** Page 1 and another one in each transaction; gives the mark of each page. */
async function writeOn({ mount, device }: Writer, world: World, marks: Map<number, number>) {
  const mark = Math.max(0, ...marks.values()) + 1;
  const pgnos = mark === 1 ? range(1, PAGES) : [1, 2 + (mark % (PAGES - 1))];
  for (const pgno of pgnos) marks.set(pgno, mark);
  device.commit(pagesOf(world, pgnos, mark), PAGES);
  await mount.flush();
}

async function countFiles(world: World, level: number): Promise<number> {
  return (await listWorld(world))[level]!.length;
}

async function expectMarks(
  world: World,
  snapshot: { readPage(pgno: number): Promise<Uint8Array> },
  marks: ReadonlyMap<number, number>,
): Promise<void> {
  for (const [pgno, mark] of marks) {
    expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(world.content(pgno, mark));
  }
}

/** Of level 0: the newest file, and the one with which the writer began. */
const KEPT = 2;

const PATIENCE = { timeout: 30_000, interval: 20 };

describe("a writer that compacts its replica", () => {
  it("reads all pages after its own files are gone, without looking for them", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world, { compaction: { ...SOON, snapshotRetentionMs: HOUR_MS } });
    const marks = new Map<number, number>();
    for (let count = 0; count < 60; count += 1) await writeOn(writer, world, marks);
    const deletedCount = () => writer.mount.status().compaction!.jobs.at(-1)!.fileCount;
    await expect.poll(deletedCount, PATIENCE).toBe(58);
    const status = writer.mount.status().compaction!;
    expect(status.jobs.map(({ name }) => name)).toEqual([
      "level 1",
      "level 2",
      "level 3",
      "snapshot",
      "retention",
    ]);
    expect(status.levels[0]).toMatchObject({ level: 0, fileCount: KEPT });
    world.requests.length = 0;
    using snapshot = writer.device.snapshot();
    await expectMarks(world, snapshot, marks);
    const readGets = world.requests.filter(({ operation }) => operation === "get");
    expect(readGets.length).toBeGreaterThan(0);
    expect(readGets.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    await writer.mount.close();
    await using replica = await openWorld(world);
    using after = replica.snapshot();
    expect(after.txid).toBe(60n);
    await expectMarks(world, after, marks);
  });

  it("reads all pages when all but the newest file of each level is gone", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world);
    const marks = new Map<number, number>();
    for (let count = 0; count < 40; count += 1) await writeOn(writer, world, marks);
    const countAll = async () => (await listWorld(world)).map((files) => files.length);
    await expect.poll(countAll, PATIENCE).toEqual([KEPT, 1, 1, 1, 0, 0, 0, 0, 0, 1]);
    world.requests.length = 0;
    using snapshot = writer.device.snapshot();
    await expectMarks(world, snapshot, marks);
    expect(world.requests.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    await writer.mount.close();
  });

  it("keeps for a long reader what it needs, until the reader has ended", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world);
    const marks = new Map<number, number>();
    for (let count = 0; count < 20; count += 1) await writeOn(writer, world, marks);
    const long = writer.device.snapshot();
    const then = new Map(marks);
    for (let count = 0; count < 20; count += 1) await writeOn(writer, world, marks);
    const isDone = () =>
      writer.mount.status().compaction!.jobs.find(({ name }) => name === "retention")!.fileCount;
    await expect.poll(isDone, PATIENCE).toBeGreaterThan(0);
    await expect.poll(() => countFiles(world, 2), PATIENCE).toBeGreaterThan(0);
    await expectMarks(world, long, then);
    {
      using now = writer.device.snapshot();
      await expectMarks(world, now, marks);
    }
    long[Symbol.dispose]();
    await writeOn(writer, world, marks);
    await expect.poll(() => countFiles(world, 0), PATIENCE).toBe(KEPT);
    using now = writer.device.snapshot();
    await expectMarks(world, now, marks);
    await writer.mount.close();
  });

  it("goes on writing while compaction fails, and tells of it", async () => {
    const world = new World({ clock: CLOCK });
    const rules = [
      { fault: { type: "before", code: "FORBIDDEN" }, keyPrefix: `${world.path}/0001/` },
    ] as const;
    const store = faulty(world.store, { rules: [] });
    const writer = await openSoon(world, { store });
    store.setRules(rules);
    const marks = new Map<number, number>();
    await writeOn(writer, world, marks);
    const errorOf = () => writer.mount.status().compaction!.jobs[0]!.lastError?.code;
    await expect.poll(errorOf, PATIENCE).toBe("STORE_FORBIDDEN");
    await writeOn(writer, world, marks);
    expect(writer.mount.status()).toMatchObject({ txid: 2n, sync: { lastError: undefined } });
    store.setRules([]);
    await expect.poll(errorOf, PATIENCE).toBeUndefined();
    await expect.poll(() => countFiles(world, 1), PATIENCE).toBeGreaterThan(0);
    await writer.mount.close();
  });

  it("hydrates meanwhile, and the image is whole in the end", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world, { hydrate: {} });
    const marks = new Map<number, number>();
    for (let count = 0; count < 40; count += 1) await writeOn(writer, world, marks);
    await expect.poll(() => countFiles(world, 0), PATIENCE).toBe(KEPT);
    await expect.poll(() => writer.mount.status().hydration!.done, PATIENCE).toBe(true);
    world.requests.length = 0;
    using snapshot = writer.device.snapshot();
    await expectMarks(world, snapshot, marks);
    expect(writer.mount.status().hydration).toMatchObject({
      pagesPresent: PAGES,
      error: undefined,
    });
    await writer.mount.close();
  });

  it("asks the store for nothing when there is nothing to do", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world);
    await writeOn(writer, world, new Map());
    const countAll = async () => (await listWorld(world)).map((files) => files.length);
    await expect.poll(countAll, PATIENCE).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 1]);
    const runsOf = () => writer.mount.status().compaction!.jobs.map(({ lastRunMs }) => lastRunMs!);
    const before = runsOf();
    world.requests.length = 0;
    await expect.poll(() => runsOf().every((ms, job) => ms > before[job]!), PATIENCE).toBe(true);
    expect(world.requests.filter(({ key }) => key?.endsWith("lock.json") !== true)).toEqual([]);
    await writer.mount.close();
  });

  it("stops when the mount is closed", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world);
    await writeOn(writer, world, new Map());
    await writer.mount.close();
    const before = describeLevels(await listWorld(world));
    world.requests.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(world.requests).toEqual([]);
    expect(describeLevels(await listWorld(world))).toEqual(before);
  });

  it("stops when another has taken the lease", async () => {
    const world = new World({ clock: CLOCK });
    const writer = await openSoon(world, { lease: { ttlMs: 5000 } });
    const marks = new Map<number, number>();
    await writeOn(writer, world, marks);
    const condition = { type: "none" } as const;
    await world.store.delete(`${world.path}/lock.json`, { condition });
    await expect.poll(() => writer.mount.status().sync!.state, PATIENCE).toBe("fenced");
    const runs = () => writer.mount.status().compaction!.jobs.map(({ lastRunMs }) => lastRunMs);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = runs();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runs()).toEqual(before);
    await writer.mount.close();
  });
});

describe("whether a writer compacts", () => {
  it("not without a lease, and not when it is off", async () => {
    const world = new World();
    const alone = await openWriter(world, { lease: "off" });
    expect(alone.mount.status().compaction).toBeUndefined();
    await alone.mount.close();
    const off = await openWriter(world, { lease: {}, compaction: "off" });
    expect(off.mount.status().compaction).toBeUndefined();
    await off.mount.close();
    const on = await openWriter(world, { lease: {} });
    expect(on.mount.status().compaction?.jobs).toHaveLength(5);
    await on.mount.close();
  });

  const WRONG: readonly Partial<WriteMountOptions>[] = [
    { lease: "off", compaction: {} },
    { lease: {}, compaction: { levelIntervalsMs: [0] } },
    { lease: {}, compaction: { levelIntervalsMs: Array(9).fill(1000) } },
    { lease: {}, compaction: { snapshotIntervalMs: -1 } },
    { lease: {}, compaction: { level0RetentionMs: Number.NaN } },
  ];
  it("and options that make no sense are refused", async () => {
    for (const options of WRONG) {
      const opening = openWriter(new World(), options);
      await expect(opening).rejects.toMatchObject({ code: "OPTION_INVALID" });
    }
  });
});
