/** What a reader may be sure of when it asks, and what it must not take for damage. */

import type { ObjectStore } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import { OPEN_TRIES } from "../src/limits.ts";
import { JumpingClock } from "./support/clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

const LIST_INTERVAL_MS = 30_000;

async function worldOfOne(): Promise<World> {
  const world = new World();
  await world.write({ pages: range(1, 30) });
  await world.snapshot(1);
  return world;
}

/** Transactions 2 to 4, of which only a compacted file is left. */
async function writeAndCompact(world: World): Promise<void> {
  for (const pgno of [2, 3, 4]) await world.write({ pages: [pgno] });
  const names = [2, 3, 4].map((txid) => [0, txid, txid] as const);
  await world.compact(1, names);
  for (const txid of [2, 3, 4]) await world.remove(0, txid, txid);
}

/** Something happens after a listing was made and before anybody hears of it. */
function disturbed(store: ObjectStore, inTheMiddle: () => Promise<void>): ObjectStore {
  return storeWith(store, {
    list: async function* (prefix, options) {
      const found = [];
      for await (const meta of store.list(prefix, options)) found.push(meta);
      await inTheMiddle();
      yield* found;
    },
  });
}

describe("flush() of a reader", () => {
  it("sees transactions whose own files are gone already", async () => {
    const world = await worldOfOne();
    await using replica = await openWorld(world);
    await writeAndCompact(world);
    expect(await replica.mount.flush()).toBe(4n);
    await expectState(replica, world, 4);
  });

  it("sees what came while an earlier look was under way", async () => {
    const world = await worldOfOne();
    let middle = async (): Promise<void> => {};
    const store = disturbed(world.store, () => middle());
    await using replica = await openWorld(world, { store });
    const [isLooking, goOn] = [deferred<void>(), deferred<void>()];
    middle = async () => {
      middle = async () => {};
      isLooking.resolve();
      await goOn.promise;
    };
    const first = replica.mount.flush();
    await isLooking.promise;
    await writeAndCompact(world);
    const second = replica.mount.flush();
    goOn.resolve();
    await first;
    expect(await second).toBe(4n);
  });

  it("does not fail because files moved while it looked", async () => {
    const world = await worldOfOne();
    for (const pgno of [2, 3]) await world.write({ pages: [pgno] });
    let moves = 0;
    const store = disturbed(world.store, async () => {
      if (moves === 0) return;
      moves -= 1;
      const { txid } = world;
      await world.write({ pages: [5] });
      await world.snapshot(txid + 1);
      for (const gone of [txid, txid + 1]) await world.remove(0, gone, gone);
      await world.remove(9, 1, txid);
    });
    await using replica = await openWorld(world, { store });
    await world.write({ pages: [4] });
    await world.snapshot(4);
    for (const gone of [2, 3, 4]) await world.remove(0, gone, gone);
    moves = 2;
    expect(await replica.mount.flush()).toBe(6n);
    expect(replica.mount.status().follow?.lastError).toBeUndefined();
    await expectState(replica, world, 6);
  });
});

describe("waiting for a transaction", () => {
  it("ends at once when it is there, in whatever file", async () => {
    const world = await worldOfOne();
    await using replica = await openWorld(world, { pollIntervalMs: 3_600_000 });
    await writeAndCompact(world);
    await replica.mount.waitForTxid(4n);
    await expectState(replica, world, 4);
  });
});

describe("a poll by listing", () => {
  async function polling(showsTimes: number) {
    const world = await worldOfOne();
    await world.write({ pages: [2] });
    await world.write({ pages: [3] });
    let left = 0;
    let count = 0;
    const hides = (key: string) => key.includes("/0009/") || key.endsWith("3.ltx");
    const store = storeWith(world.store, {
      list: async function* (prefix, options) {
        const isHidden = left > 0;
        if (isHidden) left -= 1;
        count += 1;
        for await (const meta of world.store.list(prefix, options)) {
          if (!isHidden || !hides(meta.key)) yield meta;
        }
      },
    });
    const clock = new JumpingClock();
    const replica = await openWorld(world, { store, clock });
    // Between two listings of levels: not in the one any more, in the other not yet.
    await world.snapshot(3);
    await world.remove(0, 3, 3);
    left = showsTimes;
    count = 0;
    clock.jump(LIST_INTERVAL_MS);
    return { replica, world, count: () => count };
  }

  it("reports nothing that only some listings show", async () => {
    const { replica, world } = await polling(OPEN_TRIES - 1);
    await using _ = replica;
    expect(await replica.mount.flush()).toBe(3n);
    expect(replica.mount.status().follow?.lastError).toBeUndefined();
    await expectState(replica, world, 3);
  });

  it("reports what all of them show", async () => {
    const { replica, count } = await polling(OPEN_TRIES);
    await using _ = replica;
    await expect(replica.mount.flush()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(count()).toBe(OPEN_TRIES);
    expect(await replica.mount.flush()).toBe(3n);
  });
});
