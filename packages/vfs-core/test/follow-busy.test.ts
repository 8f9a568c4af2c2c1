/** Following a writer that writes much: what that costs, and what readers notice of it. */

import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import { FOLLOW_FILES_MAX, FOLLOW_PAGES_BYTES, WHOLE_FILE_BYTES } from "../src/limits.ts";
import { WakingClock } from "./support/clock.ts";
import { expectState, openWorld, readAll } from "./support/reading.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";

const PAGE_SIZE = 4096;
const PAGE_COUNT = 1000;
/** So many make a file that is not fetched whole. */
const MANY = 400;
const POLL_MS = 3_600_000;

/** Everything is in the cache, and the cache is full or not. */
async function readingAll(options: Parameters<typeof openWorld>[1] = {}) {
  const world = new World({ pageSize: PAGE_SIZE, isRandom: true });
  await world.write({ pages: range(1, PAGE_COUNT) });
  const clock = new WakingClock(POLL_MS);
  const replica = await openWorld(world, {
    clock,
    pollIntervalMs: POLL_MS,
    cacheBytes: 6_000_000,
    warmUp: false,
    ...options,
  });
  // What was only fetched does not count as used.
  for (const _ of range(1, 2)) await readAll(replica);
  await clock.wake();
  world.requests.length = 0;
  const bytesRead = () => world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  return { world, clock, replica, bytesRead, [Symbol.asyncDispose]: () => replica.close() };
}

