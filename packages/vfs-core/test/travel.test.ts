import { describe, expect, it } from "vitest";
import { LocalDeviceFactory, type Moment, openMount } from "../src/index.ts";
import { PASTS_MAX } from "../src/limits.ts";
import { WriterDeviceFactory } from "../src/testing/index.ts";
import { RacingClock } from "./support/clock.ts";
import { seededRandom } from "./support/random.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import {
  expectPages,
  expectPast,
  pastNames,
  snapshotOf,
  timeOf,
  writeHistory,
  writerSnapshotOf,
} from "./support/travelling.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

const ROUNDS = 60;

function before(txid: number): Moment {
  return { type: "timestamp", timestampMs: timeOf(txid) };
}

function upTo(txid: number): Moment {
  return { type: "txid", txid: BigInt(txid) };
}

describe("a past", () => {
  it("is each transaction of the replica, by number and by time, beside the present", async () => {
    const world = new World();
    await writeHistory(world, 12);
    await world.compact(
      1,
      range(1, 3).map((txid) => [0, txid, txid] as const),
      timeOf(3),
    );
    await using replica = await openWorld(world);
    for (const txid of range(1, 12)) {
      await using past = await replica.mount.at(upTo(txid));
      await expectPast(past, world, txid);
      expect(past.createdAtMs).toBe(timeOf(txid));
    }
    for (const txid of range(1, 11)) {
      // What was made at a moment is not in it.
      await using past = await replica.mount.at(before(txid + 1));
      await expectPast(past, world, txid);
    }
    await expectState(replica, world, 12);
    await writeHistory(world, 1);
    await using past = await replica.mount.at(upTo(3));
    await replica.mount.flush();
    await expectState(replica, world, 13);
    await expectPast(past, world, 3);
  });

  it.each([
    ["local", () => new LocalDeviceFactory()],
    ["writing", () => new WriterDeviceFactory()],
  ])("never takes the place of the present in a factory of %s devices", async (_kind, make) => {
    const world = new World();
    await writeHistory(world, 3);
    const { store, path, url } = world;
    const factory = make();
    const options = { name: "app.db", mode: "read", store, path, url, pollIntervalMs: 0 } as const;
    await using mount = await openMount(options, factory);
    const { device } = factory;
    await using past = await mount.at(upTo(1));
    expect(past.device).not.toBe(device);
    expect(factory.device).toBe(device);
    expect(device?.state().txid).toBe(3n);
  });

  it("is shared by those who ask for the same, one after another or at once", async () => {
    const world = new World();
    await writeHistory(world, 4);
    await using replica = await openWorld(world, { name: "app.db" });
    const asked = [before(3), upTo(2), { type: "timestamp", timestampMs: timeOf(2) + 1 } as const];
    const pasts = await Promise.all(asked.map((moment) => replica.mount.at(moment)));
    pasts.push(await replica.mount.at(upTo(2)));
    expect(new Set(pasts.map(({ device }) => device)).size).toBe(1);
    expect(pastNames(replica)).toEqual(["app.db@0000000000000002"]);
    await using other = await replica.mount.at(upTo(3));
    expect(pastNames(replica)).toEqual(["app.db@0000000000000002", other.name]);
    for (const past of pasts) {
      expect(pastNames(replica)).toHaveLength(2);
      await past.close();
      await past.close();
    }
    expect(pastNames(replica)).toEqual([other.name]);
  });

  it("stays as long as somebody reads it, and then goes", async () => {
    const world = new World();
    await writeHistory(world, 4);
    await using replica = await openWorld(world);
    const past = await replica.mount.at(upTo(2));
    const snapshot = snapshotOf(past);
    await past.close();
    await expectPages(snapshot, world, 2);
    expect(pastNames(replica)).toHaveLength(1);
    snapshot[Symbol.dispose]();
    expect(pastNames(replica)).toEqual([]);
    expect(() => snapshotOf(past)).toThrow(/closed/);
  });

  it("ends with the mount that it is of", async () => {
    const world = new World();
    await writeHistory(world, 2);
    const replica = await openWorld(world);
    const past = await replica.mount.at(upTo(1));
    const opening = replica.mount.at(upTo(2)).catch((error: unknown) => error);
    await replica.close();
    expect(() => snapshotOf(past)).toThrow(/closed/);
    expect(await opening).toMatchObject({ code: "CLOSED" });
    await expect(replica.mount.at(upTo(1))).rejects.toMatchObject({ code: "CLOSED" });
    await past.close();
  });

  it("that nobody waits for any more is let go of", async () => {
    const world = new World();
    await writeHistory(world, 3);
    await using replica = await openWorld(world);
    const reason = new Error("changed my mind");
    for (const turns of range(0, 30)) {
      const end = new AbortController();
      const opening = replica.mount.at(upTo(2), { signal: end.signal });
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      end.abort(reason);
      const past = await opening.catch((error: unknown) => error);
      if (past === reason) continue;
      await (past as Awaited<typeof opening>).close();
    }
    await expect.poll(() => pastNames(replica)).toEqual([]);
  });

  it("is refused when too many are open", async () => {
    const world = new World();
    await writeHistory(world, PASTS_MAX + 1);
    await using replica = await openWorld(world);
    const pasts = await Promise.all(
      range(1, PASTS_MAX).map((txid) => replica.mount.at(upTo(txid))),
    );
    const oneMore = () => replica.mount.at(upTo(PASTS_MAX + 1));
    await expect(oneMore()).rejects.toMatchObject({ code: "OPTION_INVALID" });
    await pasts[0]!.close();
    await using last = await oneMore();
    await expectPast(last, world, PASTS_MAX + 1);
  });
});

