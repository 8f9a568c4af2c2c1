import { describe, expect, it } from "vitest";
import { LIST_PARTS, LIST_SPLIT_KEYS } from "../src/limits.ts";
import type { LtxFile } from "../src/ltx-file.ts";
import { listLtxFiles } from "../src/ltx-files.ts";
import { makeReplica } from "../src/replica.ts";
import { distantStore, LATENCY_MS } from "./support/distant-store.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { range, World, type WorldOptions } from "./support/world.ts";

const BODY = new Uint8Array(1);

async function list(world: World) {
  const clock = new IdleClock();
  const store = distantStore(world.store, clock);
  const { path, url } = world;
  const levels = await listLtxFiles(makeReplica({ store, path, url, clock }));
  const trips = clock.monotonicMs() / LATENCY_MS;
  return { levels, trips, requestCount: store.requests.length };
}

function names(files: readonly LtxFile[]): string[] {
  return files.map(({ minTxid, maxTxid }) => `${minTxid}-${maxTxid}`);
}

/** Files of level 0, each of `width` transactions. */
async function deepWorld(count: number, width = 1, options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  for (const index of range(0, count - 1)) {
    await world.put(0, index * width + 1, (index + 1) * width, BODY);
  }
  return world;
}

describe("listing the files of a replica", () => {
  for (const keyLayout of ["s3", "path"] as const) {
    it(`takes one request for all levels, layout ${keyLayout}`, async () => {
      const world = new World({ keyLayout });
      for (const level of range(0, 9)) await world.put(level, 1, 10 + level, BODY);
      const { levels, requestCount } = await list(world);
      expect(levels.map(names)).toEqual(range(0, 9).map((level) => [`1-${10 + level}`]));
      expect(requestCount).toBe(1);
    });
  }

  it("shows what a put and a listing know of a file", async () => {
    const world = new World();
    await world.put(3, 7, 9, new Uint8Array(123), 5000);
    const [file] = (await list(world)).levels[3]!;
    const { version } = await world.store.head(world.key(3, 7, 9));
    const facts = { minTxid: 7n, maxTxid: 9n, key: world.key(3, 7, 9), size: 123 };
    expect(file).toEqual({ level: 3, ...facts, createdAtMs: 5000, version });
  });

  it("shows ten thousand files in two waves, with higher levels beside them", async () => {
    const world = await deepWorld(10_000);
    await world.put(1, 1, 500, BODY);
    await world.put(9, 1, 400, BODY);
    const { levels, trips, requestCount } = await list(world);
    expect(names(levels[0]!)).toEqual(range(1, 10_000).map((txid) => `${txid}-${txid}`));
    expect(names(levels[1]!)).toEqual(["1-500"]);
    expect(names(levels[9]!)).toEqual(["1-400"]);
    expect(trips).toBe(2);
    expect(requestCount).toBe(1 + LIST_PARTS + 1);
  });

  it("splits a level above in the same way, while the one below is listed", async () => {
    const world = await deepWorld(1500);
    for (const index of range(1, 2500)) await world.put(1, index * 10, index * 10 + 9, BODY);
    await world.put(2, 1, 30, BODY);
    await world.put(9, 1, 40, BODY);
    const { levels, trips } = await list(world);
    expect(names(levels[0]!)).toEqual(range(1, 1500).map((txid) => `${txid}-${txid}`));
    const above = range(1, 2500).map((index) => `${index * 10}-${index * 10 + 9}`);
    expect(names(levels[1]!)).toEqual(above);
    expect(levels.slice(2).map(names)).toEqual([["1-30"], [], [], [], [], [], [], ["1-40"]]);
    expect(trips).toBe(3);
  });

  it("shows every file once, however transactions are spread over them", async () => {
    const thin = await deepWorld(3500, 7);
    expect(names((await list(thin)).levels[0]!)).toHaveLength(3500);

    const uneven = await deepWorld(LIST_SPLIT_KEYS);
    for (const index of range(1, 2500)) {
      await uneven.put(0, 1_000_000 + index, 1_000_000 + index, BODY);
      await uneven.put(0, 4000 + (index % 50), 5000 + index, BODY);
    }
    const { levels } = await list(uneven);
    const found = names(levels[0]!);
    expect(found).toHaveLength(LIST_SPLIT_KEYS + 5000);
    expect(new Set(found).size).toBe(found.length);
  });

  it("is right at and around the size of one request", async () => {
    for (const count of [LIST_SPLIT_KEYS - 1, LIST_SPLIT_KEYS, LIST_SPLIT_KEYS + 1]) {
      const world = await deepWorld(count);
      await world.put(2, 1, 5, BODY);
      const { levels } = await list(world);
      expect(levels.map(({ length }) => length)).toEqual([count, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
  });

  it("is right at the end of all transactions", async () => {
    const world = await deepWorld(LIST_SPLIT_KEYS);
    const { store } = world;
    const condition = { type: "none" } as const;
    const key = `${world.path}/0000/fffffffffffffff0-ffffffffffffffff.ltx`;
    await store.put(key, BODY, { condition });
    expect(names((await list(world)).levels[0]!).at(-1)).toBe(
      "18446744073709551600-18446744073709551615",
    );
  });

  it("passes over what is not an LTX file, also where a listing is split", async () => {
    const world = await deepWorld(LIST_SPLIT_KEYS - 1);
    const condition = { type: "none" } as const;
    for (const name of ["0000/fff.tmp", "0000/ffg.tmp", "000x", "000a/x.ltx", "0001/notes"]) {
      await world.store.put(`${world.path}/${name}`, BODY, { condition });
    }
    await world.put(1, 1, 2, BODY);
    await world.put(2, 1, 3, BODY);
    const { levels } = await list(world);
    expect(levels.slice(1, 3).map(names)).toEqual([["1-2"], ["1-3"]]);
    expect(levels.flat()).toHaveLength(LIST_SPLIT_KEYS + 1);
  });

  it("takes one request after another where a store cannot start in the middle", async () => {
    const world = await deepWorld(2500, 1, { supports: { startAfter: false } });
    const { levels, requestCount } = await list(world);
    expect(levels[0]).toHaveLength(2500);
    expect(requestCount).toBe(3);
  });
});