describe("pages that a poll changes", () => {
  it("stay in memory for those who use them, whatever the size of the file", async () => {
    await using test = await readingAll();
    const { world, clock, replica } = test;
    const changed = range(2, 1 + MANY);
    const txid = await world.write({ pages: changed });
    const { byteLength } = await world.body(0, txid, txid);
    expect(byteLength).toBeGreaterThan(4 * WHOLE_FILE_BYTES);
    await clock.wake();
    expect(replica.mount.status().txid).toBe(BigInt(txid));
    world.requests.length = 0;
    await expectState(replica, world, txid);
    expect(world.requests).toEqual([]);
  });

  it("are fetched of a large file with one look at its end and one at the pages", async () => {
    await using test = await readingAll();
    const { world, clock, bytesRead } = test;
    const txid = await world.write({ pages: range(2, 1 + MANY) });
    const { byteLength } = await world.body(0, txid, txid);
    await clock.wake();
    const ours = world.requests.filter(({ key }) => key === world.key(0, txid, txid));
    expect(ours.map(({ operation }) => operation)).toEqual(["get", "get", "get"]);
    expect(bytesRead()).toBeLessThan(1.1 * byteLength);
  });

  it("are left where they are when nobody uses them", async () => {
    const world = new World({ pageSize: PAGE_SIZE, isRandom: true });
    await world.write({ pages: range(1, PAGE_COUNT) });
    const clock = new WakingClock(POLL_MS);
    const options = { clock, pollIntervalMs: POLL_MS, cacheBytes: 6_000_000, warmUp: false };
    await using replica = await openWorld(world, options);
    await readAll(replica);
    await clock.wake();
    world.requests.length = 0;
    await world.write({ pages: range(2, 1 + MANY) });
    await clock.wake();
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(2 * WHOLE_FILE_BYTES);
  });

  it("hold up a poll for a moment only when they do not come", async () => {
    await using test = await readingAll();
    const { world, clock, replica } = test;
    const txid = world.txid + 1;
    const get = world.store.get.bind(world.store);
    let asked = 0;
    let hung = 0;
    world.store.get = (key, options) => {
      asked += key === world.key(0, txid, txid) ? 1 : 0;
      // The first brings its start, the second one its index.
      if (key !== world.key(0, txid, txid) || asked < 3) return get(key, options);
      hung += 1;
      return new Promise((_, reject) => {
        const { signal } = options!;
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    };
    await world.write({ pages: range(2, 1 + MANY) });
    await clock.wake();
    expect(hung).toBeGreaterThan(0);
    expect(replica.mount.status().txid).toBe(BigInt(txid));
    world.store.get = get;
    await expectState(replica, world, txid);
  });

  it("are not missed by readers of a local image either", async () => {
    const world = new World({ pageSize: PAGE_SIZE, isRandom: true });
    await world.write({ pages: range(1, PAGE_COUNT) });
    // Full after the second of three.
    const cacheBytes = (MANY + 50) * PAGE_SIZE;
    const options = { hydrate: {}, warmUp: false, requestTimeoutMs: 2_000, cacheBytes };
    const { mount, device } = await openPlayer(world, options);
    await mount.hydrated();
    const [few, many, others] = [range(2, 20), range(2, 1 + MANY), range(700, 759)];
    for (const pages of [few, many, others]) {
      const txid = world.txid + 1;
      const get = world.store.get.bind(world.store);
      let asked = 0;
      const shown = deferred<void>();
      // Until then neither hydration nor a reader gets any page by itself.
      world.store.get = async (key, options) => {
        asked += key === world.key(0, txid, txid) ? 1 : 0;
        const isFollowing = asked <= (pages === many ? 3 : 1);
        if (key === world.key(0, txid, txid) && !isFollowing) await shown.promise;
        return get(key, options);
      };
      await world.write({ pages });
      await mount.flush();
      using snapshot = device.snapshot();
      expect(mount.status().txid).toBe(BigInt(txid));
      for (const pgno of range(1, PAGE_COUNT)) {
        expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(world.pageAt(txid, pgno));
      }
      world.store.get = get;
      shown.resolve();
      await mount.hydrated();
    }
    await mount.close();
  });

  it("are fetched no more of than there is a limit to", async () => {
    const pages = Math.floor(FOLLOW_PAGES_BYTES / PAGE_SIZE);
    await using test = await readingAll({ cacheBytes: 20_000_000 });
    const { world, clock, replica, bytesRead } = test;
    await world.write({ pages: range(1, pages + 500) });
    await clock.wake();
    for (const _ of range(1, 2)) await readAll(replica);
    world.requests.length = 0;
    const txid = await world.write({ pages: range(1, pages + 500) });
    await clock.wake();
    expect(bytesRead()).toBeLessThan(FOLLOW_PAGES_BYTES * 1.1);
    expect(bytesRead()).toBeGreaterThan(FOLLOW_PAGES_BYTES * 0.9);
    await expectState(replica, world, txid);
  });
});

describe("a burst of transactions", () => {
  async function burst(count: number) {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    const clock = new WakingClock(POLL_MS);
    const replica = await openWorld(world, { clock, pollIntervalMs: POLL_MS, warmUp: false });
    await clock.wake();
    for (let left = count; left > 0; left -= 1) await world.write({ pages: [1 + (left % 30)] });
    let running = 0;
    let waves = 0;
    const get = world.store.get.bind(world.store);
    world.store.get = async (key, options) => {
      if (running === 0) waves += 1;
      running += 1;
      await clock.yield();
      try {
        return await get(key, options);
      } finally {
        running -= 1;
      }
    };
    world.requests.length = 0;
    await clock.wake();
    await expectState(replica, world, count + 1);
    const asked = world.requests.filter(({ operation }) => operation === "get").length;
    const lists = world.requests.filter(({ operation }) => operation === "list").length;
    await replica.close();
    return { asked, lists, waves };
  }

  it("costs few waves of requests and no listing", async () => {
    expect(await burst(1)).toEqual({ asked: 2, lists: 0, waves: 2 });
    const { asked, lists, waves } = await burst(20);
    expect(lists).toBe(0);
    expect(waves).toBeLessThanOrEqual(6);
    expect(asked).toBeLessThanOrEqual(FOLLOW_FILES_MAX);
  });

  it("is followed as far as it goes without a gap", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    const clock = new WakingClock(POLL_MS);
    await using replica = await openWorld(world, { clock, pollIntervalMs: POLL_MS });
    for (let txid = 2; txid <= 12; txid += 1) await world.write({ pages: [txid] });
    const late = await world.body(0, 7, 7);
    await world.remove(0, 7, 7);
    await clock.wake();
    await expectState(replica, world, 6);
    await world.put(0, 7, 7, late);
    await clock.wake();
    await expectState(replica, world, 12);
  });
});
