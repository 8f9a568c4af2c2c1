/** Those who wait for the bucket, together. */

import { faulty } from "@headwater/object-store/testing";
import { expect, it } from "vitest";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

function putsOf(world: World): number {
  const isUpload = ({ operation, key }: { operation: string; key?: string | undefined }) =>
    operation === "put" && key?.endsWith(".ltx") === true;
  return world.requests.filter(isUpload).length;
}

it("share one upload, and one that is under way serves those who came before it", async () => {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  const rules = [{ fault: { type: "slow", delayMs: 100 }, operation: "put" }] as const;
  const store = faulty(world.store, { rules });
  const { mount, device } = await openWriter(world, { store, lease: {} });
  for (const mark of range(1, 5)) device.commit(pagesOf(world, [2], mark), 3);
  world.requests.length = 0;
  const first = Array.from({ length: 20 }, () => mount.flush());
  while (mount.status().sync?.state !== "uploading") await Promise.resolve();
  // These came too late for it, and share the next one.
  device.commit(pagesOf(world, [2], 6), 3);
  const second = Array.from({ length: 20 }, () => mount.flush());
  expect(new Set(await Promise.all(first))).toEqual(new Set([2n]));
  expect(new Set(await Promise.all(second))).toEqual(new Set([3n]));
  expect(putsOf(world)).toBe(2);
  await mount.close();
});

it("may wait for a transaction of their own, which is there when it is acknowledged", async () => {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  const { mount, device } = await openWriter(world);
  const reached = mount.waitForTxid(2n);
  device.commit(pagesOf(world, [2], 7), 3);
  expect(mount.status()).toMatchObject({ txid: 1n, sync: { pendingCount: 1 } });
  await mount.flush();
  await reached;
  expect(mount.status()).toMatchObject({ txid: 2n, sync: { pendingCount: 0 } });
  await mount.waitForTxid(2n);
  await mount.close();
});
