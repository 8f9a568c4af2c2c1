/**
 * An image that is used again, of a replica whose history is replaced while that is looked at.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { deferred } from "../src/deferred.ts";
import { hydrateAt, KEPT_PAGES, keptWorld, openKept } from "./support/kept-images.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

/** Puts the other history's files in the place of what is there. */
async function replaceBy(world: World, other: World): Promise<void> {
  const condition = { type: "none" } as const;
  const keys: string[] = [];
  for await (const { key } of world.store.list("")) keys.push(key);
  for (const key of keys) await world.store.delete(key);
  for await (const { key } of other.store.list("")) {
    await world.store.put(key, (await other.store.get(key)).body, { condition });
  }
}

for (const [what, txids] of [
  ["shorter", 2],
  ["as long", 4],
] as const) {
  it(`is not believed for another history that is ${what}`, async () => {
    const world = await keptWorld();
    const path = join(makeFolder(), "image.db");
    await hydrateAt(path, world);
    await world.write({ pages: [1, 77] });
    await world.write({ pages: [1, 300] });
    await world.snapshot(4);
    const other = new World({ pageSize: 4096, isRandom: true, salt: 7 });
    await other.write({ pages: range(1, KEPT_PAGES) });
    while (other.txid < txids) await other.write({ pages: [2] });
    const gate = deferred<void>();
    let isAsked = false;
    const store = storeWith(world.store, {
      get: async (key, options) => {
        const answer = await world.store.get(key, options);
        if (key === world.key(0, 3, 3) && !isAsked) {
          isAsked = true;
          await gate.promise;
        }
        return answer;
      },
    });
    const { mount, device } = await openKept(world, { store, hydrate: { path } });
    await expect.poll(() => isAsked).toBe(true);
    await replaceBy(world, other);
    await mount.flush();
    expect(mount.status().txid).toBe(BigInt(txids));
    gate.resolve();
    await mount.hydrated();
    {
      using snapshot = device.snapshot();
      for (const pgno of [1, 5, 77, 400]) {
        expect(await snapshot.readPage(pgno)).toEqual(other.pageAt(txids, pgno));
      }
    }
    await mount.close();
    expect(Buffer.compare(readFileSync(path), other.imageAt(txids))).toBe(0);
  });
}

it("is not believed for an older state that was gone on from, before that is noticed", async () => {
  const world = await keptWorld();
  const path = join(makeFolder(), "image.db");
  await hydrateAt(path, world);
  const other = await keptWorld();
  await world.write({ pages: [1, 77] });
  await other.write({ pages: [1, 300] });
  let listings = 0;
  const store = storeWith(world.store, {
    list: (prefix, options) => {
      listings += 1;
      return world.store.list(prefix, options);
    },
    get: async (key, options) => {
      const answer = await world.store.get(key, options);
      // Opening has found it, and nobody has looked for it since.
      if (key === world.key(0, 3, 3) && listings === 1) {
        await world.put(0, 3, 3, await other.body(0, 3, 3));
      }
      return answer;
    },
  });
  const { mount, device } = await openKept(world, { store, hydrate: { path } });
  // Keeps the pages of what is there now out of the image.
  using _pin = device.snapshot();
  const marked = vi.spyOn(device.image, "markPresent");
  await expect.poll(() => mount.status().follow?.reloadCount).toBe(1);
  expect(marked.mock.calls.flatMap(([pgnos]) => [...pgnos])).not.toContain(77);
  await mount.close();
});
