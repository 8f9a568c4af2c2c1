/**
 * Another history at the same URL: somebody has deleted everything and begun anew, gone on from an
 * older state, or put another database there. A reader never mixes the two, and tells of it.
 */

import { describe, expect, it } from "vitest";
import type { MountEvent } from "../src/index.ts";
import { LIST_INTERVAL_MS, NAME_TRUST_MS, OPEN_TRIES } from "../src/limits.ts";
import { JumpingClock, WakingClock } from "./support/clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { openPlayer, seen } from "./support/roles.ts";
import { range, World, type WorldOptions } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

const PAGE_COUNT = 30;

/** A history of so many transactions, in the bucket of another one if there is one. */
async function history(txids: number, salt: number, options: WorldOptions = {}): Promise<World> {
  const world = new World({ salt, ...options });
  await world.write({ pages: range(1, PAGE_COUNT) });
  for (let txid = 2; txid <= txids; txid += 1) await world.write({ pages: [txid, txid + 1] });
  return world;
}

async function deleteAll(world: World): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of world.store.list("")) keys.push(key);
  for (const key of keys) await world.store.delete(key);
}

/** Puts the other history's files in the place of what is there. */
async function replaceBy(world: World, other: World): Promise<void> {
  await deleteAll(world);
  for await (const { key } of other.store.list("")) {
    const { body, meta } = await other.store.get(key);
    const { timestampMs } = meta;
    await world.store.put(key, body, { condition: { type: "none" }, timestampMs });
  }
}

async function opened(txids: number, options: Parameters<typeof openWorld>[1] = {}) {
  const world = await history(txids, 1);
  const events: MountEvent[] = [];
  const clock = new JumpingClock();
  const onEvent = (event: MountEvent) => void events.push(event);
  const replica = await openWorld(world, { clock, onEvent, warmUp: false, ...options });
  const resets = () => events.filter(({ type }) => type === "replicaReset");
  return {
    world,
    clock,
    replica,
    resets,
    follow: () => replica.mount.status().follow!,
    [Symbol.asyncDispose]: () => replica.close(),
  };
}

