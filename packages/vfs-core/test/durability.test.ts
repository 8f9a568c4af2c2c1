import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeLtx } from "@headwater/ltx";
import { type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { type FaultRule, faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { HeadwaterError, openReplica, type WriteMountOptions } from "../src/index.ts";
import { JumpingClock } from "./support/clock.ts";
import { seededRandom } from "./support/random.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

/** For a COMMIT that is to fail. What is to succeed has time. */
const SHORT = { requestTimeoutMs: 600 };

/** The process ends without a word: nothing is uploaded, nothing is given back. */
async function crash({ mount }: Pick<Writer, "mount">): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
}

/** The mark of each page in the bucket. */
async function marksIn(world: World): Promise<number[]> {
  const { path, url } = world;
  await using replica = await openReplica({ store: world.store, path, url, pollIntervalMs: 0 });
  using snapshot = replica.snapshot();
  const pages = await Promise.all(range(1, snapshot.pageCount).map((n) => snapshot.readPage(n)));
  return pages.map((page) => new DataView(page.buffer, page.byteOffset).getUint32(4));
}

async function marksSeen({ device }: Pick<Writer, "device">): Promise<number[]> {
  using snapshot = device.snapshot();
  const pages = await Promise.all(range(1, snapshot.pageCount).map((n) => snapshot.readPage(n)));
  return pages.map((page) => new DataView(page.buffer, page.byteOffset).getUint32(4));
}

/** A store that loses what is put under one name, and may let it arrive later. */
function losing(world: World, key: string) {
  const lost: Uint8Array[] = [];
  let isDeaf = false;
  const store = faulty(world.store, { rules: [] });
  const pass = { put: store.put.bind(store), get: store.get.bind(store) };
  const head = store.head.bind(store);
  const error = (code: "OUTCOME_UNKNOWN" | "UNAVAILABLE", operation: "put" | "get" | "head") =>
    new ObjectStoreError(code, "lost on purpose", { store: store.name, operation, key });
  store.put = async (name, body, options) => {
    const isFirst = lost.length === 0;
    if (name !== key) return pass.put(name, body, options);
    if (!isDeaf && !isFirst && Buffer.compare(lost[0]!, body) !== 0) {
      return pass.put(name, body, options);
    }
    lost.push(body.slice());
    throw error("OUTCOME_UNKNOWN", "put");
  };
  store.get = async (name, options) => {
    if (isDeaf && name === key) throw error("UNAVAILABLE", "get");
    return pass.get(name, options);
  };
  store.head = async (name, options) => {
    if (isDeaf && name === key) throw error("UNAVAILABLE", "head");
    return head(name, options);
  };
  return {
    store,
    lost,
    /** From now on nothing is known of the name. */
    goDeaf: () => {
      isDeaf = true;
    },
    /** The first one arrives after all. */
    arrive: () => world.store.put(key, lost[0]!, { condition: { type: "if-absent" } }),
  };
}

/** A store that never says what time it is. */
function undated(inner: ObjectStore): ObjectStore {
  const store = faulty(inner, { rules: [] });
  const { put, get } = { put: store.put.bind(store), get: store.get.bind(store) };
  store.put = async (...args) => ({ ...(await put(...args)), serverDateMs: undefined });
  store.get = async (...args) => {
    const { meta, body } = await get(...args);
    return { meta: { ...meta, serverDateMs: undefined }, body };
  };
  return store;
}

const open = (world: World, options: Partial<WriteMountOptions> = {}) =>
  openWriter(world, { requestTimeoutMs: 60_000, ...options });

describe("a COMMIT that waits for the bucket", () => {
  it("is there when it returns, in one file with those before it", async () => {
    const world = new World();
    const { mount, device } = await open(world);
    device.commit(pagesOf(world, [1, 2], 1), 2);
    device.commit(pagesOf(world, [2], 2), 2);
    await device.commitRemotely(pagesOf(world, [1, 3], 3), 3);
    expect(await marksIn(world)).toEqual([3, 2, 3]);
    expect([...decodeLtx(await world.body(0, 1, 1)).index.pgnos]).toEqual([1, 2, 3]);
    await mount.flush();
    expect(mount.status()).toMatchObject({ txid: 1n, sync: { syncedSeq: 3, pendingCount: 0 } });
    await device.commitRemotely(pagesOf(world, [2], 4), 3);
    device.commit(pagesOf(world, [3], 5), 3);
    await mount.close();
    expect(await marksIn(world)).toEqual([3, 4, 5]);
  });

  it.each([
    ["one put and a look at the lease", false, ["put", "get"]],
    ["one put where the store's date proves the lease", true, ["put"]],
  ])("costs %s", async (_, hasDates, expected) => {
    const world = new World();
    const store = hasDates ? world.store : undated(world.store);
    const { mount, device } = await open(world, { store, lease: { owner: "first" } });
    // The first look tells when the store has the lease from.
    await device.commitRemotely(pagesOf(world, [1], 1), 1);
    await mount.flush();
    for (let mark = 2; mark < 5; mark += 1) {
      world.requests.length = 0;
      device.commit(pagesOf(world, [1], mark), 1);
      await device.commitRemotely(pagesOf(world, [1, 2], mark), 2);
      await mount.flush();
      expect(world.requests.map(({ operation }) => operation)).toEqual(expected);
    }
    await mount.close();
  });

  it("is seen by nobody before", async () => {
    const world = new World();
    const rules: FaultRule[] = [{ fault: { type: "slow", delayMs: 60 }, operation: "put" }];
    const store = faulty(world.store, { rules });
    const writer = await open(world, { store });
    const { mount, device } = writer;
    device.commit(pagesOf(world, [1], 1), 1);
    using before = device.snapshot();
    const waiting = device.commitRemotely(pagesOf(world, [1, 2], 2), 2);
    expect(() => device.commit(pagesOf(world, [1], 3), 1)).toThrow("BUSY");
    expect(await marksSeen(writer)).toEqual([1]);
    await waiting;
    expect(await marksSeen(writer)).toEqual([2, 2]);
    await mount.flush();
    expect(before.pageCount).toBe(1);
    expect(await before.readPage(1)).toEqual(world.content(1, 1));
    await mount.close();
  });

  it("finishes first what was under way without it", async () => {
    const world = new World();
    const rules: FaultRule[] = [{ fault: { type: "slow", delayMs: 60 }, operation: "put" }];
    const store = faulty(world.store, { rules });
    const { mount, device } = await open(world, { store });
    device.commit(pagesOf(world, [1], 1), 1);
    const flushed = mount.flush();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await device.commitRemotely(pagesOf(world, [1], 2), 1);
    expect(await flushed).toBeGreaterThan(0n);
    expect(decodeLtx(await world.body(0, 1, 1)).page(1 as never)).toEqual(world.content(1, 1));
    expect(decodeLtx(await world.body(0, 2, 2)).page(1 as never)).toEqual(world.content(1, 2));
    await mount.close();
  });

  it("takes along what could not be uploaded before it", async () => {
    const world = new World();
    const rules: FaultRule[] = [
      { fault: { type: "before", code: "UNAUTHENTICATED" }, operation: "put", times: 1 },
    ];
    const store = faulty(world.store, { rules });
    const { mount, device } = await open(world, { store });
    device.commit(pagesOf(world, [1, 2], 1), 2);
    await expect(mount.flush()).rejects.toMatchObject({ code: "STORE_UNAUTHENTICATED" });
    await device.commitRemotely(pagesOf(world, [2], 2), 2);
    await mount.close();
    expect(await marksIn(world)).toEqual([1, 2]);
    await expect(world.body(0, 2, 2)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });
});

describe("a disk that is full", () => {
  /** Records of this name cannot be written for as long as it is set. */
  function fullFor(full: { name: string | undefined }): Disk {
    const write = async (path: string, text: string) => {
      if (full.name !== undefined && path.includes(full.name)) {
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      }
      await systemDisk.write(path, text);
    };
    return { ...systemDisk, write };
  }

  it("stops uploads before they begin or before they are told, until there is room", async () => {
    const world = new World();
    const full: { name: string | undefined } = { name: undefined };
    const { mount, device } = await open(world, { disk: fullFor(full) });
    for (const [mark, name] of ["intent.json", "state.json"].entries()) {
      device.commit(pagesOf(world, [1], mark), 1);
      full.name = name;
      await expect(mount.flush()).rejects.toThrow("ENOSPC");
      expect(mount.status().sync).toMatchObject({ state: "failing", pendingCount: 1 });
      full.name = undefined;
      expect(await mount.flush()).toBe(BigInt(mark + 1));
    }
    await mount.close();
    expect(await marksIn(world)).toEqual([1]);
    expect(mount.status().txid).toBe(2n);
  });

  it("fails a COMMIT that waits unless the bucket has it already", async () => {
    const world = new World();
    const full: { name: string | undefined } = { name: undefined };
    const writer = await open(world, { disk: fullFor(full), ...SHORT });
    const { mount, device } = writer;
    await device.commitRemotely(pagesOf(world, [1], 1), 1);
    await mount.flush();
    full.name = "intent.json";
    const failing = device.commitRemotely(pagesOf(world, [1], 2), 1);
    await expect(failing).rejects.toThrow("ENOSPC");
    expect(await marksSeen(writer)).toEqual([1]);
    full.name = "state.json";
    await device.commitRemotely(pagesOf(world, [1], 3), 1);
    expect(await marksSeen(writer)).toEqual([3]);
    expect(await marksIn(world)).toEqual([3]);
    // The next one cannot be sent before it is recorded that the last one is there.
    const next = device.commitRemotely(pagesOf(world, [1], 4), 1);
    await expect(next).rejects.toThrow("ENOSPC");
    full.name = undefined;
    await device.commitRemotely(pagesOf(world, [1], 5), 1);
    await mount.close();
    expect(await marksIn(world)).toEqual([5]);
    expect(mount.status().txid).toBe(3n);
  });
});

describe("a COMMIT that the bucket does not take", () => {
  it("fails, leaves nothing behind, and the next one works", async () => {
    const world = new World();
    const store = faulty(world.store, { rules: [] });
    const writer = await open(world, { store, ...SHORT });
    const { mount, device } = writer;
    await device.commitRemotely(pagesOf(world, [1, 2], 1), 2);
    device.commit(pagesOf(world, [1], 2), 2);
    store.setRules([{ fault: { type: "before" }, operation: "put" }]);
    for (const mark of [3, 4]) {
      const failing = device.commitRemotely(pagesOf(world, [2, 3], mark), 3);
      await expect(failing).rejects.toThrow("was taken back");
      expect(await marksSeen(writer)).toEqual([2, 1]);
      expect(device.state().seq).toBe(2);
    }
    store.setRules([]);
    await device.commitRemotely(pagesOf(world, [2], 5), 2);
    await mount.close();
    expect(await marksIn(world)).toEqual([2, 5]);
    expect(mount.status().txid).toBe(2n);
  });

  it("succeeds when only the answer got lost", async () => {
    const world = new World();
    const rules: FaultRule[] = [{ fault: { type: "after" }, operation: "put", times: 1 }];
    const { mount, device } = await open(world, { store: faulty(world.store, { rules }) });
    await device.commitRemotely(pagesOf(world, [1], 1), 1);
    await mount.close();
    expect(await marksIn(world)).toEqual([1]);
  });

  it.each([
    ["commits before it", true],
    ["a file that changes nothing", false],
  ])("can never arrive once it has failed: %s has its name", async (_, hasOthers) => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    const { store, arrive, lost } = losing(world, world.key(0, 2, 2));
    const writer = await open(world, { store, ...SHORT });
    const { mount, device } = writer;
    if (hasOthers) device.commit(pagesOf(world, [1], 2), 2);
    const failing = device.commitRemotely(pagesOf(world, [2, 3], 3), 3);
    await expect(failing).rejects.toThrow("cannot take it any more");
    expect(lost.length).toBeGreaterThan(0);
    await expect(arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    const mark = hasOthers ? 2 : 1;
    expect(await marksSeen(writer)).toEqual([mark, 1]);
    expect(await marksIn(world)).toEqual([mark, 1]);
    await device.commitRemotely(pagesOf(world, [2], 4), 2);
    await mount.close();
    expect(await marksIn(world)).toEqual([mark, 4]);
    expect([...decodeLtx(await world.body(0, 2, 2)).index.pgnos]).toEqual([1]);
  });

  it.each([
    ["arrived", true],
    ["never arrived", false],
  ])("stops the mount when nobody can say what became of it: it %s", async (_, arrives) => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    const { store, arrive, goDeaf } = losing(world, world.key(0, 2, 2));
    const first = await open(world, { store, ...SHORT });
    goDeaf();
    const failing = first.device.commitRemotely(pagesOf(world, [2], 9), 2);
    await expect(failing).rejects.toThrow("it is there wholly or not at all");
    expect(first.device.writable).toBe(false);
    expect(first.mount.status().sync?.state).toBe("fenced");
    expect(await marksSeen(first)).toEqual([1, 1]);
    await expect(first.mount.close()).rejects.toMatchObject({ code: "FENCED" });
    if (arrives) await arrive();
    const second = await open(world, { journalDir: first.journalDir });
    expect(await marksSeen(second)).toEqual([1, arrives ? 9 : 1]);
    await expect(arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    second.device.commit(pagesOf(world, [1], 3), 2);
    await second.mount.close();
    expect(await marksIn(world)).toEqual([3, arrives ? 9 : 1]);
  });

  it("keeps no writer from becoming a reader once it has failed", async () => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    const { store } = losing(world, world.key(0, 2, 2));
    // The lease is looked at after what took the place of the COMMIT, and that takes a while.
    const rules: FaultRule[] = [{ fault: { type: "slow", delayMs: 100 }, operation: "get" }];
    const slow = faulty(undated(store), { rules });
    const { mount, device } = await open(world, { ...SHORT, store: slow, lease: { owner: "me" } });
    const failing = device.commitRemotely(pagesOf(world, [1], 3), 2);
    await expect(failing).rejects.toThrow("cannot take it any more");
    expect(mount.status().sync).toMatchObject({ pendingCount: 0 });
    await mount.demote();
    expect(mount.status()).toMatchObject({ mode: "read", txid: 2n });
    await mount.close();
  });

  it("is never mistaken for a later commit of the same number", async () => {
    const world = new World();
    const { store, arrive, goDeaf } = losing(world, world.key(0, 1, 1));
    const first = await open(world, { store, ...SHORT });
    goDeaf();
    // There is no page that a fence could state again.
    const failing = first.device.commitRemotely(pagesOf(world, [1], 9), 1);
    await expect(failing).rejects.toThrow("it is there wholly or not at all");
    await first.mount.close().catch(() => {});
    const { journalDir } = first;
    const second = await open(world, { journalDir });
    second.device.commit(pagesOf(world, [1], 2), 1);
    await arrive();
    await expect(second.mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    await second.mount.close().catch(() => {});
    await expect(open(world, { journalDir })).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
  });

  it("is taken back as well when a crash took it from the journal alone", async () => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    const { store, arrive, goDeaf, lost } = losing(world, world.key(0, 2, 2));
    const first = await open(world, { store, ...SHORT });
    goDeaf();
    first.device.commit(pagesOf(world, [1], 5), 2);
    first.device.commit(pagesOf(world, [2], 6), 2);
    await expect(first.mount.flush()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(lost.length).toBeGreaterThan(0);
    await crash(first);
    const { journalDir } = first;
    const name = readdirSync(journalDir).findLast((file) => file.endsWith(".journal"))!;
    const lines = readFileSync(join(journalDir, name), "utf8").split("\n");
    writeFileSync(join(journalDir, name), `${lines[0]}\n`);
    const second = await open(world, { journalDir });
    expect(await marksSeen(second)).toEqual([5, 1]);
    second.device.commit(pagesOf(world, [2], 7), 2);
    await expect(arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    await second.mount.close();
    expect(await marksIn(world)).toEqual([5, 7]);
  });

  it("fails at once when the lease is lost or the mount is closed", async () => {
    const world = new World();
    const clock = new JumpingClock();
    const store = faulty(world.store, { rules: [] });
    const options = { store, clock, lease: { owner: "first" } };
    const first = await open(world, options);
    await first.device.commitRemotely(pagesOf(world, [1], 1), 1);
    store.setRules([
      { fault: { type: "before" }, operation: "put", keyPrefix: world.key(0, 2, 2) },
    ]);
    const failing = first.device.commitRemotely(pagesOf(world, [1], 2), 1);
    clock.jump(40_000);
    await expect(failing).rejects.toThrow("is lost");
    await first.mount.close().catch(() => {});
    const second = await open(world, { store });
    const waiting = second.device.commitRemotely(pagesOf(world, [1], 3), 1);
    waiting.catch(() => {});
    await second.mount.close();
    await expect(waiting).rejects.toThrow("was taken back");
    await expect(second.device.commitRemotely(pagesOf(world, [1], 4), 1)).rejects.toThrow();
    expect(await marksIn(world)).toEqual([1]);
  });
});

/** COMMITs of both kinds, uploads and crashes of one writer whose store loses requests. */
async function run(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const world = new World();
  await world.write({ pages: range(1, 4) });
  const journalDir = makeFolder();
  const rules: FaultRule[] = [
    { fault: { type: "before" }, chance: 0.3 },
    { fault: { type: "after" }, operation: "put", chance: 0.2 },
    { fault: { type: "late", delayMs: 10 }, operation: "put", chance: 0.2 },
  ];
  const store = faulty(world.store, { rules: [], seed });
  const begin = async () => {
    store.setRules([]);
    const writer = await open(world, { store, journalDir, requestTimeoutMs: 100, cacheBytes: 0 });
    store.setRules(rules);
    return writer;
  };
  let marks = [1, 1, 1, 1];
  let writer = await begin();
  let inBucket = marks;
  for (let mark = 2; mark <= 30; mark += 1) {
    const pgnos = [1, 1 + random(4)];
    const after = marks.map((old, index) => (pgnos.includes(index + 1) ? mark : old));
    const pages = pagesOf(world, pgnos, mark);
    const choice = random(10);
    let possible = [marks];
    if (choice < 5) {
      const failure = await writer.device.commitRemotely(pages, 4).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) possible = [after];
      else if (String(failure).includes("not known")) possible = [marks, after];
      if (failure === undefined) inBucket = after;
    } else if (choice < 8) {
      writer.device.commit(pages, 4);
      possible = [after];
    }
    if (possible.length > 1 || choice >= 9) {
      await crash(writer);
      if (random(2) === 0) await store.settled();
      writer = await begin();
    }
    store.setRules([]);
    // A read has as little time as a COMMIT.
    marks = await marksSeen(writer).catch(() => marksSeen(writer));
    store.setRules(rules);
    expect(possible).toContainEqual(marks);
    for (const [index, found] of (await marksIn(world)).entries()) {
      expect(found).toBeGreaterThanOrEqual(inBucket[index]!);
    }
  }
  store.setRules([]);
  await store.settled();
  await writer.mount.close();
  expect(await marksIn(world)).toEqual(marks);
}

describe("COMMITs of a writer whose store loses requests and answers", () => {
  for (const seed of range(1, 6)) {
    it(`are there or not there as they say, seed ${seed}`, async () => {
      await run(seed).catch((error: unknown) => {
        if (HeadwaterError.is(error)) throw new Error(`${error.code}: ${error.message}`);
        throw error;
      });
    });
  }
});
