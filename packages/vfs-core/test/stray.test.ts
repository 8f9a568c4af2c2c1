/**
 * Uploads whose writer never heard of them: some came in time and are part of the history, others
 * came when their name had been freed again, and are part of nothing.
 */

import { ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { type Clock, openReplica, systemClock } from "../src/index.ts";
import { JumpingClock } from "./support/clock.ts";
import { compactorOf, listWorld } from "./support/restoring.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

interface Straggler {
  readonly journalDir: string;
  /** The upload of transaction 2 arrives now. */
  readonly arrive: () => Promise<unknown>;
}

/** Pauses between tries are a fiftieth of what they would be. */
const fastClock: Clock = {
  ...systemClock,
  sleep: (durationMs, options) => systemClock.sleep(durationMs / 50, options),
};

async function crash({ mount }: Pick<Writer, "mount">): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
}

/** A writer that stands at transaction 1, has sent transaction 2 and ends without an answer. */
async function leaveStraggler(world: World): Promise<Straggler> {
  const journalDir = makeFolder();
  let arrive: (() => Promise<unknown>) | undefined;
  const store = storeWith(world.store, {
    put: (key, body, options) => {
      if (key !== world.key(0, 2, 2)) return world.store.put(key, body, options);
      arrive ??= () => world.store.put(key, body, options);
      const where = { store: "test", operation: "put", key } as const;
      return Promise.reject(new ObjectStoreError("OUTCOME_UNKNOWN", "no answer", where));
    },
  });
  const writer = await openWriter(world, { store, journalDir, clock: fastClock });
  writer.device.commit(pagesOf(world, [1, 2, 3], 1), 3);
  await writer.mount.flush();
  writer.device.commit(pagesOf(world, [1, 2], 22), 3);
  await expect(writer.mount.flush()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await crash(writer);
  return { journalDir, arrive: arrive! };
}

/** Another writer, on a journal of its own, goes on up to this transaction. */
async function writeOn(world: World, lastTxid: bigint): Promise<void> {
  const { mount, device } = await openWriter(world);
  for (let mark = 100; mount.status().txid < lastTxid; mark += 1) {
    device.commit(pagesOf(world, [1, 3], mark), 3);
    await mount.flush();
  }
  await mount.close();
}

/** Level 0 up to this transaction goes to level 1. */
async function retire(world: World, firstKept: number, last = 4): Promise<void> {
  await world.compact(1, [[0, 1, 1]]);
  await world.compact(
    1,
    range(2, last).map((txid) => [0, txid, txid] as const),
  );
  for (const txid of range(1, firstKept - 1)) await world.remove(0, txid, txid);
}

async function readDatabase({ store, path, url }: World): Promise<Uint8Array[]> {
  await using replica = await openReplica({ store, path, url });
  using snapshot = replica.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}

describe("a journal whose upload came too late", () => {
  for (const [name, firstKept] of [
    ["just before the files that are kept", 3],
    ["among files that are gone", 4],
  ] as const) {
    it(`is refused and kept, the upload being ${name}`, async () => {
      const world = new World();
      const { journalDir, arrive } = await leaveStraggler(world);
      await writeOn(world, 4n);
      const before = await readDatabase(world);
      await retire(world, firstKept);
      await arrive();
      for (const _ of range(1, 2)) {
        const opening = openWriter(world, { journalDir });
        await expect(opening).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
      }
      expect(await readDatabase(world)).toEqual(before);
    });
  }
});

describe("a reader", () => {
  it("that slept does not see what came when its name was free again", async () => {
    const world = new World();
    const { arrive } = await leaveStraggler(world);
    const clock = new JumpingClock();
    const { store, path, url } = world;
    await using replica = await openReplica({ store, path, url, clock, pollIntervalMs: 0 });
    await writeOn(world, 4n);
    const expected = await readDatabase(world);
    await retire(world, 4);
    await arrive();
    expect(await readDatabase(world)).toEqual(expected);
    clock.jump(400_000);
    await replica.mount.flush();
    using snapshot = replica.snapshot();
    expect(snapshot.txid).toBe(4n);
    expect(await Promise.all(range(1, 3).map((pgno) => snapshot.readPage(pgno)))).toEqual(expected);
  });
});

describe("a journal whose upload came in time, unheard of", () => {
  it("is done when nobody else has written", async () => {
    const world = new World();
    const { journalDir, arrive } = await leaveStraggler(world);
    await arrive();
    const { mount, device } = await openWriter(world, { journalDir });
    expect(mount.status()).toMatchObject({ txid: 2n, sync: { pendingCount: 0 } });
    device.commit(pagesOf(world, [1, 3], 23), 3);
    expect(await mount.flush()).toBe(3n);
    await mount.close();
  });

  for (const lastTxid of [3n, 6n]) {
    it(`is done when another writer has gone on to transaction ${lastTxid}`, async () => {
      const world = new World();
      const { journalDir, arrive } = await leaveStraggler(world);
      await arrive();
      await writeOn(world, lastTxid);
      const before = await readDatabase(world);
      expect(before[1]).toEqual(world.content(2, 22));
      const { mount } = await openWriter(world, { journalDir });
      expect(mount.status()).toMatchObject({ txid: lastTxid, sync: { pendingCount: 0 } });
      await mount.close();
      expect(await readDatabase(world)).toEqual(before);
    });
  }

  it("is done when level 1 has it too, and files before it are gone", async () => {
    const world = new World();
    const { journalDir, arrive } = await leaveStraggler(world);
    await arrive();
    await writeOn(world, 4n);
    await retire(world, 2);
    const { mount } = await openWriter(world, { journalDir });
    expect(mount.status()).toMatchObject({ txid: 4n, sync: { pendingCount: 0 } });
    await mount.close();
  });

  it("is done when the other writer's compaction and retention have run", async () => {
    const world = new World();
    const { journalDir, arrive } = await leaveStraggler(world);
    await arrive();
    const other = compactorOf(world, { beganTxid: 2n });
    await writeOn(world, 7n);
    await other.compact(1);
    const forever = 1e15;
    await other.retain({ nowMs: forever, level0RetentionMs: 1, snapshotRetentionMs: 1 });
    expect((await listWorld(world))[0]).toHaveLength(4);
    const { mount } = await openWriter(world, { journalDir });
    expect(mount.status()).toMatchObject({ txid: 7n, sync: { pendingCount: 0 } });
    await mount.close();
  });

  it("is refused, and nothing is lost, when nothing in the bucket tells any more", async () => {
    const world = new World();
    const { journalDir, arrive } = await leaveStraggler(world);
    await arrive();
    await writeOn(world, 4n);
    await retire(world, 4);
    const opening = openWriter(world, { journalDir });
    await expect(opening).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
  });
});
