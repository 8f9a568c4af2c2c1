import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeLtx } from "@headwater/ltx";
import type { ListOptions } from "@headwater/object-store";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { systemDisk } from "../src/disk/system-disk.ts";
import { openMount, openReplica } from "../src/index.ts";
import { WriterDeviceFactory } from "../src/testing/index.ts";
import { JumpingClock } from "./support/clock.ts";
import { openWorld } from "./support/reading.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf, type Writer } from "./support/writing.ts";

/** The process ends without a word: nothing is uploaded, nothing is given back. */
async function crash({ mount }: Pick<Writer, "mount">): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
}

async function readDatabase(world: World, at?: World["store"]): Promise<Uint8Array[]> {
  const { path, url } = world;
  await using replica = await openReplica({ store: at ?? world.store, path, url });
  using snapshot = replica.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}

/** A store that takes nothing, and what was sent to it. */
function keeping(inner: World["store"]) {
  const sent: Uint8Array[] = [];
  const store = faulty(inner, {
    rules: [{ fault: { type: "before", code: "FORBIDDEN" }, operation: "put" }],
  });
  const put = store.put.bind(store);
  store.put = (key, body, options) => {
    sent.push(body);
    return put(key, body, options);
  };
  return { store, sent };
}

describe("writing", () => {
  it("begins a new database, which holds every page", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, [1, 2, 5], 1), 6);
    expect(await mount.flush()).toBe(1n);
    const file = decodeLtx(await world.body(0, 1, 1));
    expect([...file.index.pgnos]).toEqual(range(1, 6));
    expect(file.header).toMatchObject({ commit: 6, noChecksum: true, minTxid: 1n, maxTxid: 1n });
    const pages = await readDatabase(world);
    expect(pages[1]).toEqual(world.content(2, 1));
    expect(pages[3]).toEqual(new Uint8Array(512));
    await mount.close();
  });

  it("uploads the newest version of each page, one file for many commits", async () => {
    const world = new World();
    await world.write({ pages: range(1, 10) });
    const { mount, device } = await openWriter(world);
    for (let mark = 11; mark < 20; mark += 1)
      device.commit(pagesOf(world, [1, mark - 9], mark), 10);
    expect(await mount.flush()).toBe(2n);
    const file = decodeLtx(await world.body(0, 2, 2));
    expect([...file.index.pgnos]).toEqual(range(1, 10));
    const pages = await readDatabase(world);
    expect(pages[0]).toEqual(world.content(1, 19));
    expect(pages[3]).toEqual(world.content(4, 13));
    await mount.close();
  });

  it("uploads on its own after the interval", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world, { syncIntervalMs: 20 });
    device.commit(pagesOf(world, [1], 1), 1);
    await mount.waitForTxid(1n);
    device.commit(pagesOf(world, [1], 2), 1);
    await mount.waitForTxid(2n);
    expect(mount.status().sync).toMatchObject({ state: expect.any(String), syncedSeq: 2 });
    await mount.close();
  });

  it("uploads what is left when it is closed", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, [1, 2], 7), 2);
    await mount.close();
    expect(await readDatabase(world)).toEqual([world.content(1, 7), world.content(2, 7)]);
    expect(device.writable).toBe(false);
  });

  it("answers a request for a sync", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, [1], 1), 1);
    await device.sync();
    expect(mount.status().txid).toBe(1n);
    await mount.close();
  });

  it("sends every new page when the database grows, and none when nothing changed", async () => {
    const world = new World();
    await world.write({ pages: range(1, 4) });
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, [1, 9], 5), 9);
    await mount.flush();
    const file = decodeLtx(await world.body(0, 2, 2));
    expect([...file.index.pgnos]).toEqual([1, ...range(5, 9)]);
    await mount.flush();
    await mount.close();
    await expect(world.body(0, 3, 3)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });

  it("shrinks", async () => {
    const world = new World();
    await world.write({ pages: range(1, 30) });
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, [1], 5), 10);
    await mount.flush();
    device.commit(pagesOf(world, [1, 12], 6), 12);
    await mount.flush();
    const pages = await readDatabase(world);
    expect(pages).toHaveLength(12);
    expect(pages[10]).toEqual(new Uint8Array(512));
    using now = device.snapshot();
    expect(await now.readPage(11)).toEqual(new Uint8Array(512));
    expect(await now.readPage(10)).toEqual(world.pageAt(1, 10));
    await mount.close();
  });

  it("shows readers the same pages before, during and after an upload", async () => {
    const world = new World();
    await world.write({ pages: range(1, 20) });
    const { mount, device } = await openWriter(world, { cacheBytes: 0 });
    const expected = new Map<number, Map<number, number>>();
    const marks = new Map(range(1, 20).map((pgno) => [pgno, 1]));
    const held = [];
    for (let mark = 2; mark < 40; mark += 1) {
      const changed = [1, 2 + (mark % 19), 2 + ((mark * 7) % 19)];
      for (const pgno of changed) marks.set(pgno, mark);
      device.commit(pagesOf(world, changed, mark), 20);
      expected.set(device.state().seq, new Map(marks));
      if (mark % 5 === 0) held.push(device.snapshot());
      if (mark % 3 === 0) await mount.flush();
      for (const snapshot of [...held, device.snapshot()]) {
        const wanted = expected.get(snapshot.seq)!;
        for (const pgno of [1, 2, 2 + (mark % 19), 20]) {
          const page = await snapshot.readPage(pgno);
          const at = `page ${pgno} of seq ${snapshot.seq} at mark ${mark}`;
          expect(page, at).toEqual(world.content(pgno, wanted.get(pgno)!));
        }
      }
      if (held.length > 3) held.shift()![Symbol.dispose]();
    }
    await mount.close();
  });

  it("deletes segments that are in the bucket", async () => {
    const world = new World();
    const { mount, device, journalDir } = await openWriter(world);
    for (let mark = 1; mark < 6; mark += 1) {
      device.commit(pagesOf(world, [1], mark), 1);
      await mount.flush();
    }
    const segments = () => readdirSync(journalDir).filter((name) => name.endsWith(".journal"));
    expect(segments()).toHaveLength(1);
    const state: unknown = JSON.parse(readFileSync(join(journalDir, "state.json"), "utf8"));
    const fileChecksum = expect.stringMatching(/^\d+$/);
    expect(state).toEqual({ version: 1, txid: "5", seq: 5, fileChecksum });
    await mount.close();
  });

  it("does not begin a database when it must exist", async () => {
    const world = new World();
    await expect(openWriter(world, { mustExist: true })).rejects.toMatchObject({
      code: "REPLICA_NOT_FOUND",
    });
  });

  it("writes what a follower reads at once", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world);
    device.commit(pagesOf(world, range(1, 5), 1), 5);
    await mount.flush();
    await using replica = await openWorld(world);
    device.commit(pagesOf(world, [2], 2), 5);
    await mount.flush();
    await replica.mount.flush();
    using snapshot = replica.snapshot();
    expect(await snapshot.readPage(2)).toEqual(world.content(2, 2));
    await mount.close();
  });
});

