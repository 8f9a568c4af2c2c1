import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Mount, MountOptions, Usage } from "../src/index.ts";
import { readCounters, subtractCounters, toUsage } from "../src/index.ts";
import { HEDGE_SAMPLES_MIN } from "../src/limits.ts";
import { RacingClock } from "./support/clock.ts";
import { openReader } from "./support/read-mount.ts";
import { storeWith } from "./support/store-with.ts";
import { Watcher } from "./support/watching.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

const PAGES = 40;
const SMALL = { warmUp: false, hedge: false } as const;

/** One file too large to come whole, and a small one over it. */
async function largeWorld(): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 400) });
  await world.write({ pages: [2] });
  return world;
}

function requestsOf(world: World): number {
  return world.requests.reduce((sum, { requests }) => sum + requests, 0);
}

function expectAllCounted(mount: Pick<Mount, "status">, world: World): Usage {
  const { usage } = mount.status();
  const bytes = (name: "bytesRead" | "bytesWritten") =>
    world.requests.reduce((sum, request) => sum + request[name], 0);
  expect(usage.requests).toBe(requestsOf(world));
  expect(usage.bytesReceived).toBe(bytes("bytesRead"));
  expect(usage.bytesSent).toBe(bytes("bytesWritten"));
  const parts = Object.values(usage.byPurpose);
  expect(parts.reduce((sum, part) => sum + part.requests, 0)).toBe(usage.requests);
  const kinds = Object.values(usage.byKind);
  expect(kinds.reduce((sum, count) => sum + count, 0)).toBe(usage.requests);
  return usage;
}

describe("the usage of a mount", () => {
  it("has every request of a reader, by what it was for", async () => {
    const world = await largeWorld();
    world.requests.length = 0;
    const { mount, device } = await openReader(world, { ...SMALL, cacheBytes: 1_000_000 });
    const opened = expectAllCounted(mount, world);
    expect(Object.keys(opened.byPurpose)).toEqual(["open"]);
    expect(opened.byKind).toEqual({ list: 1, get: 3 });
    using snapshot = device.snapshot();
    await snapshot.readPage(300);
    const read = expectAllCounted(mount, world);
    expect(read.byPurpose.miss).toMatchObject({ requests: 1, byKind: { get: 1 } });
    expect(read.byPurpose.open).toEqual(opened.byPurpose.open);
    await mount.flush();
    expect(Object.keys(expectAllCounted(mount, world).byPurpose)).toEqual(["open", "miss", "poll"]);
    await mount.close();
  });

  it("has what read-ahead, warm-up and hydration ask for", async () => {
    const world = await largeWorld();
    world.requests.length = 0;
    const { mount } = await openReader(world, { hydrate: {}, cacheBytes: 4_000_000 });
    await mount.hydrated();
    expect(expectAllCounted(mount, world).byPurpose.hydration?.requests).toBeGreaterThan(0);
    await mount.close();
    world.requests.length = 0;
    const again = await openReader(world, { ...SMALL, cacheBytes: 4_000_000 });
    using snapshot = again.device.snapshot();
    for (const pgno of range(100, 140)) await snapshot.readPage(pgno);
    const { byPurpose } = again.mount.status().usage;
    expect(byPurpose.readAhead?.requests).toBeGreaterThan(0);
    await again.mount.close();
    expectAllCounted(again.mount, world);
  });

  it("has every request of a writer: uploads, lease, compaction, fence", async () => {
    const clock = new RacingClock(20);
    const world = new World({ clock });
    const { mount, device } = await openWriter(world, {
      lease: { ttlMs: 3_600_000 },
      compaction: {
        levelIntervalsMs: [500, 1000, 2000],
        snapshotIntervalMs: 4000,
        level0RetentionMs: 1,
        retentionIntervalMs: 300,
      },
      clock,
    });
    for (const mark of range(1, 30)) {
      device.commit(pagesOf(world, mark === 1 ? range(1, PAGES) : [1, mark], mark), PAGES);
      await mount.flush();
    }
    await expect
      .poll(() => mount.status().usage.byPurpose.compaction?.byKind.put)
      .toBeGreaterThan(0);
    await mount.close();
    const { byPurpose } = expectAllCounted(mount, world);
    expect(byPurpose.sync?.byKind.put).toBe(30);
    expect(byPurpose.lease?.byKind.put).toBeGreaterThanOrEqual(2);
    expect(byPurpose.compaction?.requests).toBeGreaterThan(0);
    expect(byPurpose.poll).toBeUndefined();
  });

  it("has the requests of its pasts", async () => {
    const world = await largeWorld();
    const { mount } = await openReader(world, SMALL);
    world.requests.length = 0;
    const before = readCounters(mount.counters);
    await using past = await mount.at({ type: "txid", txid: 1n });
    expect(past.txid).toBe(1n);
    const grown = toUsage(subtractCounters(readCounters(mount.counters), before));
    expect(Object.keys(grown.byPurpose)).toEqual(["travel"]);
    expect(grown.requests).toBe(requestsOf(world));
    await mount.close();
  });

  it("has what failed and what was sent again", async () => {
    const world = await largeWorld();
    const fault = { type: "before", code: "UNAVAILABLE" } as const;
    const rules = [{ fault, operation: "get", times: 2 }] as const;
    const store = faulty(world.store, { rules });
    const { mount } = await openReader(world, { ...SMALL, store });
    const { failed, retried, requests } = mount.status().usage;
    expect({ failed, retried, requests }).toEqual({ failed: 2, retried: 2, requests: 6 });
    await mount.close();
  });

  it("is counted when a page has come", async () => {
    const world = await largeWorld();
    const { mount, device } = await openReader(world, { ...SMALL, cacheBytes: 0 });
    using snapshot = device.snapshot();
    for (const pgno of [50, 390, 120, 333]) {
      const before = readCounters(mount.counters);
      await snapshot.readPage(pgno);
      const { byPurpose } = toUsage(subtractCounters(readCounters(mount.counters), before));
      expect(byPurpose.miss?.requests).toBe(1);
      expect(byPurpose.miss?.bytesReceived).toBeGreaterThan(4096);
    }
    await mount.close();
  });
});

