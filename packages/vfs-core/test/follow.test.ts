import type { ObjectMeta } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { JumpingClock, WakingClock } from "./support/clock.ts";
import { expectState, openWorld, readAll } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

const LIST_INTERVAL_MS = 30_000;
/** That nobody waits for. */
const POLL_MS = 3_600_000;

async function started(options = {}) {
  const world = new World();
  await world.write({ pages: range(1, 30) });
  await world.snapshot(1);
  const clock = new WakingClock(POLL_MS);
  const replica = await openWorld(world, { clock, pollIntervalMs: POLL_MS, ...options });
  /** As it happens by itself, not for one who asks. */
  const poll = async (): Promise<bigint> => {
    await clock.wake();
    const { txid, follow } = replica.mount.status();
    if (follow?.lastError === undefined) return txid;
    throw Object.assign(new Error(follow.lastError.message), { code: follow.lastError.code });
  };
  return {
    world,
    replica,
    poll,
    pollWithListing: () => {
      clock.jump(LIST_INTERVAL_MS);
      return poll();
    },
    [Symbol.asyncDispose]: () => replica.close(),
  };
}

describe("following by name", () => {
  it("shows each transaction after a poll", async () => {
    await using test = await started();
    const { world, replica, poll } = test;
    for (const pages of [[3], [4, 31], [31, 32, 33]]) {
      const txid = await world.write({ pages });
      expect(await poll()).toBe(BigInt(txid));
      await expectState(replica, world, txid);
    }
  });

  it("costs one request when nothing is new", async () => {
    await using test = await started();
    await test.poll();
    test.world.requests.length = 0;
    await test.poll();
    expect(test.world.requests.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ["get", "OBJECT_NOT_FOUND"],
    ]);
  });

  it("takes several transactions in one poll, however large", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    await using replica = await openWorld(world);
    await world.write({ pages: [1] });
    await world.write({ pages: range(1, 150) });
    await world.write({ pages: [2] });
    await replica.mount.flush();
    await expectState(replica, world, 4);
  });

  it("catches up by a listing when it is far behind", async () => {
    await using test = await started();
    const { world, replica, poll } = test;
    for (let count = 0; count < 40; count += 1) await world.write({ pages: [1 + (count % 30)] });
    await poll();
    await expectState(replica, world, 41);
  });

  it("shrinks, grows, and shrinks and grows between two polls", async () => {
    await using test = await started();
    const { world, replica, poll } = test;
    await world.write({ pages: [1], pageCount: 12 });
    await poll();
    await expectState(replica, world, 2);
    await world.write({ pages: [1, ...range(13, 40)] });
    await poll();
    await expectState(replica, world, 3);
    await world.write({ pages: [1], pageCount: 5 });
    await world.write({ pages: [1, ...range(6, 20)] });
    await poll();
    await expectState(replica, world, 5);
  });

  it.each([["one poll after another", true] as const, ["at once", false] as const])(
    "shows nothing of before a shrink where files do not tell what came after it, %s",
    async (_, isEach) => {
      await using test = await started();
      const { world, replica, poll } = test;
      await expectState(replica, world, 1);
      await world.write({ pages: [1], pageCount: 5 });
      if (isEach) await poll();
      await world.write({ pages: [1, 20] });
      await poll();
      using snapshot = replica.snapshot();
      expect(snapshot.pageCount).toBe(20);
      await expect(snapshot.readPage(9)).rejects.toThrow("no file holds page 9");
      expect(await snapshot.readPage(20)).toEqual(world.pageAt(3, 20));
      expect(await snapshot.readPage(4)).toEqual(world.pageAt(3, 4));
    },
  );

  it("tells those who wait for a transaction", async () => {
    await using test = await started({ pollIntervalMs: 10 });
    const { world, replica } = test;
    const reached = replica.mount.waitForTxid(3n);
    await world.write({ pages: [2] });
    await world.write({ pages: [3] });
    await reached;
    await expectState(replica, world, 3);
    const stop = new AbortController();
    const never = replica.mount.waitForTxid(99n, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(never).rejects.toThrow("enough");
  });

  it("changes the counter of page 1 with every transaction, and only then", async () => {
    await using test = await started();
    const states = [];
    for (let count = 0; count < 3; count += 1) {
      states.push(test.replica.mount.status().seq);
      await test.poll();
    }
    expect(new Set(states).size).toBe(1);
    await test.world.write({ pages: [2] });
    await test.poll();
    expect(test.replica.mount.status().seq).toBe(1);
  });
});

