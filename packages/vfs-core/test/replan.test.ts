/** Versions that are planned anew, while other things go on. */

import type { ObjectMeta } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import { FILE_TABLE_SLACK } from "../src/limits.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

/** A store whose next listing, once it is told so, comes when a test wants it to. */
function lateListing(world: World) {
  const isHolding = deferred<void>();
  const mayGoOn = deferred<void>();
  let isNext = false;
  const store = storeWith(world.store, {
    async *list(prefix, options) {
      const isLate = isNext;
      isNext = false;
      const metas: ObjectMeta[] = [];
      for await (const meta of world.store.list(prefix, options)) metas.push(meta);
      if (isLate) {
        isHolding.resolve();
        await mayGoOn.promise;
      }
      yield* metas;
    },
  });
  const hold = () => {
    isNext = true;
  };
  return { store, hold, isHolding: isHolding.promise, release: () => mayGoOn.resolve() };
}

describe("a version that is planned anew", () => {
  it("keeps its files while others are forgotten", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    for (const txid of range(2, FILE_TABLE_SLACK + 2)) {
      await world.write({ pages: [1 + (txid % 2)] });
    }
    const last = world.txid;
    const mayGoOn = deferred<void>();
    const hasAsked = deferred<void>();
    const store = storeWith(world.store, {
      head: async (key, options) => {
        const meta = await world.store.head(key, options);
        hasAsked.resolve();
        await mayGoOn.promise;
        return meta;
      },
    });
    await using replica = await openWorld(world, { store, cacheBytes: 0, warmUp: false });
    await world.snapshot(last);
    for (const txid of range(1, last - 1)) await world.remove(0, txid, txid);
    using snapshot = replica.snapshot();
    const reading = snapshot.readPage(7);
    await hasAsked.promise;
    await replica.mount.flush();
    mayGoOn.resolve();
    expect(await reading).toEqual(world.pageAt(last, 7));
    await world.write({ pages: [3] });
    await replica.mount.flush();
    await expectState(replica, world, last + 1);
  });

  it("may have got another map while the files were listed", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    await world.write({ pages: [2] });
    const { store, hold, isHolding, release } = lateListing(world);
    await using replica = await openWorld(world, { store, cacheBytes: 0, warmUp: false });
    using old = replica.snapshot();
    await world.write({ pages: [3] });
    await replica.mount.flush();
    using newer = replica.snapshot();
    await world.compact(1, [
      [0, 1, 1],
      [0, 2, 2],
    ]);
    for (const txid of [1, 2]) await world.remove(0, txid, txid);
    hold();
    const reading = old.readPage(29);
    await isHolding;
    // Moves the pages of both.
    expect(await newer.readPage(28)).toEqual(world.pageAt(3, 28));
    for (const _ of range(1, FILE_TABLE_SLACK)) await world.write({ pages: [4] });
    await replica.mount.flush();
    release();
    expect(await reading).toEqual(world.pageAt(2, 29));
  });

  it("has no page of a file that is no part of the history", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    await using replica = await openWorld(world, { cacheBytes: 0, warmUp: false });
    using first = replica.snapshot();
    // The cache is full of these, so that none of the new pages is kept.
    for (const pgno of range(40, 60)) await first.readPage(pgno);
    for (const pgno of [20, 21]) await world.write({ pages: [pgno] });
    await replica.mount.flush();
    using old = replica.snapshot();
    for (const pgno of [22, 23, 24]) await world.write({ pages: [pgno] });
    await replica.mount.flush();
    const level0 = (first: number, last: number) =>
      range(first, last).map((txid) => [0, txid, txid] as const);
    await world.compact(1, level0(1, 2));
    await world.compact(1, level0(3, 6));
    for (const txid of range(1, 5)) await world.remove(0, txid, txid);
    // An upload of a writer that was fenced arrives when its name is free again.
    const other = new World({ pageSize: 4096, isRandom: true, salt: 1 });
    for (const pages of [range(1, 100), [20], [21]]) await other.write({ pages });
    await world.put(0, 3, 3, await other.body(0, 3, 3));
    expect(await old.readPage(21)).toEqual(world.pageAt(3, 21));
  });

  it("is so though another one that could not be has its pages from elsewhere", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 100) });
    const mayHydrate = deferred<void>();
    const store = storeWith(world.store, {
      get: async (key, options) => {
        const { range } = options ?? {};
        const isWhole = range !== undefined && "length" in range && range.length > 100_000;
        if (key === world.key(0, 1, 1) && isWhole) await mayHydrate.promise;
        return world.store.get(key, options);
      },
    });
    const options = { store, cacheBytes: 0, warmUp: false, hydrate: {} };
    await using replica = await openWorld(world, options);
    {
      using first = replica.snapshot();
      // The cache is full of these, so that none of the new pages is kept.
      for (const pgno of range(40, 60)) await first.readPage(pgno);
      await world.write({ pages: [20] });
      await replica.mount.flush();
      using old = replica.snapshot();
      for (const pgno of [20, 30]) await world.write({ pages: [pgno] });
      await replica.mount.flush();
      await world.compact(1, [
        [0, 2, 2],
        [0, 3, 3],
      ]);
      await world.remove(0, 2, 2);
      await expect(old.readPage(20)).rejects.toThrow("compacted away");
    }
    await world.remove(0, 3, 3);
    mayHydrate.resolve();
    await replica.mount.hydrated({ signal: AbortSignal.timeout(5000) });
  });

  it("does without a file that is gone, though a late listing still shows it", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    for (const pgno of [2, 3]) await world.write({ pages: [pgno] });
    const before: ObjectMeta[] = [];
    const levelsOf = (prefix: string) => world.store.list(prefix);
    for await (const meta of levelsOf(world.path)) before.push(meta);
    const store = storeWith(world.store, {
      async *list(prefix) {
        const all = new Map(before.map((meta) => [meta.key, meta]));
        for await (const meta of levelsOf(prefix)) all.set(meta.key, meta);
        const sorted = [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
        yield* sorted.filter(({ key }) => key.startsWith(prefix));
      },
    });
    await using replica = await openWorld(world, { store, cacheBytes: 0, warmUp: false });
    await world.compact(1, [
      [0, 1, 1],
      [0, 2, 2],
    ]);
    for (const txid of [1, 2]) await world.remove(0, txid, txid);
    await expectState(replica, world, 3);
  });
});

describe("a version that cannot be planned anew", () => {
  it("makes way for a newer one, though a poll was under way that had listed before", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    await world.write({ pages: [2] });
    const { store, hold, isHolding, release } = lateListing(world);
    await using replica = await openWorld(world, { store, cacheBytes: 0, warmUp: false });
    hold();
    const flushed = replica.mount.flush();
    await isHolding;
    await world.snapshot(2);
    for (const txid of [1, 2]) await world.remove(0, txid, txid);
    {
      using old = replica.snapshot();
      const reading = old.readPage(29);
      release();
      await flushed;
      await expect(reading).rejects.toThrow("a new transaction sees");
    }
    await expectState(replica, world, 2);
  });
});