describe("a moment that no files lead to", () => {
  const refusals = async (world: World, moments: readonly Moment[]): Promise<string[]> => {
    await using replica = await openWorld(world);
    return await Promise.all(
      moments.map(async (moment) => {
        const error = await replica.mount.at(moment).catch((error: unknown) => error);
        expect(error).toMatchObject({ code: "MOMENT_NOT_FOUND" });
        return (error as Error).message;
      }),
    );
  };

  it("is told with what there is", async () => {
    const world = new World();
    await writeHistory(world, 9);
    await world.compact(
      1,
      range(2, 6).map((txid) => [0, txid, txid] as const),
      timeOf(6),
    );
    for (const txid of range(2, 6)) await world.remove(0, txid, txid);
    const future = Date.now() + 3_600_000;
    const [old, ahead, unknown, merged] = await refusals(world, [
      before(1),
      { type: "timestamp", timestampMs: future },
      upTo(10),
      upTo(4),
    ]);
    expect(old).toContain("the oldest state is that after 2026-01-01T00:00:01.000Z");
    expect(ahead).toContain("has not been yet; the newest transaction was made at");
    expect(unknown).toContain("transaction 10 is not in the bucket, which ends at 9");
    expect(merged).toContain("those around it are 1 and 6");
  });

  it("is told when retention has taken everything before it", async () => {
    const world = new World();
    await writeHistory(world, 5);
    await world.compact(
      9,
      range(1, 4).map((txid) => [0, txid, txid] as const),
      timeOf(4),
    );
    for (const txid of range(1, 4)) await world.remove(0, txid, txid);
    const [old, first] = await refusals(world, [before(4), upTo(2)]);
    expect(old).toContain("the oldest state is that after 2026-01-01T00:00:04.000Z");
    expect(first).toContain("the first that can is 4");
  });

  it("is no future when a transaction bears a later time", async () => {
    const world = new World();
    await writeHistory(world, 2);
    const aheadMs = Date.now() + 3_600_000;
    await world.write({ pages: [1], timestampMs: aheadMs });
    await using replica = await openWorld(world);
    await using past = await replica.mount.at({ type: "timestamp", timestampMs: aheadMs });
    await expectPast(past, world, 2);
  });
});

describe("a gap", () => {
  it("ends the way to a moment, as it does for Litestream", async () => {
    const world = new World();
    await writeHistory(world, 3);
    await using replica = await openWorld(world);
    await world.write({ pages: [2], timestampMs: timeOf(4), isPut: false });
    await writeHistory(world, 2);
    await using past = await replica.mount.at(before(6));
    await expectPast(past, world, 3);
  });

  it("that only one listing shows does not count", async () => {
    const world = new World();
    await writeHistory(world, 6);
    const late = await world.body(0, 4, 4);
    let listCount = 0;
    const store = storeWith(world.store, {
      list: async function* (prefix, options) {
        listCount += 1;
        yield* world.store.list(prefix, options);
        if (listCount === 2) await world.put(0, 4, 4, late, timeOf(4));
      },
    });
    await using replica = await openWorld(world, { store });
    await world.remove(0, 4, 4);
    await using past = await replica.mount.at(before(6));
    expect(listCount).toBe(3);
    await expectPast(past, world, 5);
  });
});

describe("where listings do not tell when a file was made", () => {
  it("asks for what matters, and once", async () => {
    const world = new World({ supports: { listedTimestamp: false } });
    await writeHistory(world, 10);
    const merge = (level: number, last: number) =>
      world.compact(
        level,
        range(1, last).map((txid) => [0, txid, txid] as const),
        timeOf(last),
      );
    await merge(9, 4);
    await merge(9, 6);
    await using replica = await openWorld(world);
    const heads = () => world.requests.filter(({ operation }) => operation === "head").length;
    for (const txid of range(4, 9)) {
      await using past = await replica.mount.at(before(txid + 1));
      await expectPast(past, world, txid);
      // Two snapshots; of level 0 what the older one does not hold whole.
      expect(heads()).toBe(2 + 7);
    }
  });
});

