/** What a writer does who took the lease from one that went silent. */

import { decodeLtx } from "@headwater/ltx";
import type { ObjectStore } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { openReplica, systemClock } from "../src/index.ts";
import { continuesFile, makeNodeId } from "../src/write/node-id.ts";
import { JumpingClock } from "./support/clock.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

const LEASE = { owner: "second" };
const NONE = { condition: { type: "none" } } as const;

/** The record of a holder of whom nothing was heard since. */
async function leaveSilentHolder({ bucket, path }: World): Promise<void> {
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - 60_000 };
  const store = new MemoryStore({ bucket, clock });
  const times = { expires_at: "2026-01-01T00:00:00Z", ttl_ms: 1_000 };
  const record = { generation: 4, owner: "a", nonce: "n", ...times };
  await store.put(`${path}/lock.json`, new TextEncoder().encode(JSON.stringify(record)), NONE);
}

/** Before the first put of this key, something else is done. */
function before(store: ObjectStore, key: string, work: () => Promise<unknown>): ObjectStore {
  let isDone = false;
  return storeWith(store, {
    put: async (putKey, body, options) => {
      if (putKey === key && !isDone) {
        isDone = true;
        await work();
      }
      return store.put(putKey, body, options);
    },
  });
}

async function readDatabase({ store, path, url }: World): Promise<Uint8Array[]> {
  await using replica = await openReplica({ store, path, url });
  using snapshot = replica.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}

/** The process ends without a word: nothing is uploaded. */
async function crash({ mount }: Pick<Writer, "mount">): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
}

describe("the fence", () => {
  it("takes the next transaction when the holder before went silent", async () => {
    const world = new World();
    await world.write({ pages: range(1, 3) });
    await leaveSilentHolder(world);
    const { mount, device } = await openWriter(world, { lease: LEASE });
    const { header, index } = decodeLtx(await world.body(0, 2, 2));
    const { fileChecksum } = decodeLtx(await world.body(0, 1, 1)).trailer;
    const nodeId = makeNodeId({ generation: 5n, previousChecksum: fileChecksum });
    expect(header).toMatchObject({ commit: 3, nodeId });
    expect([...index.pgnos]).toEqual([1]);
    expect(mount.status().txid).toBe(2n);
    const late = world.store.put(world.key(0, 2, 2), new Uint8Array(10), {
      condition: { type: "if-absent" },
    });
    await expect(late).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    device.commit(pagesOf(world, [2], 9), 3);
    expect(await mount.flush()).toBe(3n);
    await mount.close();
    const expected = [world.content(1, 1), world.content(2, 9), world.content(3, 1)];
    expect(await readDatabase(world)).toEqual(expected);
  });

  it("is not needed when the lease was given back, or when nobody had it", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    for (const _ of range(1, 2)) {
      const { mount } = await openWriter(world, { lease: LEASE });
      expect(mount.status().txid).toBe(1n);
      await mount.close();
    }
  });

  it("builds on what the silent holder still brought in before it", async () => {
    const world = new World();
    await world.write({ pages: range(1, 3) });
    await leaveSilentHolder(world);
    const store = before(world.store, world.key(0, 2, 2), () => world.write({ pages: [3] }));
    const { mount, device } = await openWriter(world, { store, lease: LEASE });
    expect(mount.status().txid).toBe(3n);
    const { nodeId } = decodeLtx(await world.body(0, 3, 3)).header;
    expect(continuesFile(nodeId, decodeLtx(await world.body(0, 2, 2)).trailer.fileChecksum)).toBe(
      true,
    );
    using now = device.snapshot();
    expect(await now.readPage(3)).toEqual(world.content(3, 2));
    await mount.close();
  });

  it("is what the journal holds, if that is our own and waits", async () => {
    const world = new World();
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [1, 2], 1), 2);
    await first.mount.flush();
    first.device.commit(pagesOf(world, [2], 7), 2);
    await crash(first);
    await leaveSilentHolder(world);
    const { journalDir } = first;
    const { mount } = await openWriter(world, { journalDir, lease: LEASE });
    expect(mount.status()).toMatchObject({ txid: 2n, sync: { syncedSeq: 2 } });
    expect(await readDatabase(world)).toEqual([world.content(1, 1), world.content(2, 7)]);
    await mount.close();
    await expect(world.body(0, 3, 3)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });

  it("overwrites nothing, and keeps the journal, when the silent holder was faster", async () => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    const journalDir = makeFolder();
    const first = await openWriter(world, { journalDir });
    first.device.commit(pagesOf(world, [2], 7), 2);
    await crash(first);
    await leaveSilentHolder(world);
    const store = before(world.store, world.key(0, 2, 2), () => world.write({ pages: [1] }));
    const opening = openWriter(world, { store, journalDir, lease: LEASE });
    await expect(opening).rejects.toMatchObject({ code: "FENCED" });
    expect(await readDatabase(world)).toEqual([world.content(1, 2), world.content(2, 1)]);
    const again = openWriter(world, { journalDir, lease: LEASE });
    await expect(again).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
  });

  it("is known as ours after a crash right behind it", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    await leaveSilentHolder(world);
    const first = await openWriter(world, { lease: LEASE });
    first.device.commit(pagesOf(world, [1], 5), 1);
    await crash(first);
    const { journalDir } = first;
    const { mount } = await openWriter(world, { journalDir, lease: LEASE });
    expect(await mount.flush()).toBe(3n);
    await mount.close();
    expect(await readDatabase(world)).toEqual([world.content(1, 5)]);
  });

  it("leaves nobody behind who hears that the lease is lost", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    await leaveSilentHolder(world);
    const clock = new JumpingClock();
    const { mount, device } = await openWriter(world, { lease: LEASE, clock });
    device.commit(pagesOf(world, [1], 2), 1);
    clock.jump(40_000);
    // Whoever was told on a device that is closed would end the test by an error nobody catches.
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    expect(device.writable).toBe(false);
    await expect(mount.close()).rejects.toMatchObject({ code: "FENCED" });
  });

  it("is not there for a database that has not begun", async () => {
    const world = new World();
    await leaveSilentHolder(world);
    const { mount } = await openWriter(world, { lease: LEASE });
    expect(mount.status().txid).toBe(0n);
    await mount.close();
  });

  it("gives up when somebody without a lease goes on writing", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    await leaveSilentHolder(world);
    let store: ObjectStore = world.store;
    for (const txid of range(2, 6)) {
      store = before(store, world.key(0, txid, txid), () => world.write({ pages: [1] }));
    }
    const opening = openWriter(world, { store, lease: LEASE });
    await expect(opening).rejects.toMatchObject({ code: "FENCED" });
  });
});
