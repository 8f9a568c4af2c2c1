/** What a mount tells of by itself. */

import { expect, it } from "vitest";
import { failingStore } from "./support/failing.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { pagesOf } from "./support/writing.ts";

async function openWriting(options: Parameters<typeof openPlayer>[1] = {}) {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  const store = failingStore(world.store);
  const player = await openPlayer(world, { ...options, store: store.target });
  await player.mount.promote();
  return { world, store, ...player };
}

it("tells of an upload what and how much it was", async () => {
  const { world, mount, device, events } = await openWriting();
  const seq = device.commit(pagesOf(world, [2], 5), 3);
  await mount.flush();
  const { byteLength } = await world.body(0, 2, 2);
  expect(events.at(-1)).toEqual({
    type: "synced",
    txid: 2n,
    seq,
    bytes: byteLength,
    durationMs: expect.any(Number) as number,
  });
});

it("tells of each try that failed, and that there will be another", async () => {
  const { world, store, mount, device, events } = await openWriting();
  device.commit(pagesOf(world, [2], 5), 3);
  store.arm(0);
  await expect(mount.flush()).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
  await mount.flush();
  expect(events.slice(1)).toMatchObject([
    { type: "syncFailed", error: { code: "STORE_FORBIDDEN" }, willRetry: true },
    { type: "synced" },
  ]);
});

it("tells when the local image is complete, again after each change", async () => {
  const { world, mount, device, events } = await openWriting({ hydrate: {} });
  await mount.hydrated();
  device.commit(pagesOf(world, [2], 5), 3);
  await mount.flush();
  await mount.hydrated();
  const count = events.filter(({ type }) => type === "hydrated").length;
  expect(count).toBeGreaterThanOrEqual(2);
  expect(events.at(-1)).toEqual({ type: "hydrated" });
});

it("tells nobody of anything when nobody listens", async () => {
  const { world, mount, device } = await openWriting({ onEvent: undefined });
  device.commit(pagesOf(world, [2], 5), 3);
  expect(await mount.flush()).toBe(2n);
});
