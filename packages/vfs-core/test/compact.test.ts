import {
  decodeLtx,
  encodeLtx,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
  verifyLtx,
} from "@headwater/ltx";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { readSound } from "../src/compact/merge-sources.ts";
import { HeadwaterError } from "../src/errors.ts";
import { WHOLE_FILE_BYTES } from "../src/limits.ts";
import { RequestQueue } from "../src/read/request-queue.ts";
import { CountingClock, StillClock } from "./support/clock.ts";
import { compactorOf, describeLevels, listWorld, replicaOf, restore } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

const LATEST = { type: "latest" } as const;

/** Of each transaction, made a second after the one before. */
async function writeMany(world: World, count: number, pageCount = 6): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const txid = world.txid + 1;
    const pages = txid === 1 ? range(1, pageCount) : [1, 2 + (txid % (pageCount - 1))];
    await world.write({ pages, pageCount, timestampMs: txid * 1000 });
  }
}

async function expectRestores(world: World, txids: readonly number[]): Promise<void> {
  const levels = await listWorld(world);
  for (const txid of txids) {
    const restored = await restore(world, { type: "txid", txid: BigInt(txid) }, levels);
    expect(restored.txid).toBe(txid);
    expect(restored.image, `transaction ${txid}`).toEqual(world.imageAt(txid));
  }
  expect(await restore(world, LATEST, levels)).toEqual({
    txid: world.txid,
    image: world.imageAt(world.txid),
  });
}

async function levelsOf(world: World): Promise<string[]> {
  return describeLevels(await listWorld(world));
}

const TIMES = { nowMs: 1_000_000, level0RetentionMs: 1, snapshotRetentionMs: 1 };