describe("files of a past that is read", () => {
  const openThird = async (world: World) => {
    // One page at a time, from the bucket.
    const replica = await openWorld(world, { cacheBytes: 0 });
    return { replica, past: await replica.mount.at(upTo(3)) };
  };

  it("may be compacted away, as long as others end there", async () => {
    const world = new World();
    await writeHistory(world, 5);
    const { replica, past } = await openThird(world);
    await world.compact(
      1,
      range(1, 3).map((txid) => [0, txid, txid] as const),
      timeOf(3),
    );
    for (const txid of range(1, 3)) await world.remove(0, txid, txid);
    await expectPast(past, world, 3);
    await replica.close();
  });

  it("that are gone for good are told by transaction and time", async () => {
    const world = new World();
    await writeHistory(world, 5);
    const { replica, past } = await openThird(world);
    await world.compact(
      9,
      range(1, 5).map((txid) => [0, txid, txid] as const),
      timeOf(5),
    );
    for (const txid of range(1, 4)) await world.remove(0, txid, txid);
    using snapshot = snapshotOf(past);
    await expect(snapshot.readPage(2)).rejects.toThrow(
      /transaction 3, of 2026-01-01T00:00:03.000Z, cannot be read any more: retention/,
    );
    await expectState(replica, world, 5);
    await replica.close();
  });

  it("that lead to a later moment only are used for what was the same by then", async () => {
    const world = new World();
    await writeHistory(world, 5);
    const { replica, past } = await openThird(world);
    await world.compact(
      1,
      [
        [0, 1, 1],
        [0, 2, 2],
      ],
      timeOf(2),
    );
    await world.compact(
      1,
      [
        [0, 3, 3],
        [0, 4, 4],
        [0, 5, 5],
      ],
      timeOf(5),
    );
    for (const txid of range(1, 4)) await world.remove(0, txid, txid);
    using snapshot = snapshotOf(past);
    // Of the first transaction and of the second; of the third; changed by the fourth.
    for (const pgno of [3, 4]) {
      expect(await snapshot.readPage(pgno), `${pgno}`).toEqual(world.pageAt(3, pgno));
    }
    for (const pgno of [5, 6]) {
      await expect(snapshot.readPage(pgno), `${pgno}`).rejects.toThrow("cannot be read any more");
    }
    await replica.close();
  });

  it("stay, or are moved, while a writer of the same process compacts", async () => {
    const clock = new RacingClock(20);
    const world = new World({ clock });
    const { mount, device } = await openWriter(world, {
      lease: { ttlMs: 3_600_000 },
      clock,
      cacheBytes: 0,
      compaction: {
        levelIntervalsMs: [500, 1000, 2000],
        snapshotIntervalMs: 4000,
        snapshotRetentionMs: 3000,
        level0RetentionMs: 1,
        retentionIntervalMs: 300,
      },
    });
    const writeOn = async (mark: number) => {
      const pgnos = mark === 1 ? range(1, 20) : [1, 2 + (mark % 19)];
      device.commit(pagesOf(world, pgnos, mark), 20);
      await mount.flush();
      return pgnos;
    };
    const marks = new Map<number, number>();
    for (const mark of range(1, 10)) {
      for (const pgno of await writeOn(mark)) marks.set(pgno, mark);
    }
    const past = await mount.at(upTo(10));
    expect(mount.mode).toBe("write");
    for (const mark of range(11, 40)) await writeOn(mark);
    const deleted = () =>
      mount.status().compaction!.jobs.find(({ name }) => name === "retention")!.fileCount;
    await expect.poll(deleted, { timeout: 30_000, interval: 20 }).toBeGreaterThan(10);
    {
      using snapshot = writerSnapshotOf(past);
      for (const [pgno, mark] of marks) {
        expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(world.content(pgno, mark));
      }
    }
    await past.close();
    await mount.close();
  });
});

describe("any moment of any replica", () => {
  it.each([1, 2, 3, 4])("is a state that there was, seed %i", async (seed) => {
    const random = seededRandom(seed);
    const world = new World({ supports: { listedTimestamp: seed % 2 === 0 } });
    await writeHistory(world, 30);
    const files = new Set(range(1, 30));
    for (const level of [1, 2, 3, 9]) {
      for (let first = level === 9 ? 1 : 1 + random(4); first < 30; ) {
        const last = Math.min(30, (level === 9 ? 4 : first) + random(6 * level));
        const names = range(first, last).map((txid) => [0, txid, txid] as const);
        await world.compact(level, names, timeOf(last));
        if (level === 9) break;
        first = last + 1;
      }
    }
    await using replica = await openWorld(world);
    for (let round = 0; round < ROUNDS; round += 1) {
      const timestampMs = timeOf(1) + 1 + random(timeOf(30) - timeOf(1));
      const newest = [...files].filter((txid) => timeOf(txid) < timestampMs).length;
      await using past = await replica.mount.at({ type: "timestamp", timestampMs });
      await expectPast(past, world, newest);
      const txid = 1 + random(30);
      await using other = await replica.mount.at(upTo(txid));
      await expectPast(other, world, txid);
    }
    expect(pastNames(replica)).toEqual([]);
  });
});