describe("following by listing", () => {
  it("does not let an older file of level 1 override newer ones of level 0", async () => {
    await using test = await started();
    const { world, replica, poll, pollWithListing } = test;
    for (let count = 0; count < 3; count += 1) await world.write({ pages: [2] });
    await poll();
    await world.compact(1, [
      [0, 2, 2],
      [0, 3, 3],
    ]);
    await pollWithListing();
    await expectState(replica, world, 4);
  });

  it("keeps its pages when the database grows while level 1 lags", async () => {
    await using test = await started();
    const { world, replica, poll, pollWithListing } = test;
    await world.write({ pages: [2] });
    await world.write({ pages: range(31, 60) });
    await poll();
    await world.compact(1, [[0, 2, 2]]);
    await pollWithListing();
    await expectState(replica, world, 3);
  });

  it("keeps its pages when the database really shrinks", async () => {
    await using test = await started();
    const { world, replica, pollWithListing } = test;
    await world.write({ pages: [1], pageCount: 28 });
    await world.compact(1, [[0, 2, 2]]);
    await world.remove(0, 2, 2);
    await pollWithListing();
    await expectState(replica, world, 2);
  });

  it("goes on across a file that straddles where it stands", async () => {
    await using test = await started();
    const { world, replica, poll, pollWithListing } = test;
    for (let count = 0; count < 2; count += 1) await world.write({ pages: [2 + count] });
    await poll();
    for (let count = 0; count < 3; count += 1) await world.write({ pages: [5 + count] });
    await world.compact(
      1,
      [2, 3, 4, 5].map((txid) => [0, txid, txid] as const),
    );
    for (const txid of [2, 3, 4, 5]) await world.remove(0, txid, txid);
    await poll();
    await expectState(replica, world, 3);
    await pollWithListing();
    await expectState(replica, world, 6);
  });

  it("jumps to a snapshot when nothing else is left", async () => {
    await using test = await started();
    const { world, replica, pollWithListing } = test;
    for (let count = 0; count < 5; count += 1) await world.write({ pages: [1 + count] });
    await world.snapshot(6);
    for (const txid of [1, 2, 3, 4, 5, 6]) await world.remove(0, txid, txid);
    await world.remove(9, 1, 1);
    await pollWithListing();
    await expectState(replica, world, 6);
  });

  it("is not misled by a listing in the middle of a compaction", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    const clock = new JumpingClock();
    let isMiddle = false;
    const store = storeWith(world.store, {
      list: async function* (prefix, options) {
        const isHidden = ({ key }: ObjectMeta) => isMiddle && key.includes("/0001/");
        for await (const meta of world.store.list(prefix, options)) {
          if (!isHidden(meta)) yield meta;
        }
        isMiddle = false;
      },
    });
    await using replica = await openWorld(world, { clock, store });
    for (const pgno of [2, 3, 4]) await world.write({ pages: [pgno] });
    await world.compact(1, [
      [0, 1, 1],
      [0, 2, 2],
      [0, 3, 3],
    ]);
    for (const txid of [1, 2, 3]) await world.remove(0, txid, txid);
    isMiddle = true;
    clock.jump(LIST_INTERVAL_MS);
    expect(await replica.mount.flush()).toBe(4n);
    expect(isMiddle).toBe(false);
    await expectState(replica, world, 4);
  });

  it("shows a gap as an error, stays where it is, and heals when the file comes late", async () => {
    await using test = await started();
    const { world, replica, pollWithListing, poll } = test;
    await world.write({ pages: [2] });
    await world.write({ pages: [3] });
    const late = await world.body(0, 2, 2);
    await world.remove(0, 2, 2);
    await expect(pollWithListing()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await expectState(replica, world, 1);
    expect(replica.mount.status().follow?.lastError?.message).toContain("continues transaction 1");
    await world.put(0, 2, 2, late);
    await poll();
    await expectState(replica, world, 3);
    expect(replica.mount.status().follow?.lastError).toBeUndefined();
  });

  it("never goes back when the store shows an older history", async () => {
    await using test = await started();
    const { world, replica, poll, pollWithListing } = test;
    await world.write({ pages: [2] });
    await poll();
    await world.remove(0, 2, 2);
    await expect(pollWithListing()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(replica.mount.status().txid).toBe(2n);
  });

  it("shows a damaged file as an error, and goes on once it was compacted", async () => {
    await using test = await started();
    const { world, replica, poll, pollWithListing } = test;
    await world.write({ pages: [2] });
    const sound = await world.body(0, 2, 2);
    await world.put(0, 2, 2, new Uint8Array(300));
    await expect(poll()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await expectState(replica, world, 1);
    await world.put(1, 2, 2, sound);
    await pollWithListing();
    await expectState(replica, world, 2);
  });

  it("finds pages again after retention has deleted every file but the newest", async () => {
    await using test = await started({ cacheBytes: 0 });
    const { world, replica, poll } = test;
    for (let count = 0; count < 4; count += 1) await world.write({ pages: [1 + count] });
    await poll();
    await world.snapshot(5);
    for (const txid of [1, 2, 3, 4]) await world.remove(0, txid, txid);
    await world.remove(9, 1, 1);
    await expectState(replica, world, 5);
  });

  it("finds them with a look at the files that took the place of those, no others", async () => {
    await using test = await started({ cacheBytes: 0, warmUp: false });
    const { world, replica, poll } = test;
    for (let txid = 2; txid <= 13; txid += 1) await world.write({ pages: [txid] });
    for (const first of [2, 5, 8]) {
      const names = range(first, first + 2).map((txid) => [0, txid, txid] as const);
      await world.compact(1, names);
    }
    await poll();
    await expectState(replica, world, 13);
    for (const txid of range(5, 10)) await world.remove(0, txid, txid);
    world.requests.length = 0;
    using snapshot = replica.snapshot();
    expect(await snapshot.readPage(6)).toEqual(world.pageAt(13, 6));
    const asked = world.requests.map(({ operation, key }) => `${operation} ${key}`);
    const [first, second] = [world.key(1, 5, 7), world.key(1, 8, 10)];
    const wanted = [first, second, first].map((key) => `get ${key}`);
    expect(asked.filter((one) => one.includes("/0001/"))).toEqual(wanted);
    expect(asked.filter((one) => one.includes("/0009/"))).toEqual([]);
    world.requests.length = 0;
    for (const pgno of range(5, 10)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(13, pgno));
    }
    expect(world.requests.filter(({ operation }) => operation === "list")).toEqual([]);
  });

  it("finds them where they are now, though an older one was found elsewhere", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await world.snapshot(1);
    await using replica = await openWorld(world, { cacheBytes: 0, warmUp: false });
    using first = replica.snapshot();
    // The cache is full of these, so that none of the new pages is kept.
    for (const pgno of range(40, 60)) await first.readPage(pgno);
    await world.write({ pages: [20] });
    await replica.mount.flush();
    using old = replica.snapshot();
    for (const pgno of [20, 22]) await world.write({ pages: [pgno] });
    await replica.mount.flush();
    const both = [
      [0, 2, 2],
      [0, 3, 3],
    ] as const;
    await world.compact(1, both);
    for (const txid of [2, 3]) await world.remove(0, txid, txid);
    await expect(old.readPage(20)).rejects.toThrow("compacted away");
    await world.put(2, 2, 3, await world.body(1, 2, 3));
    await world.remove(1, 2, 3);
    world.requests.length = 0;
    using newer = replica.snapshot();
    expect(await newer.readPage(20)).toEqual(world.pageAt(4, 20));
    // Nothing is planned anew.
    expect(world.requests.filter(({ key }) => key?.includes("/0009/"))).toEqual([]);
  });

  it("finds pages again for an old snapshot while newer ones are followed", async () => {
    await using test = await started({ cacheBytes: 0 });
    const { world, replica, poll, pollWithListing } = test;
    await world.write({ pages: [2] });
    await poll();
    using old = replica.snapshot();
    await world.write({ pages: [3] });
    await poll();
    await world.snapshot(2);
    await world.snapshot(3);
    for (const txid of [1, 2]) await world.remove(0, txid, txid);
    await world.remove(9, 1, 1);
    await pollWithListing();
    for (const pgno of range(1, 30)) {
      expect(await old.readPage(pgno)).toEqual(world.pageAt(2, pgno));
    }
    await expectState(replica, world, 3);
  });

  it("still finds unchanged pages when an old snapshot cannot be made again", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await using replica = await openWorld(world, { cacheBytes: 0 });
    using first = replica.snapshot();
    // The cache is full of these, so that the new page 20 is not kept.
    for (const pgno of range(40, 60)) await first.readPage(pgno);
    await world.write({ pages: [20] });
    await replica.mount.flush();
    await world.write({ pages: [30] });
    await replica.mount.flush();
    using old = replica.snapshot();
    await world.write({ pages: [20] });
    await replica.mount.flush();
    await world.compact(
      1,
      [2, 3, 4].map((txid) => [0, txid, txid] as const),
    );
    await world.putState(2, 1, 1);
    for (const txid of [1, 2, 3]) await world.remove(0, txid, txid);
    // It has not changed since.
    expect(await old.readPage(30)).toEqual(world.pageAt(3, 30));
    expect(await old.readPage(90)).toEqual(world.pageAt(3, 90));
    await expect(old.readPage(20)).rejects.toThrow("compacted away");
  });

  it("finds pages in files that are newer than it, if nothing has changed them since", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await using replica = await openWorld(world, { cacheBytes: 0, warmUp: false });
    using first = replica.snapshot();
    for (const pgno of range(40, 60)) await first.readPage(pgno);
    await world.write({ pages: [20, 21] });
    await replica.mount.flush();
    using snapshot = replica.snapshot();
    // Nobody has looked since.
    await world.write({ pages: [21] });
    await world.snapshot(3);
    await world.remove(0, 1, 1);
    const get = world.store.get.bind(world.store);
    world.store.get = async (key, options) => {
      // The look that this causes takes longer than the one for the page.
      if (key === world.key(0, 3, 3)) await new Promise((resolve) => setTimeout(resolve, 50));
      return get(key, options);
    };
    expect(await snapshot.readPage(90)).toEqual(world.pageAt(2, 90));
    expect(await snapshot.readPage(21)).toEqual(world.pageAt(2, 21));
  });

  it("shows newer pages after an old snapshot could not be made again", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await using replica = await openWorld(world, { cacheBytes: 0 });
    {
      using first = replica.snapshot();
      for (const pgno of range(40, 60)) await first.readPage(pgno);
      await world.write({ pages: [20] });
      await replica.mount.flush();
      using old = replica.snapshot();
      await world.write({ pages: [21] });
      await world.compact(1, [
        [0, 2, 2],
        [0, 3, 3],
      ]);
      await world.putState(2, 1, 1);
      for (const txid of [1, 2, 3]) await world.remove(0, txid, txid);
      await expect(old.readPage(20)).rejects.toThrow("compacted away");
    }
    await world.write({ pages: range(1, 100) });
    await replica.mount.flush();
    await replica.mount.flush();
    await expectState(replica, world, 4);
  });
});