describe("an upload that goes wrong", () => {
  it("is tried again with the same bytes, and what came meanwhile goes after it", async () => {
    const world = new World();
    const store = faulty(world.store, {
      rules: [{ fault: { type: "before", code: "UNAUTHENTICATED" }, operation: "put", times: 1 }],
    });
    const { mount, device } = await openWriter(world, { store });
    device.commit(pagesOf(world, [1], 1), 1);
    await expect(mount.flush()).rejects.toMatchObject({ code: "STORE_UNAUTHENTICATED" });
    expect(mount.status().sync).toMatchObject({ state: "failing", syncedSeq: 0 });
    device.commit(pagesOf(world, [1], 2), 1);
    expect(await mount.flush()).toBe(2n);
    expect(decodeLtx(await world.body(0, 1, 1)).page(1 as never)).toEqual(world.content(1, 1));
    expect(decodeLtx(await world.body(0, 2, 2)).page(1 as never)).toEqual(world.content(1, 2));
    await mount.close();
  });

  it("counts as done when only its answer got lost", async () => {
    const world = new World();
    const store = faulty(world.store, {
      rules: [{ fault: { type: "after" }, operation: "put", times: 1 }],
    });
    const { mount, device } = await openWriter(world, { store });
    device.commit(pagesOf(world, [1], 1), 1);
    expect(await mount.flush()).toBe(1n);
    await mount.close();
  });

  it("stops the writer when somebody else has written the transaction", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const writer = await openWriter(world);
    const { mount, device, journalDir } = writer;
    await world.write({ pages: [1] });
    device.commit(pagesOf(world, [1], 9), 1);
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    expect(device.writable).toBe(false);
    expect(device.reason).toContain("transaction 2 was written by somebody else");
    expect(mount.status().sync).toMatchObject({ state: "fenced" });
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    await expect(device.sync()).rejects.toThrow("SYNC_FAILED");
    using now = device.snapshot();
    expect(await now.readPage(1)).toEqual(world.content(1, 9));
    await expect(mount.close()).rejects.toMatchObject({ code: "FENCED" });
    expect(readdirSync(journalDir).some((name) => name.endsWith(".journal"))).toBe(true);
    await expect(openWriter(world, { journalDir })).rejects.toMatchObject({
      code: "JOURNAL_CONFLICT",
    });
  });
});

