/** What opening brought along goes into the cache between other work. */

import { it } from "vitest";
import { deferred } from "../src/deferred.ts";
import { type Clock, systemClock } from "../src/index.ts";
import { HEAD_BYTES, KEEP_BATCH_BYTES, WHOLE_FILE_BYTES } from "../src/limits.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

it("puts nothing into the cache that is of another history by now", async () => {
  const pageSize = 4096;
  // Too large to come whole, so that opening brings the start of each and a poll nothing.
  const pagesPerFile = (1.2 * WHOLE_FILE_BYTES) / pageSize;
  const fileCount = (1.5 * KEEP_BATCH_BYTES) / HEAD_BYTES;
  const makeWorld = async (salt: number) => {
    const world = new World({ pageSize, salt, isRandom: true });
    for (const txid of range(1, fileCount)) {
      const last = Math.floor(txid * pagesPerFile);
      await world.write({ pages: range(world.pageCountAt(txid - 1) + 1, last) });
    }
    return world;
  };
  const [world, other] = [await makeWorld(1), await makeWorld(2)];
  const mayGoOn = deferred<void>();
  const clock: Clock = { ...systemClock, yield: () => mayGoOn.promise };
  const options = { clock, cacheBytes: 64_000_000, warmUp: false };
  await using replica = await openWorld(world, options);
  for (const txid of range(1, fileCount)) {
    await world.remove(0, txid, txid);
    await world.put(0, txid, txid, await other.body(0, txid, txid));
  }
  await replica.mount.flush();
  mayGoOn.resolve();
  await systemClock.sleep(20);
  await expectState(replica, other, fileCount);
});