describe("an observer", () => {
  const open = async (options: Partial<MountOptions> = {}, watcher = new Watcher()) => {
    const world = await largeWorld();
    world.requests.length = 0;
    const opened = await openReader(world, { ...SMALL, ...options, observer: watcher } as never);
    return { ...opened, world, watcher };
  };

  it("is told of the opening, with what it took", async () => {
    const { mount, watcher, world } = await open();
    expect(watcher.of("open")).toEqual([
      {
        mount: "app.db",
        mode: "read",
        url: world.url,
        txid: 2n,
        pageCount: 400,
        durationMs: expect.any(Number) as number,
        requests: requestsOf(world),
        bytes: world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
      },
    ]);
    await mount.close();
  });

  it("is told of an opening that failed, and of the conflict that it found", async () => {
    const watcher = new Watcher();
    const nothing = openReader(new World(), { observer: watcher });
    await expect(nothing).rejects.toMatchObject({ code: "REPLICA_NOT_FOUND" });
    expect(watcher.of("open")).toMatchObject([
      { error: { code: "REPLICA_NOT_FOUND" }, txid: undefined, requests: 2 },
    ]);
    expect(watcher.of("conflict")).toEqual([]);
    const world = new World();
    const { mount, device, journalDir } = await openWriter(world);
    device.commit(pagesOf(world, range(1, PAGES), 1), PAGES);
    await mount.flush();
    device.commit(pagesOf(world, [2], 2), PAGES);
    await world.write({ pages: range(1, PAGES) });
    await world.write({ pages: [3] });
    await mount.close().catch(() => {});
    await expect(openWriter(world, { journalDir, observer: watcher })).rejects.toThrow();
    expect(watcher.of("conflict")).toMatchObject([
      { when: "open", error: { code: "JOURNAL_CONFLICT" } },
    ]);
  });

  it("is told of each request for pages, and not of others", async () => {
    const { mount, device, watcher, world } = await open({ cacheBytes: 0 });
    expect(watcher.of("fetch")).toEqual([]);
    using snapshot = device.snapshot();
    await snapshot.readPage(300);
    await snapshot.readPage(10);
    const key = world.key(0, 1, 1);
    const told = { mount: "app.db", key, pages: 1, hedged: false, purpose: "miss", requests: 1 };
    expect(watcher.of("fetch")).toMatchObject([told, told]);
    expect(watcher.of("fetch")[0]?.bytes).toBe(world.requests.at(-2)?.bytesRead);
    await mount.close();
  });

  it("is told why a request for pages failed", async () => {
    const { mount, device, watcher, world } = await open({ cacheBytes: 0 });
    await world.remove(0, 1, 1);
    using snapshot = device.snapshot();
    await expect(snapshot.readPage(300)).rejects.toThrow();
    expect(watcher.of("fetch")[0]).toMatchObject({ error: { code: "OBJECT_NOT_FOUND" }, bytes: 0 });
    await mount.close();
  });

  it("is told of polls, with what they have moved", async () => {
    const { mount, watcher, world } = await open();
    await world.write({ pages: [5] });
    await mount.flush();
    expect(watcher.of("poll")).toMatchObject([{ beforeTxid: 2n, txid: 3n }]);
    expect(watcher.of("poll")[0]?.requests).toBeGreaterThan(1);
    await mount.close();
  });

  it("is told of uploads, of each step of the lease, and of the loss of it", async () => {
    const watcher = new Watcher();
    const world = new World();
    const ttlMs = 3_600_000;
    const options = { lease: { ttlMs }, compaction: "off", observer: watcher } as const;
    const { mount, device } = await openWriter(world, options);
    expect(watcher.of("lease")).toMatchObject([{ action: "acquire", generation: 1n, requests: 2 }]);
    const seq = device.commit(pagesOf(world, range(1, PAGES), 1), PAGES);
    await mount.flush();
    const { byteLength } = await world.body(0, 1, 1);
    expect(watcher.of("sync")).toMatchObject([{ txid: 1n, seq, requests: 1, bytes: byteLength }]);
    await mount.close();
    expect(watcher.of("lease").at(-1)).toMatchObject({ action: "release", generation: 1n });
    expect(watcher.of("conflict")).toEqual([]);
  });

  it("is told of a try to upload that failed, and of the fence", async () => {
    const watcher = new Watcher();
    const world = new World();
    const { mount, device } = await openWriter(world, { observer: watcher });
    device.commit(pagesOf(world, range(1, PAGES), 1), PAGES);
    await world.write({ pages: range(1, PAGES) });
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    await expect.poll(() => watcher.of("sync").length).toBe(1);
    expect(watcher.of("sync")).toMatchObject([{ txid: undefined, error: { code: "FENCED" } }]);
    expect(watcher.of("conflict")).toMatchObject([{ mount: "app.db", when: "fenced" }]);
    await mount.close().catch(() => {});
  });

  it("is told how hydration goes, and when it is complete", async () => {
    const { mount, watcher } = await open({ hydrate: {} });
    await mount.hydrated();
    await expect.poll(() => watcher.of("hydrate").at(-1)?.state).toBe("complete");
    const told = watcher.of("hydrate");
    expect(told.at(-1)).toMatchObject({ pagesPresent: 400, pageCount: 400 });
    expect(told.at(-1)?.bytes).toBe(mount.status().usage.byPurpose.hydration?.bytesReceived);
    expect(told[0]?.state).toBe("progress");
    const fetches = watcher.of("fetch").filter(({ purpose }) => purpose === "hydration");
    expect(fetches.reduce((sum, { requests }) => sum + requests, 0)).toBe(told.at(-1)?.requests);
    await mount.close();
  });

  it("is told of a request that was sent a second time, and of the one it beat", async () => {
    const world = await largeWorld();
    const watcher = new Watcher(["fetch"]);
    let hangs = 0;
    const store = storeWith(world.store, {
      get: (key, options) => {
        if (hangs === 0) return world.store.get(key, options);
        hangs -= 1;
        const signal = options?.signal;
        return new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
      },
    });
    const options = { ...SMALL, hedge: true, observer: watcher, cacheBytes: 0, store };
    const { mount, device } = await openReader(world, options);
    using snapshot = device.snapshot();
    // Far from one another, so that nothing reads ahead.
    for (let count = 0; count < HEDGE_SAMPLES_MIN; count += 1) {
      await snapshot.readPage(20 + ((count * 97) % 370));
    }
    hangs = 1;
    await snapshot.readPage(15);
    const last = watcher.of("fetch").slice(-2);
    expect(last.map(({ hedged }) => hedged).sort()).toEqual([false, true]);
    expect(last.find(({ hedged }) => hedged)?.error).toBeUndefined();
    expect(last.find(({ hedged }) => !hedged)?.error).toBeDefined();
    await mount.close();
  });

  it("is asked before anything is made for it, and is told only what it wants", async () => {
    const watcher = new Watcher(["poll"]);
    const { mount, device } = await open({ cacheBytes: 0, hydrate: {} }, watcher);
    using snapshot = device.snapshot();
    await snapshot.readPage(300);
    await mount.flush();
    await mount.hydrated();
    expect(watcher.all.map(({ channel }) => channel)).toEqual(["poll"]);
    expect(watcher.asked).toContain("fetch");
    await mount.close();
  });
});