describe("a journal left behind", () => {
  it("is uploaded when the bucket stands where it did", async () => {
    const world = new World();
    await world.write({ pages: range(1, 5) });
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [2], 7), 5);
    first.device.commit(pagesOf(world, [6], 8), 6);
    await crash(first);
    const second = await openWriter(world, { journalDir: first.journalDir });
    expect(second.device.state()).toMatchObject({ seq: 2, pageCount: 6, txid: 1n });
    using now = second.device.snapshot();
    expect(await now.readPage(2)).toEqual(world.content(2, 7));
    await second.mount.close();
    const pages = await readDatabase(world);
    expect(pages[5]).toEqual(world.content(6, 8));
  });

  it("of a new database is uploaded with its page size", async () => {
    const world = new World({ pageSize: 1024 });
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [1, 2], 7), 2);
    await crash(first);
    const second = await openWriter(world, { journalDir: first.journalDir });
    await second.mount.close();
    expect(await readDatabase(world)).toEqual([world.content(1, 7), world.content(2, 7)]);
  });

  it("is done as far as our own upload that landed", async () => {
    const world = new World();
    await world.write({ pages: range(1, 5) });
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [2], 7), 5);
    // The process ends after the put and before it is written down.
    const state = readFileSync(join(first.journalDir, "state.json"), "utf8");
    const segment = readdirSync(first.journalDir).find((name) => name.endsWith(".journal"))!;
    const bytes = readFileSync(join(first.journalDir, segment));
    await first.mount.flush();
    await crash(first);
    for (const name of readdirSync(first.journalDir)) {
      if (name.endsWith(".journal")) rmSync(join(first.journalDir, name));
    }
    writeFileSync(join(first.journalDir, "state.json"), state);
    writeFileSync(join(first.journalDir, segment), bytes);
    const second = await openWriter(world, { journalDir: first.journalDir });
    expect(second.mount.status()).toMatchObject({ txid: 2n, sync: { syncedSeq: 1 } });
    await second.mount.close();
    await expect(world.body(0, 3, 3)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });

  it("is done as far as an upload of its own that arrives late", async () => {
    const world = new World();
    const lost = keeping(world.store);
    const first = await openWriter(world, { store: lost.store });
    first.device.commit(pagesOf(world, [1, 2], 7), 2);
    await expect(first.mount.flush()).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
    await crash(first);
    const store = faulty(world.store, {
      rules: [{ fault: { type: "slow", delayMs: 50 }, operation: "put" }],
    });
    const second = await openWriter(world, { store, journalDir: first.journalDir });
    await world.put(0, 1, 1, lost.sent[0]!);
    second.device.commit(pagesOf(world, [2], 8), 2);
    expect(await second.mount.flush()).toBe(2n);
    using now = second.device.snapshot();
    expect(await now.readPage(1)).toEqual(world.content(1, 7));
    await second.mount.close();
    expect(await readDatabase(world)).toEqual([world.content(1, 7), world.content(2, 8)]);
    expect([...decodeLtx(await world.body(0, 2, 2)).index.pgnos]).toEqual([2]);
  });

  it("is known as its own by later runs, however often their disk was full meanwhile", async () => {
    const world = new World();
    const { store, sent } = keeping(world.store);
    const first = await openWriter(world, { store });
    first.device.commit(pagesOf(world, [1, 2], 7), 2);
    await expect(first.mount.flush()).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
    await crash(first);
    let isFull = true;
    const disk: Disk = {
      ...systemDisk,
      write: async (path, text) => {
        if (isFull && path.includes("intent")) throw new Error("ENOSPC: no space left");
        await systemDisk.write(path, text);
      },
    };
    const second = await openWriter(world, { journalDir: first.journalDir, disk });
    for (let tries = 0; tries < 20; tries += 1) {
      await expect(second.mount.flush()).rejects.toThrow("ENOSPC");
      // Each try is another upload, of another time.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    isFull = false;
    await world.put(0, 1, 1, sent[0]!);
    second.device.commit(pagesOf(world, [2], 8), 2);
    expect(await second.mount.flush()).toBe(2n);
    await second.mount.close();
    expect(await readDatabase(world)).toEqual([world.content(1, 7), world.content(2, 8)]);
  });

  it("is kept when somebody else has written, and names both positions", async () => {
    const world = new World();
    await world.write({ pages: range(1, 5) });
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [2], 7), 5);
    await crash(first);
    await world.write({ pages: [3] });
    const before = readdirSync(first.journalDir);
    const again = openWriter(world, { journalDir: first.journalDir });
    await expect(again).rejects.toThrow(/1 commits on top of transaction 1.*transaction 2/);
    expect(readdirSync(first.journalDir)).toEqual(before);
  });

  it("is kept when the bucket stands where it did, but in another history", async () => {
    const world = new World();
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [1], 7), 1);
    await first.mount.flush();
    first.device.commit(pagesOf(world, [1], 8), 1);
    await crash(first);
    await world.write({ pages: [1] });
    const again = openWriter(world, { journalDir: first.journalDir });
    await expect(again).rejects.toMatchObject({ code: "JOURNAL_CONFLICT" });
  });

  it("without pending commits is forgotten when somebody else has written", async () => {
    const world = new World();
    const first = await openWriter(world);
    first.device.commit(pagesOf(world, [1], 7), 1);
    await first.mount.flush();
    await crash(first);
    const other = await openWriter(world);
    other.device.commit(pagesOf(world, [1], 8), 1);
    await other.mount.close();
    const second = await openWriter(world, { journalDir: first.journalDir });
    using now = second.device.snapshot();
    expect(await now.readPage(1)).toEqual(world.content(1, 8));
    second.device.commit(pagesOf(world, [1], 9), 1);
    expect(await second.mount.flush()).toBe(3n);
    await second.mount.close();
  });

  it("belongs to one replica and to one process at a time", async () => {
    const world = new World();
    const first = await openWriter(world);
    const { journalDir } = first;
    await expect(openWriter(world, { journalDir })).rejects.toMatchObject({
      code: "JOURNAL_LOCKED",
    });
    await crash(first);
    const { store, path } = world;
    const other = openMount(
      { name: "x", mode: "write", store, path, url: "memory:other/db", journalDir, lease: "off" },
      new WriterDeviceFactory(),
    );
    await expect(other).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
  });

  it("belongs to one server, although another may have a bucket of the same name", async () => {
    const world = new World();
    const at = (place: string) => storeWith(world.store, { place });
    const first = await openWriter(world, { store: at("http://a/bucket") });
    first.device.commit(pagesOf(world, [1], 1), 1);
    await crash(first);
    const { journalDir } = first;
    await expect(
      openWriter(world, { store: at("http://b/bucket"), journalDir }),
    ).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
  });
});

