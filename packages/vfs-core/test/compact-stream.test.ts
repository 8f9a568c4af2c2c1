import { decodeLtx, verifyLtx } from "@headwater/ltx";
import type { ObjectStore, Upload } from "@headwater/object-store";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../src/errors.ts";
import { compactorOf, describeLevels, listWorld, restore } from "./support/restoring.ts";
import { range, World, type WorldOptions } from "./support/world.ts";

const PAGE_SIZE = 65_536;

/** Its snapshot comes to some 11 MB, which is more than one part. */
async function largeWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World({ pageSize: PAGE_SIZE, isRandom: true, ...options });
  await world.write({ pages: range(1, 90), timestampMs: 1000 });
  await world.write({ pages: range(80, 170), timestampMs: 2000 });
  world.requests.length = 0;
  return world;
}

function operationsOn(world: World, level: string): string[] {
  const toLevel = world.requests.filter(({ key }) => key?.includes(`/${level}/`));
  return toLevel.map(({ operation }) => operation);
}

async function expectWhole(world: World): Promise<void> {
  const restored = await restore(world, { type: "latest" });
  expect(restored.txid).toBe(world.txid);
  expect(Buffer.compare(restored.image, world.imageAt(world.txid))).toBe(0);
}

const LOSE_END = [{ fault: { type: "after" }, operation: "completeUpload" }] as const;

function withUploads(store: ObjectStore, change: (upload: Upload) => Upload): ObjectStore {
  return {
    name: store.name,
    supports: store.supports,
    keyLayout: store.keyLayout,
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    put: (key, body, options) => store.put(key, body, options),
    openUpload: async (key, options) => change(await store.openUpload(key, options)),
    delete: (key, options) => store.delete(key, options),
    deleteMany: (keys, options) => store.deleteMany(keys, options),
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

describe("a large output", () => {
  it("goes out in parts, and is looked at where it came to lie", async () => {
    const world = await largeWorld();
    await compactorOf(world).snapshot();
    const operations = operationsOn(world, "0009");
    const sent = operations.filter((operation) => operation !== "list");
    expect(sent).toEqual(["openUpload", "putPart", "putPart", "completeUpload", "get", "get"]);
    const body = await world.body(9, 1, 2);
    verifyLtx(body);
    expect(decodeLtx(body).header.timestampMs).toBe(2000);
    expect((await listWorld(world))[9]![0]).toMatchObject({ createdAtMs: 2000 });
    await world.remove(0, 1, 1);
    await world.remove(0, 2, 2);
    await expectWhole(world);
  });

  it("has the same bytes as one that went out whole", async () => {
    const whole = await largeWorld({ supports: { streamedConditions: false } });
    const inParts = await largeWorld();
    for (const world of [whole, inParts]) await compactorOf(world).compact(1);
    expect(operationsOn(whole, "0001")).toContain("put");
    expect(operationsOn(inParts, "0001")).toContain("completeUpload");
    const bodies = [await whole.body(1, 1, 2), await inParts.body(1, 1, 2)] as const;
    expect(Buffer.compare(...bodies)).toBe(0);
  });

  it("is not there when the lease is lost after its last byte was made", async () => {
    const world = await largeWorld();
    const lost = new HeadwaterError("FENCED", "lost");
    let asked = 0;
    const stillOurs = async () => {
      asked += 1;
      expect(operationsOn(world, "0009")).toContain("putPart");
      throw lost;
    };
    await expect(compactorOf(world, { stillOurs }).snapshot()).rejects.toBe(lost);
    expect(asked).toBe(1);
    expect(operationsOn(world, "0009").at(-1)).toBe("abortUpload");
    expect(describeLevels(await listWorld(world))).toEqual(["0: 1-1 2-2"]);
  });

  it("is not there when a source turns out to be damaged at its end", async () => {
    const world = await largeWorld();
    const body = await world.body(0, 2, 2);
    body[body.byteLength - 1]! ^= 1;
    await world.put(0, 2, 2, body, 2000);
    const compactor = compactorOf(world);
    await expect(compactor.snapshot()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(describeLevels(await listWorld(world))).toEqual(["0: 1-1 2-2"]);
  });

  it("is found to be ours when the last answer got lost", async () => {
    const world = await largeWorld();
    const store = faulty(world.store, { rules: LOSE_END });
    const compactor = compactorOf(world, { store });
    expect(await compactor.snapshot()).toBe(true);
    expect(store.faultCount).toBe(1);
    expect(compactor.levels[9]).toMatchObject([{ maxTxid: 2n, createdAtMs: 2000 }]);
    await expectWhole(world);
  });

  it("is left alone when somebody put it in the meantime", async () => {
    const world = await largeWorld();
    const there = await largeWorld();
    await compactorOf(there).snapshot();
    const body = await there.body(9, 1, 2);
    const stillOurs = async () => {
      await world.put(9, 1, 2, body, 2000);
    };
    expect(await compactorOf(world, { stillOurs }).snapshot()).toBe(true);
    expect(operationsOn(world, "0009")).toContain("abortUpload");
    expect(Buffer.compare(await world.body(9, 1, 2), body)).toBe(0);
    await expectWhole(world);
  });

  it("goes out whole where the store turns out to ignore conditions on parts", async () => {
    const world = await largeWorld({ supports: { conditionsTrusted: false } });
    const forgetful: ObjectStore = {
      ...withUploads(world.store, (upload) => upload),
      openUpload: (key, options) =>
        world.store.openUpload(key, { ...options, condition: { type: "none" } }),
    };
    await compactorOf(world, { store: forgetful }).snapshot();
    expect(operationsOn(world, "0009")).toContain("put");
    const trusted = await largeWorld({ supports: { conditionsTrusted: false } });
    await compactorOf(trusted).snapshot();
    expect(operationsOn(trusted, "0009")).toContain("completeUpload");
    await expectWhole(trusted);
    // What was put to find out is gone.
    for (const { bucket } of [world, trusted]) expect(bucket.sortedKeys()).toHaveLength(3);
  });

  it("that is not what was sent is told", async () => {
    const world = await largeWorld();
    const mixed = withUploads(world.store, (upload) => ({
      key: upload.key,
      partSize: upload.partSize,
      partsParallel: upload.partsParallel,
      putPart: (index, part) => upload.putPart(index, index === 0 ? part : part.toReversed()),
      complete: () => upload.complete(),
      abort: () => upload.abort(),
    }));
    const compactor = compactorOf(world, { store: mixed });
    await expect(compactor.snapshot()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
  });
});