describe("snapshots", () => {
  it("do not change while polls go on", async () => {
    const seed = new World();
    await seed.write({ pages: range(1, 60) });
    // A small cache, so that most pages are fetched again and again.
    await using replica = await openWorld(seed, { cacheBytes: 20_000 });
    const held: { txid: number; snapshot: ReturnType<typeof replica.snapshot> }[] = [];
    for (let round = 0; round < 25; round += 1) {
      held.push({ txid: seed.txid, snapshot: replica.snapshot() });
      if (round % 6 === 5) await seed.write({ pages: [1], pageCount: 40 });
      else await seed.write({ pages: [1, 2 + round, ...range(41, 60)] });
      await replica.mount.flush();
      if (held.length > 5) held.splice(1, 1)[0]!.snapshot[Symbol.dispose]();
      for (const { txid, snapshot } of held) {
        expect(snapshot.pageCount).toBe(seed.pageCountAt(txid));
        for (const pgno of [1, 2 + round, 40, snapshot.pageCount]) {
          expect(await snapshot.readPage(pgno)).toEqual(seed.pageAt(txid, pgno));
        }
      }
      await expectState(replica, seed, seed.txid);
    }
    for (const { snapshot } of held) snapshot[Symbol.dispose]();
    await replica.mount.flush();
    expect(replica.mount.status().versionCount).toBe(1);
    expect(await readAll(replica)).toHaveLength(seed.pageCountAt(seed.txid));
  });
});