describe("the lease", () => {
  it("keeps a second writer out until the first has gone", async () => {
    const world = new World();
    const lease = { ttlMs: 30_000, owner: "first" };
    const first = await openWriter(world, { lease });
    first.device.commit(pagesOf(world, [1], 1), 1);
    await expect(openWriter(world, { lease: { owner: "second" } })).rejects.toMatchObject({
      code: "LEASE_HELD",
    });
    await first.mount.close();
    expect(decodeLtx(await world.body(0, 1, 1)).header.nodeId).toBe(1n);
    const second = await openWriter(world, { lease: { owner: "second" } });
    expect(second.mount.status().sync?.leaseGeneration).toBe(2n);
    await second.mount.close();
  });

  it("waits for it as long as it was told", async () => {
    const world = new World();
    const first = await openWriter(world, { lease: { owner: "first" } });
    const late = openWriter(world, { lease: { owner: "second", waitMs: 50 } });
    await expect(late).rejects.toMatchObject({ code: "LEASE_HELD" });
    const patient = openWriter(world, { lease: { owner: "second", waitMs: 10_000 } });
    await first.mount.close();
    await (await patient).mount.close();
  });

  it("stops the writer when it is lost", async () => {
    const world = new World();
    const clock = new JumpingClock();
    const { mount, device } = await openWriter(world, { lease: { owner: "first" }, clock });
    device.commit(pagesOf(world, [1], 1), 1);
    await mount.flush();
    device.commit(pagesOf(world, [1], 2), 1);
    clock.jump(40_000);
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    expect(device.writable).toBe(false);
    expect(device.reason).toContain("is lost");
    await expect(mount.close()).rejects.toMatchObject({ code: "FENCED" });
  });

  it("is refused when it is lost before there is a writer who could hear of it", async () => {
    const world = new World();
    await world.write({ pages: range(1, 3) });
    const clock = new JumpingClock();
    const store = storeWith(world.store, {
      async *list(prefix: string, options?: ListOptions) {
        // Its own look at the clocks is done by then.
        clock.jump(60_000);
        await new Promise((resolve) => setTimeout(resolve, 300));
        yield* world.store.list(prefix, options);
      },
    });
    const opening = openWriter(world, { store, clock, lease: { owner: "first", ttlMs: 1_000 } });
    await expect(opening).rejects.toMatchObject({ code: "FENCED" });
    const next = await openWriter(world, { lease: { owner: "second", waitMs: 10_000 } });
    await next.mount.close();
  });
});
