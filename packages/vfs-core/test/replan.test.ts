/** Versions that are planned anew, while other things go on. */

import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import { FILE_TABLE_SLACK } from "../src/limits.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

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
});