describe("compacting", () => {
  it("merges level after level; the newest copy of each page wins", async () => {
    const world = new World();
    const compactor = compactorOf(world);
    await writeMany(world, 4);
    expect(await compactor.compact(1)).toBe(1);
    await writeMany(world, 3);
    expect(await compactor.compact(1)).toBe(1);
    expect(await compactor.compact(2)).toBe(1);
    expect(await levelsOf(world)).toEqual([
      "0: 1-1 2-2 3-3 4-4 5-5 6-6 7-7",
      "1: 1-4 5-7",
      "2: 1-7",
    ]);
    await expectRestores(world, range(1, 7));
    const { header } = decodeLtx(await world.body(1, 5, 7));
    expect(header).toMatchObject({ timestampMs: 7000, nodeId: 0n, noChecksum: true, commit: 6 });
    expect((await listWorld(world))[1]!.map((file) => file.createdAtMs)).toEqual([4000, 7000]);
  });

  it("takes the newest time of its sources, also when a clock went back", async () => {
    const world = new World();
    await world.write({ pages: [1], timestampMs: 5000 });
    await world.write({ pages: [1], timestampMs: 3000 });
    await compactorOf(world).compact(1);
    expect(decodeLtx(await world.body(1, 1, 2)).header.timestampMs).toBe(5000);
  });

  it("makes the same bytes of the same sources, whenever and by whom", async () => {
    const world = new World();
    await writeMany(world, 5);
    await compactorOf(world).compact(1);
    const first = await world.body(1, 1, 5);
    await world.remove(1, 1, 5);
    await compactorOf(world, { clock: new StillClock(77_000) }).compact(1);
    expect(await world.body(1, 1, 5)).toEqual(first);
  });

  it("continues the level where a source straddles its end", async () => {
    const world = new World();
    await writeMany(world, 9);
    await world.compact(
      1,
      [1, 2, 3, 4].map((txid) => [0, txid, txid] as const),
    );
    await world.compact(
      1,
      [5, 6, 7, 8, 9].map((txid) => [0, txid, txid] as const),
    );
    await world.compact(
      2,
      [1, 2, 3, 4, 5, 6].map((txid) => [0, txid, txid] as const),
    );
    expect(await compactorOf(world).compact(2)).toBe(1);
    expect(await levelsOf(world)).toContain("2: 1-6 7-9");
    verifyLtx(await world.body(2, 7, 9));
    for (const txid of range(1, 9)) await world.remove(0, txid, txid);
    await world.remove(1, 1, 4);
    await world.remove(1, 5, 9);
    await expectRestores(world, [6, 9]);
  });

  it("keeps what a shrink cut off away, also when the database grows again", async () => {
    const world = new World();
    await world.write({ pages: range(1, 9), timestampMs: 1 });
    await world.write({ pages: [1], pageCount: 2, timestampMs: 2 });
    await world.write({ pages: [1, ...range(3, 7)], pageCount: 7, timestampMs: 3 });
    await world.write({ pages: [1], pageCount: 4, timestampMs: 4 });
    const compactor = compactorOf(world);
    await compactor.compact(1);
    await compactor.snapshot();
    for (const txid of range(1, 4)) await world.remove(0, txid, txid);
    await expectRestores(world, [4]);
    const merged = decodeLtx(await world.body(1, 1, 4));
    expect([...merged.index.pgnos]).toEqual([1, 2, 3, 4]);
  });

  it("never goes across a gap, and says where it is", async () => {
    const world = new World();
    await writeMany(world, 2);
    await world.write({ pages: [1], isPut: false });
    await writeMany(world, 2);
    const compactor = compactorOf(world);
    await expect(compactor.compact(1)).rejects.toThrow(/missing after 2; .* starts at 4/);
    expect(await levelsOf(world)).toContain("1: 1-2");
    await expect(compactor.snapshot()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
  });

  it("takes snapshots of everything, and only when there is something new", async () => {
    const world = new World();
    await writeMany(world, 3);
    const compactor = compactorOf(world);
    expect(await compactor.snapshot()).toBe(true);
    expect(await compactor.snapshot()).toBe(false);
    await writeMany(world, 2);
    expect(await compactor.snapshot()).toBe(true);
    expect(await levelsOf(world)).toContain("9: 1-3 1-5");
    const snapshot = decodeLtx(await world.body(9, 1, 5));
    expect([...snapshot.index.pgnos]).toEqual(range(1, 6));
    await expectRestores(world, range(1, 5));
  });

  it("reads large files in pieces, a few at a time", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    const pages = Math.ceil((3 * WHOLE_FILE_BYTES) / 4096);
    for (let count = 0; count < 70; count += 1) {
      await world.write({ pages: count < 2 ? range(1, pages) : [1], pageCount: pages });
    }
    world.requests.length = 0;
    await compactorOf(world).compact(1);
    const reads = world.requests.filter(({ operation }) => operation === "get");
    expect(reads.length).toBeGreaterThan(70 + 2);
    for (const { key } of reads) expect(key).toMatch(/\/0000\//);
    await expectRestores(world, [70]);
  });

  it("refuses an output that is more than one body, and goes on with the others", async () => {
    const world = new World();
    await writeMany(world, 2);
    const compactor = compactorOf(world);
    await expect(compactor.compact(1, { bytesMax: 100 })).rejects.toMatchObject({
      code: "STORE_UNSUPPORTED",
    });
    expect(await levelsOf(world)).toEqual(["0: 1-1 2-2"]);
    expect(await compactor.compact(1)).toBe(1);
  });

  it("refuses a damaged source, and leaves all as it is", async () => {
    const world = new World();
    await writeMany(world, 3);
    const body = await world.body(0, 2, 2);
    body[120]! ^= 1;
    await world.put(0, 2, 2, body, 2000);
    await expect(compactorOf(world).compact(1)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(await levelsOf(world)).toEqual(["0: 1-1 2-2 3-3"]);
  });

  it("lets others go first after every megabyte or so", async () => {
    const world = new World({ pageSize: 4096 });
    const pageCount = 300;
    for (let count = 0; count < 8; count += 1) await world.write({ pages: range(1, pageCount) });
    const clock = new CountingClock(0);
    await compactorOf(world, { clock }).compact(1);
    // Eight sources are opened; the rest is between pages.
    expect(clock.turns - 8).toBeGreaterThanOrEqual(Math.floor((8 * pageCount * 4096) / 2 ** 20));
  });

  it("lets others go first while it looks at an output that was there", async () => {
    const world = new World({ pageSize: 4096 });
    const pageCount = 3_000;
    await world.write({ pages: range(1, pageCount) });
    const [[file] = []] = await listWorld(world);
    const clock = new CountingClock(0);
    const options = { queue: new RequestQueue(), pause: async () => {} };
    await readSound(replicaOf(world, { clock }), file!, options);
    expect(clock.turns).toBeGreaterThanOrEqual(Math.floor((pageCount * 4096) / 2 ** 20));
  });

  it("pauses while readers wait, but not for ever", async () => {
    const world = new World();
    await writeMany(world, 2);
    const clock = new StillClock(0);
    expect(await compactorOf(world, { clock, isBusy: () => true }).compact(1)).toBe(1);
    expect(clock.ms).toBeGreaterThan(0);
  });
});

describe("a compaction that is cut short", () => {
  it("recognises its own output when only the answer got lost", async () => {
    const world = new World();
    await writeMany(world, 3);
    const store = faulty(world.store, {
      rules: [{ fault: { type: "after" }, operation: "put", times: 1 }],
    });
    expect(await compactorOf(world, { store }).compact(1)).toBe(1);
    expect(store.faultCount).toBe(1);
    expect(await levelsOf(world)).toContain("1: 1-3");
  });

  it("is tried again when nothing arrived", async () => {
    const world = new World();
    await writeMany(world, 3);
    const rules = [{ fault: { type: "before" }, operation: "put", times: 1 }] as const;
    const compactor = compactorOf(world, { store: faulty(world.store, { rules }) });
    await expect(compactor.compact(1)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    compactor.forget();
    expect(await compactor.compact(1)).toBe(1);
  });

  it("takes what another made of the same transactions", async () => {
    const world = new World();
    await writeMany(world, 3);
    const compactor = compactorOf(world);
    await world.compact(1, [[0, 1, 1]]);
    await compactor.compact(1);
    // It lists level 1 once; meanwhile a late compaction of the same files arrives, otherwise made.
    await writeMany(world, 2);
    await world.putState(1, 4, 5);
    expect(await compactor.compact(1)).toBe(1);
    expect((await world.body(1, 4, 5)).byteLength).toBeGreaterThan(0);
    await expectRestores(world, range(1, 5));
  });

  it("refuses an object of its name that is something else", async () => {
    const world = new World();
    await writeMany(world, 3);
    const compactor = compactorOf(world);
    await compactor.compact(1);
    await writeMany(world, 2);
    const before = await world.body(0, 1, 1);
    await world.put(1, 4, 5, before);
    await expect(compactor.compact(1)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(await world.body(1, 4, 5)).toEqual(before);
  });

  it("refuses one that brings the database to another size", async () => {
    const world = new World();
    await writeMany(world, 3);
    const compactor = compactorOf(world);
    await compactor.compact(1);
    await writeMany(world, 2);
    const other = encodeLtx({
      header: {
        pageSize: toPageSize(512),
        commit: toPageCount(5),
        minTxid: toTxid(4n),
        maxTxid: toTxid(5n),
        timestampMs: 5000,
      },
      pages: [{ pgno: toPgno(1), page: world.content(1, 5) }],
    });
    await world.put(1, 4, 5, other);
    await expect(compactor.compact(1)).rejects.toThrow(/5 pages of 512 bytes where 6 of 512/);
  });

  it("puts nothing once the lease is lost", async () => {
    const world = new World();
    await writeMany(world, 3);
    const stillOurs = async () => {
      throw new HeadwaterError("FENCED", "lost");
    };
    await expect(compactorOf(world, { stillOurs }).compact(1)).rejects.toMatchObject({
      code: "FENCED",
    });
    expect(await levelsOf(world)).toEqual(["0: 1-1 2-2 3-3"]);
  });

  it("does not rely on an output that was put when the lease was lost", async () => {
    const world = new World();
    await writeMany(world, 3);
    let checks = 0;
    const stillOurs = async () => {
      checks += 1;
      if (checks === 2) throw new HeadwaterError("FENCED", "lost");
    };
    const compactor = compactorOf(world, { stillOurs });
    await expect(compactor.compact(1)).rejects.toMatchObject({ code: "FENCED" });
    expect(describeLevels(compactor.levels)).toEqual(["0: 1-1 2-2 3-3"]);
  });
});

describe("retention", () => {
  it("deletes from level 0 what level 1 has, but the newest file", async () => {
    const world = new World();
    const compactor = compactorOf(world);
    await writeMany(world, 2);
    await compactor.compact(1);
    await writeMany(world, 3);
    await compactor.compact(1);
    // Transaction 4 is promised, and needs the file of 3.
    expect(await compactor.retain({ ...TIMES, level0RetentionMs: 996_500 })).toBe(2);
    expect(await levelsOf(world)).toEqual(["0: 3-3 4-4 5-5", "1: 1-2 3-5"]);
    await expectRestores(world, [2, 3, 4, 5]);
    expect(await compactor.retain(TIMES)).toBe(2);
    expect(await levelsOf(world)).toEqual(["0: 5-5", "1: 1-2 3-5"]);
    await expectRestores(world, [2, 5]);
  });

  it("keeps the files around the transaction at which its holder began", async () => {
    const world = new World();
    await writeMany(world, 9);
    const compactor = compactorOf(world, { beganTxid: 4n });
    await compactor.compact(1);
    expect(await compactor.retain(TIMES)).toBe(5);
    expect(await levelsOf(world)).toEqual(["0: 3-3 4-4 5-5 9-9", "1: 1-9"]);
    await writeMany(world, 3);
    await compactor.compact(1);
    expect(await compactor.retain(TIMES)).toBe(3);
    expect(await levelsOf(world)).toEqual(["0: 3-3 4-4 5-5 12-12", "1: 1-9 10-12"]);
    await expectRestores(world, [9, 12]);
    // The next holder keeps its own beginning.
    await compactorOf(world, { beganTxid: 12n }).retain(TIMES);
    expect(await levelsOf(world)).toEqual(["0: 12-12", "1: 1-9 10-12"]);
  });

  it("deletes a file that came when its name was free again", async () => {
    const world = new World();
    await writeMany(world, 4);
    const stray = await world.body(0, 2, 2);
    const compactor = compactorOf(world);
    await compactor.compact(1);
    await writeMany(world, 2);
    await compactor.compact(1);
    await compactor.retain(TIMES);
    await world.put(0, 2, 2, stray, 2000);
    const late = compactorOf(world);
    expect(await late.compact(1)).toBe(0);
    expect(await late.snapshot()).toBe(true);
    expect(await late.retain(TIMES)).toBe(2);
    expect(await levelsOf(world)).toEqual(["0: 6-6", "1: 5-6", "9: 1-6"]);
    await expectRestores(world, [6]);
  });

  it("deletes nothing early when this machine's clock is ahead of the store's", async () => {
    const [hereMs, thereMs] = [10_000_000, 6_400_000];
    const storeClock = new StillClock(thereMs);
    const supports = { listedTimestamp: false };
    const world = new World({ clock: storeClock, supports });
    const compactor = compactorOf(world, { clock: new StillClock(hereMs) });
    await writeMany(world, 5);
    await compactor.compact(1);
    const times = { nowMs: hereMs, level0RetentionMs: 300_000, snapshotRetentionMs: 1 };
    expect(await compactor.retain(times)).toBe(0);
    storeClock.ms += 300_001;
    compactor.forget();
    expect(await compactor.retain(times)).toBe(4);
  });

  it("deletes nothing early when it is behind, either", async () => {
    const world = new World({ clock: new StillClock(10_000_000) });
    const compactor = compactorOf(world, { clock: new StillClock(1_000_000) });
    await writeMany(world, 5);
    await compactor.compact(1);
    // By this machine's clock, which the files have their times from.
    const times = { nowMs: 1_000_000, level0RetentionMs: 999_000, snapshotRetentionMs: 1 };
    expect(await compactor.retain(times)).toBe(0);
  });

  it("deletes old snapshots and what led on from them", async () => {
    const world = new World();
    const compactor = compactorOf(world);
    for (let round = 0; round < 3; round += 1) {
      await writeMany(world, 4);
      for (const level of [1, 2, 3]) await compactor.compact(level);
      await compactor.snapshot();
    }
    await compactor.retain({ ...TIMES, snapshotRetentionMs: 991_500 });
    expect(await levelsOf(world)).toEqual([
      "0: 12-12",
      "1: 5-8 9-12",
      "2: 5-8 9-12",
      "3: 5-8 9-12",
      "9: 1-8 1-12",
    ]);
    await expectRestores(world, [8, 12]);
    await compactor.retain(TIMES);
    expect(await levelsOf(world)).toEqual(["0: 12-12", "1: 9-12", "2: 9-12", "3: 9-12", "9: 1-12"]);
    await expectRestores(world, [12]);
  });

  it("deletes nothing when the file that would take over is damaged or gone", async () => {
    const world = new World();
    await writeMany(world, 5);
    const compactor = compactorOf(world);
    await compactor.compact(1);
    const body = await world.body(1, 1, 5);
    await world.put(1, 1, 5, body.slice(0, body.byteLength - 20));
    await expect(compactor.retain(TIMES)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await world.remove(1, 1, 5);
    await expect(compactor.retain(TIMES)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(await levelsOf(world)).toEqual(["0: 1-1 2-2 3-3 4-4 5-5"]);
  });

  it("asks for the lease before each deletion", async () => {
    const world = new World();
    await writeMany(world, 5);
    let isOurs = true;
    const stillOurs = async () => {
      if (!isOurs) throw new HeadwaterError("FENCED", "lost");
    };
    const compactor = compactorOf(world, { stillOurs });
    await compactor.compact(1);
    isOurs = false;
    await expect(compactor.retain(TIMES)).rejects.toMatchObject({ code: "FENCED" });
    expect(await levelsOf(world)).toEqual(["0: 1-1 2-2 3-3 4-4 5-5", "1: 1-5"]);
  });

  it("keeps files that are still needed here, but not for ever", async () => {
    const world = new World();
    await writeMany(world, 5);
    const compactor = compactorOf(world, { letGo: (doomed) => new Set(doomed.slice(1, 2)) });
    await compactor.compact(1);
    expect(await compactor.retain(TIMES)).toBe(3);
    expect(await levelsOf(world)).toEqual(["0: 2-2 5-5", "1: 1-5"]);
    expect(await compactor.retain({ ...TIMES, nowMs: 10_000_000 })).toBe(1);
  });

  it("is right after any part of it was done", async () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const world = new World();
      const compactor = compactorOf(world);
      for (let round = 0; round < 3; round += 1) {
        await writeMany(world, 4);
        await compactor.compact(1);
        await compactor.snapshot();
      }
      const before = await listWorld(world);
      const times = { ...TIMES, snapshotRetentionMs: 991_500 };
      const doomed: string[] = [];
      const store = faulty(world.store, {
        rules: [{ fault: { type: "before" }, operation: "deleteMany" }],
      });
      const stuck = compactorOf(world, {
        store,
        letGo: (files) => {
          doomed.push(...files.map(({ key }) => key));
          return new Set();
        },
      });
      await expect(stuck.retain(times)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(doomed.length).toBeGreaterThan(4);
      for (const [index, file] of before.flat().entries()) {
        if (!doomed.includes(file.key) || (index * 7 + seed) % 3 === 0) continue;
        await world.remove(file.level, Number(file.minTxid), Number(file.maxTxid));
      }
      await expectRestores(world, [8, 12]);
    }
  });
});
