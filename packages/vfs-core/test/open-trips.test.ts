import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileTable } from "../src/file-table.ts";
import {
  HEAD_BYTES,
  OPEN_PARALLEL,
  OPEN_WINDOW_BYTES,
  OPEN_WINDOW_FILES,
  RANGE_BYTES_MAX,
  TAIL_BYTES_MIN,
} from "../src/limits.ts";
import { loadMap } from "../src/load-map.ts";
import { RequestQueue } from "../src/read/request-queue.ts";
import { makeReplica } from "../src/replica.ts";
import { distantStore, LATENCY_MS } from "./support/distant-store.ts";
import { hugeSnapshotStore } from "./support/huge-snapshot.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

/** A large snapshot, and so many small files after it. */
async function worldOf(fileCount: number): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 200) });
  await world.snapshot(1);
  await world.remove(0, 1, 1);
  for (const index of range(1, fileCount)) await world.write({ pages: [1 + (index % 200)] });
  return world;
}

async function openAfar(world: World, options = {}) {
  const clock = new IdleClock();
  const store = distantStore(world.store, clock);
  const replica = await openWorld(world, { store, clock, ...options });
  const trips = () => clock.monotonicMs() / LATENCY_MS;
  return { clock, store, replica, trips };
}

describe("round trips of opening", () => {
  it("are two for a snapshot of any size, page 1 and the pages after it included", async () => {
    const world = await worldOf(0);
    const { replica, store, trips } = await openAfar(world, { warmUp: false });
    using snapshot = replica.snapshot();
    for (const pgno of range(1, 15)) {
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
    }
    expect(trips()).toBe(2);
    expect(store.requests.map(({ operation, bytes }) => [operation, bytes])).toEqual([
      ["list", 0],
      ["get", HEAD_BYTES],
      ["get", TAIL_BYTES_MIN],
    ]);
    await replica.close();
  });

  for (const count of [100, 1000]) {
    it(`grow with files only by what may be under way at once, with ${count}`, async () => {
      const world = await worldOf(count);
      const { replica, store, trips } = await openAfar(world, { warmUp: false });
      // The page of the snapshot that no later file has would cost one more.
      using snapshot = replica.snapshot();
      expect(await snapshot.readPage(2)).toEqual(world.pageAt(world.txid, 2));
      const lists = count < 1000 ? 1 : 2;
      expect(trips()).toBe(lists + Math.ceil((count + 2) / OPEN_PARALLEL));
      expect(store.parallelMax).toBe(Math.min(count + 2, OPEN_PARALLEL));
      // One for each file, and two for the snapshot; none for a header alone.
      const operations = store.requests.map(({ operation }) => operation);
      expect(operations.slice(0, lists)).not.toContain("get");
      expect(operations.filter((operation) => operation !== "list")).toEqual(
        Array.from({ length: count + 2 }, () => "get"),
      );
      await replica.close();
    });

    it(`are those of the listing alone when indexes are on disk, with ${count}`, async () => {
      const world = await worldOf(count);
      const indexCacheDir = await mkdtemp(join(tmpdir(), "headwater-trips-"));
      try {
        const options = { warmUp: false, indexCacheDir };
        await (await openAfar(world, options)).replica.close();
        const { replica, store, trips } = await openAfar(world, options);
        expect(trips()).toBe(count < 1000 ? 1 : 2);
        const operations = store.requests.map(({ operation }) => operation);
        expect(new Set(operations)).toEqual(new Set(["list"]));
        await expectState(replica, world, world.txid);
        await replica.close();
      } finally {
        await rm(indexCacheDir, { recursive: true });
      }
    });
  }

  it("are three for a snapshot of ten gigabytes, and memory for it 16 bytes a page", async () => {
    const pageCount = 2_500_000;
    const path = "some/db";
    const inner = hugeSnapshotStore({ path, pageCount, pageSize: 4096, frameSize: 4100 });
    const clock = new IdleClock();
    const store = distantStore(inner, clock);
    const replica = makeReplica({ store, path, url: "memory:huge", clock });
    const loaded = await loadMap(replica, {
      queue: new RequestQueue(),
      files: new FileTable(),
      target: { type: "latest" },
      keepBytes: 0,
    });
    expect(clock.monotonicMs() / LATENCY_MS).toBe(3);
    const { map } = loaded!;
    expect(map.pageCount).toBe(pageCount);
    expect(map.find(pageCount)).toMatchObject({ offset: 100 + (pageCount - 1) * 4100, size: 4100 });
    const bytes = map.chunks.reduce((sum, chunk) => sum + (chunk?.byteLength ?? 0), 0);
    expect(bytes / pageCount).toBeLessThan(16);
    // Nothing is fetched twice, and no request is so large that others wait for it.
    const fetched = store.requests.reduce((sum, request) => sum + request.bytes, 0);
    expect(fetched).toBeLessThan(HEAD_BYTES + 12 * pageCount);
    expect(Math.max(...store.requests.map((request) => request.bytes))).toBe(RANGE_BYTES_MAX);
  });

  it("show what the files hold, whatever the order in which they come", async () => {
    const world = await worldOf(300);
    const clock = new IdleClock();
    const store = distantStore(world.store, clock);
    store.latencyMs = ({ key, startMs }) =>
      1000 + ((key.length * 7919 + key.charCodeAt(key.length - 5) * 104729 + startMs) % 5000);
    const replica = await openWorld(world, { store, clock, warmUp: false });
    await expectState(replica, world, 301);
    await replica.close();
  });

  it("hold a bounded part of the files, however long one of them takes", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    for (const _ of range(1, OPEN_WINDOW_FILES + 100)) await world.write({ pages: range(1, 50) });
    const clock = new IdleClock();
    const store = distantStore(world.store, clock);
    const first = world.key(0, 1, 1);
    store.latencyMs = ({ key }) => (key === first ? 10_000 : 100);
    const options = { store, clock, cacheBytes: 100_000, warmUp: false } as const;
    const replica = await openWorld(world, options);
    const before = store.requests.filter(({ startMs }) => startMs < 10_000);
    const bytes = before.reduce((sum, request) => sum + request.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(OPEN_WINDOW_BYTES);
    expect(bytes).toBeGreaterThan(OPEN_WINDOW_BYTES / 2);
    await expectState(replica, world, world.txid);
    await replica.close();
  });
});

describe("damage found while opening", () => {
  it("names a large file whose header, index or end cannot be", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    const sound = await world.body(0, 1, 1);
    const size = sound.byteLength;
    // The magic, the page size, the first transaction; the index; its size; the trailer.
    for (const at of [0, 9, 23, size - 1000, size - 20, size - 8]) {
      const damaged = sound.slice();
      damaged[at]! ^= 0x80;
      await world.put(0, 1, 1, damaged);
      await expect(openWorld(world), `byte ${at - size}`).rejects.toThrow(
        /object .*0000000000000001-0000000000000001\.ltx is damaged/,
      );
    }
  });

  it("names a small file of which one byte is another, wherever it is", async () => {
    const world = new World({ pageSize: 512, isRandom: true });
    await world.write({ pages: range(1, 20) });
    await world.write({ pages: [3, 4] });
    const body = await world.body(0, 2, 2);
    for (let at = 0; at < body.byteLength; at += 13) {
      const damaged = body.slice();
      damaged[at]! ^= 0x10;
      await world.put(0, 2, 2, damaged);
      await expect(openWorld(world), `byte ${at}`).rejects.toThrow(
        /object .*0000000000000002-0000000000000002\.ltx is damaged/,
      );
    }
  });
});