describe("a reset of the replica", () => {
  for (const [name, before, after] of [
    ["that has fewer transactions", 4, 2],
    ["that has as many", 4, 4],
    ["that has one more", 4, 5],
    ["that has many more", 4, 40],
  ] as const) {
    it(`${name} is followed, and told`, async () => {
      await using test = await opened(before);
      const { world, replica, resets } = test;
      await expectState(replica, world, before);
      const other = await history(after, 2);
      await replaceBy(world, other);
      await replica.mount.flush();
      await expectState(replica, other, after);
      expect(test.follow().reloadCount).toBe(1);
      expect(test.follow().lastError).toBeUndefined();
      const told = { type: "replicaReset", txid: BigInt(after), beforeTxid: BigInt(before) };
      expect(resets()).toEqual([{ ...told, reason: expect.any(String) }]);
      await other.write({ pages: [7] });
      await world.put(0, after + 1, after + 1, await other.body(0, after + 1, after + 1));
      expect(await replica.mount.flush()).toBe(BigInt(after + 1));
      await expectState(replica, other, after + 1);
      expect(test.follow().reloadCount).toBe(1);
    });
  }

  it("is told from the next transaction of this one, by name alone", async () => {
    const pollIntervalMs = 1;
    await using test = await opened(4, { pollIntervalMs });
    const { world, replica } = test;
    const other = await history(5, 2);
    // As if all of it had happened between two polls.
    const get = world.store.get.bind(world.store);
    world.store.get = async (key, options) => {
      if (key !== world.key(0, 5, 5)) return get(key, options);
      world.store.get = get;
      await replaceBy(world, other);
      return get(key, options);
    };
    await expect.poll(() => test.resets()).toHaveLength(1);
    await expectState(replica, other, 5);
  });

  it("is seen when an older state was gone on from", async () => {
    await using test = await opened(6);
    const { world, replica } = test;
    const other = await history(3, 1);
    for (let txid = 4; txid <= 6; txid += 1) {
      await world.remove(0, txid, txid);
      await other.write({ pages: [txid + 10] });
    }
    await other.write({ pages: [25] });
    for (let txid = 4; txid <= 7; txid += 1) {
      await world.put(0, txid, txid, await other.body(0, txid, txid));
    }
    expect(await replica.mount.flush()).toBe(7n);
    await expectState(replica, other, 7);
    expect(test.resets()).toHaveLength(1);
  });

  it("is never mixed with what was there, when only compacted files are left of it", async () => {
    await using test = await opened(4);
    const { world, clock, replica } = test;
    const other = await history(9, 2);
    await other.putState(1, 1, 3);
    await other.compact(
      1,
      range(4, 9).map((txid) => [0, txid, txid] as const),
    );
    for (const txid of range(1, 9)) await other.remove(0, txid, txid);
    await replaceBy(world, other);
    clock.jump(LIST_INTERVAL_MS);
    await replica.mount.flush();
    await expectState(replica, other, 9);
    expect(test.follow().reloadCount).toBe(1);
  });

  it("is an error as long as nothing else is there, and followed then", async () => {
    await using test = await opened(4);
    const { world, replica } = test;
    await expectState(replica, world, 4);
    await deleteAll(world);
    await expect(replica.mount.flush()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(replica.mount.status().txid).toBe(4n);
    const other = await history(1, 2);
    await replaceBy(world, other);
    expect(await replica.mount.flush()).toBe(1n);
    await expectState(replica, other, 1);
    expect(test.resets()).toHaveLength(1);
  });

  it("by a database of another page size is an error that stays", async () => {
    const pollIntervalMs = 3_600_000;
    const clock = new WakingClock(pollIntervalMs);
    const world = await history(4, 1);
    await using replica = await openWorld(world, { clock, pollIntervalMs });
    await replaceBy(world, await history(4, 2, { pageSize: 1024 }));
    await expect(replica.mount.flush()).rejects.toMatchObject({ code: "REPLICA_RESET" });
    for (const _ of range(1, 3)) {
      await clock.wake();
      const { follow, txid } = replica.mount.status();
      expect([follow?.lastError?.code, txid]).toEqual(["REPLICA_RESET", 4n]);
    }
  });

  it("that only listings show does not count while the newest file is there", async () => {
    const other = await history(2, 2);
    await other.compact(2, [
      [0, 1, 1],
      [0, 2, 2],
    ]);
    for (const txid of [1, 2]) await other.remove(0, txid, txid);
    await using test = await opened(4);
    const { world, replica } = test;
    await world.put(2, 1, 2, await other.body(2, 1, 2));
    let lists = 0;
    const list = world.store.list.bind(world.store);
    world.store.list = async function* (prefix, options) {
      lists += 1;
      for await (const meta of list(prefix, options)) if (meta.key.includes("/0002/")) yield meta;
    };
    await expect(replica.mount.flush()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect([lists, test.follow().requests.head?.calls]).toEqual([OPEN_TRIES, 1]);
    await expectState(replica, world, 4);
    world.store.list = list;
    await replaceBy(world, other);
    expect(await replica.mount.flush()).toBe(2n);
    await expectState(replica, other, 2);
  });

  it("leaves no page of before where the other history has none", async () => {
    await using test = await opened(4);
    const { world, replica } = test;
    await expectState(replica, world, 4);
    const other = new World({ salt: 2 });
    await other.write({ pages: range(1, 10) });
    await other.write({ pages: range(11, PAGE_COUNT).filter((pgno) => pgno !== 20) });
    await replaceBy(world, other);
    await replica.mount.flush();
    using snapshot = replica.snapshot();
    expect(await snapshot.readPage(19)).toEqual(other.pageAt(2, 19));
    await expect(snapshot.readPage(20)).rejects.toThrow("no file holds page 20");
  });
});

it("is seen though nothing of it has a name that was known", async () => {
  await using test = await opened(4, { cacheBytes: 0 });
  const { world, replica } = test;
  using old = replica.snapshot();
  const other = await history(4, 2);
  await other.snapshot(4);
  for (const txid of range(1, 4)) await other.remove(0, txid, txid);
  await replaceBy(world, other);
  for (const pgno of range(1, PAGE_COUNT)) {
    const page = await old.readPage(pgno).catch(() => undefined);
    if (page !== undefined) expect(page, `page ${pgno}`).toEqual(world.pageAt(4, pgno));
  }
  await replica.mount.flush();
  await expectState(replica, other, 4);
  expect(test.follow().reloadCount).toBe(1);
});

describe("readers that began before a reset", () => {
  it("keep what is in memory, and are told that the rest is gone", async () => {
    await using test = await opened(4, { cacheBytes: 100_000 });
    const { world, replica } = test;
    using old = replica.snapshot();
    expect(await old.readPage(1)).toEqual(world.pageAt(4, 1));
    const other = await history(4, 2, { isRandom: true });
    await replaceBy(world, other);
    await replica.mount.flush();
    for (const pgno of range(1, PAGE_COUNT)) {
      const page = await old.readPage(pgno).catch((error: Error) => error);
      if (page instanceof Error) expect(page.message).toContain("compacted away or replaced");
      else expect(page, `page ${pgno}`).toEqual(world.pageAt(4, pgno));
    }
    await expectState(replica, other, 4);
  });

  it("never get pages of the other history, though nobody has looked yet", async () => {
    const world = await history(4, 1, { isRandom: true });
    await using replica = await openWorld(world, { cacheBytes: 0, warmUp: false });
    const other = await history(4, 2, { isRandom: true });
    using old = replica.snapshot();
    await replaceBy(world, other);
    for (const pgno of range(1, PAGE_COUNT)) {
      const page = await old.readPage(pgno).catch(() => undefined);
      if (page !== undefined) expect(page, `page ${pgno}`).toEqual(world.pageAt(4, pgno));
    }
    await expect.poll(() => replica.mount.status().follow?.reloadCount).toBe(1);
    await expectState(replica, other, 4);
  });
});

describe("what SQLite is shown", () => {
  it("counts on, though the transaction is an older one or the same", async () => {
    const world = await history(4, 1);
    const player = await openPlayer(world);
    const counters = [player.device.state().changeCounter];
    for (const [index, txids] of [4, 2, 2, 6].entries()) {
      const other = await history(txids, 2 + index);
      await replaceBy(world, other);
      expect(await player.mount.flush()).toBe(BigInt(txids));
      counters.push(player.device.state().changeCounter);
      const pages = range(1, PAGE_COUNT).map((pgno) => other.pageAt(txids, pgno));
      expect(await seen(player)).toEqual(pages);
    }
    for (const [index, counter] of counters.slice(1).entries()) {
      expect(counter).toBeGreaterThan(counters[index]!);
    }
  });
});

describe("what is no reset", () => {
  it("costs one request more per poll with news, and nothing is planned anew", async () => {
    await using test = await opened(2);
    const { world, replica } = test;
    await replica.mount.flush();
    for (const txid of range(3, 6)) {
      await world.write({ pages: [txid] });
      await replica.mount.flush();
      await expectState(replica, world, txid);
    }
    expect(test.follow().reloadCount).toBe(0);
    expect(test.follow().requests.head?.calls).toBe(4);
  });

  it("costs nothing with our own uploads, which name the one before them", async () => {
    const options = { pageSize: 4096, isRandom: true };
    const world = new World(options);
    await world.write({ pages: range(1, 200) });
    const { device, mount } = await openWriter(world);
    await using replica = await openWorld(world, { warmUp: false });
    const heads = () => replica.mount.status().follow!.requests.head?.calls ?? 0;
    for (const txid of range(2, 6)) {
      // By turns in one request and in several.
      device.commit(pagesOf(world, range(1, txid % 2 === 0 ? 10 : 150), txid), 200);
      expect(await mount.flush()).toBe(BigInt(txid));
      expect(await replica.mount.flush()).toBe(BigInt(txid));
      // What was opened with does not tell.
      expect(heads()).toBe(1);
    }
    await mount.close();
    expect(replica.mount.status().follow?.reloadCount).toBe(0);
  });

  it("after a long sleep and retention: everything is planned anew, and nothing told", async () => {
    await using test = await opened(2);
    const { world, clock, replica } = test;
    for (const txid of range(3, 6)) await world.write({ pages: [txid] });
    await world.compact(
      1,
      range(1, 6).map((txid) => [0, txid, txid] as const),
    );
    for (const txid of range(1, 5)) await world.remove(0, txid, txid);
    clock.jump(NAME_TRUST_MS);
    expect(await replica.mount.flush()).toBe(6n);
    await expectState(replica, world, 6);
    expect([test.follow().reloadCount, test.resets()]).toEqual([1, []]);
  });

  it("compaction and retention, which spares the newest file", async () => {
    await using test = await opened(3);
    const { world, replica } = test;
    await world.compact(
      1,
      range(1, 3).map((txid) => [0, txid, txid] as const),
    );
    for (const txid of range(1, 2)) await world.remove(0, txid, txid);
    await replica.mount.flush();
    await expectState(replica, world, 3);
    expect(test.follow().reloadCount).toBe(0);
  });

  it("a newest file that is gone, with the same state in another: it is planned anew", async () => {
    await using test = await opened(3);
    const { world, replica } = test;
    await world.snapshot(3);
    for (const txid of range(1, 3)) await world.remove(0, txid, txid);
    await replica.mount.flush();
    await expectState(replica, world, 3);
    expect([test.follow().reloadCount, test.resets()]).toEqual([1, []]);
    await replica.mount.flush();
    expect(test.follow().reloadCount).toBe(1);
  });

  it("a file of the same transactions that was put again: it is planned anew", async () => {
    const world = await history(2, 1);
    await world.compact(1, [
      [0, 1, 1],
      [0, 2, 2],
    ]);
    await world.remove(0, 1, 1);
    await world.write({ pages: [3] });
    const events: MountEvent[] = [];
    const onEvent = (event: MountEvent) => void events.push(event);
    await using replica = await openWorld(world, { onEvent, cacheBytes: 0, warmUp: false });
    await world.remove(1, 1, 2);
    await world.putState(1, 1, 2);
    await replica.mount.flush();
    await expectState(replica, world, 3);
    expect(replica.mount.status().follow?.reloadCount).toBe(1);
    expect(events).toEqual([]);
  });
});
