import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { HeadwaterError, openReplica } from "../src/index.ts";
import { FastClock } from "./support/clock.ts";
import { openWorld } from "./support/reading.ts";
import { silentStore } from "./support/silent-store.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf } from "./support/writing.ts";

async function failureOf(promise: Promise<unknown>): Promise<HeadwaterError> {
  const error = await promise.then(
    () => new Error("no error"),
    (reason: unknown) => reason,
  );
  if (HeadwaterError.is(error)) return error;
  throw error;
}

/** One file that is too large to be fetched whole, opened; only then silence. */
async function largeWorld(options = {}) {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 500) });
  const store = silentStore(world.store);
  const replica = await openWorld(world, { store, requestTimeoutMs: 600, ...options });
  return { world, store, replica, snapshot: replica.snapshot() };
}

const gets = ({ requests }: World) => requests.filter(({ operation }) => operation === "get");

describe("opening on a store that accepts requests and never answers", () => {
  it.each([
    [1000, 15_000],
    [30_000, 90_000],
  ])("fails in bounded time, with a timeout of %i ms", async (requestTimeoutMs, limitMs) => {
    const world = new World();
    await world.write({ pages: [1] });
    const store = silentStore(world.store);
    store.isSilent = true;
    const clock = new FastClock(50);
    const startMs = clock.monotonicMs();
    const error = await failureOf(openWorld(world, { store, clock, requestTimeoutMs }));
    expect(error.code).toBe("STORE_UNAVAILABLE");
    expect(clock.monotonicMs() - startMs).toBeLessThan(limitMs);
    expect(store.hanging.size).toBe(0);
  });

  it("fails when the silence begins later", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const store = silentStore(world.store);
    const { get } = store;
    store.get = (key, options) => {
      store.isSilent = true;
      return get(key, options);
    };
    const clock = new FastClock(50);
    const opening = openWorld(world, { store, clock, requestTimeoutMs: 1000 });
    expect((await failureOf(opening)).code).toBe("STORE_UNAVAILABLE");
    expect(store.hanging.size).toBe(0);
  });

  it.each([
    ["known", true],
    ["unknown", false],
  ])("fails for a writer too, %s or not, who leaves the journal to the next", async (...given) => {
    const world = new World({ supports: { conditionsTrusted: given[1] } });
    const store = silentStore(world.store);
    const clock = new FastClock(50);
    const journalDir = makeFolder();
    for (const lease of ["off", {}, { ttlMs: 1500 }] as const) {
      store.isSilent = true;
      const opening = openWriter(world, { store, clock, journalDir, lease });
      expect((await failureOf(opening)).code).toBe("STORE_UNAVAILABLE");
      expect(store.hanging.size).toBe(0);
      store.isSilent = false;
      await (await openWriter(world, { store, journalDir, lease })).mount.close();
    }
  });

  it("leaves no request behind when one of many fails", async () => {
    const world = new World();
    for (let count = 0; count < 5; count += 1) await world.write({ pages: [1] });
    const gets = silentStore(world.store);
    gets.isSilent = true;
    const store = { ...gets, list: world.store.list.bind(world.store) };
    const fault = { type: "before", code: "FORBIDDEN" } as const;
    const rules = [{ operation: "get", keyPrefix: world.key(0, 3, 3), fault }] as const;
    const opening = failureOf(openWorld(world, { store: faulty(store, { rules }) }));
    expect((await opening).code).toBe("STORE_FORBIDDEN");
    expect(gets.hanging.size).toBe(0);
  });

  it("ends with the reason of its signal", async () => {
    const world = new World();
    const store = silentStore(world.store);
    store.isSilent = true;
    const stop = new AbortController();
    const opening = openWorld(world, { store, signal: stop.signal });
    const reason = new Error("enough");
    setTimeout(() => stop.abort(reason), 10);
    await expect(opening).rejects.toBe(reason);
    expect(store.hanging.size).toBe(0);
  });
});

describe("a page whose request gets no answer", () => {
  it("is given up with the read, so that the next read asks again", async () => {
    const { world, store, replica, snapshot } = await largeWorld();
    store.isSilent = true;
    await expect(snapshot.readPage(77)).rejects.toThrow("did not come within 600 ms");
    expect(store.hanging.size).toBe(0);
    store.isSilent = false;
    expect(await snapshot.readPage(77)).toEqual(world.pageAt(1, 77));
    await replica.close();
  });

  it("is waited for as long as anybody does, but nobody joins who comes too late", async () => {
    const { world, store, replica, snapshot } = await largeWorld();
    store.isSilent = true;
    const first = failureOf(snapshot.readPage(77));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const second = failureOf(snapshot.readPage(77));
    expect((await first).code).toBe("STORE_UNAVAILABLE");
    expect(store.hanging.size).toBe(1);
    store.isSilent = false;
    world.requests.length = 0;
    expect(await snapshot.readPage(77)).toEqual(world.pageAt(1, 77));
    expect(gets(world)).toHaveLength(1);
    expect((await second).code).toBe("STORE_UNAVAILABLE");
    expect(store.hanging.size).toBe(0);
    await replica.close();
  });

  it("does not take others with it that came in time", async () => {
    const { world, store, replica, snapshot } = await largeWorld();
    const { get } = store;
    const late: (() => void)[] = [];
    store.get = async (key, options) => {
      await new Promise<void>((resolve) => late.push(resolve));
      return get(key, options);
    };
    const first = failureOf(snapshot.readPage(100));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const second = snapshot.readPage(100);
    expect((await first).code).toBe("STORE_UNAVAILABLE");
    for (const answer of late) answer();
    expect(await second).toEqual(world.pageAt(1, 100));
    await replica.close();
  });

  it("ends what was read ahead with it, and leaves places for others", async () => {
    const { world, store, replica, snapshot } = await largeWorld();
    store.isSilent = true;
    const failing = range(0, 49).map((index) => failureOf(snapshot.readPage(21 + index * 9)));
    expect(new Set((await Promise.all(failing)).map(({ code }) => code))).toEqual(
      new Set(["STORE_UNAVAILABLE"]),
    );
    store.isSilent = false;
    for (const index of range(0, 49)) {
      const pgno = 21 + index * 9;
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
    }
    await replica.close();
  });

  it("is sent again by itself when there is time for it", async () => {
    const clock = new FastClock(50);
    const { world, store, replica, snapshot } = await largeWorld({
      clock,
      requestTimeoutMs: 30_000,
    });
    store.isSilent = true;
    const reading = snapshot.readPage(77);
    await clock.sleep(5_000);
    store.isSilent = false;
    expect(await reading).toEqual(world.pageAt(1, 77));
    await replica.close();
  });
});

describe("a mount whose store stops answering", () => {
  it("ends a wait for its uploads in time, and uploads when there are answers again", async () => {
    const world = new World();
    const store = silentStore(world.store);
    const { mount, device } = await openWriter(world, { store, requestTimeoutMs: 300 });
    device.commit(pagesOf(world, [1], 1), 1);
    store.isSilent = true;
    await expect(device.sync()).rejects.toThrow("SYNC_FAILED");
    store.isSilent = false;
    expect(await mount.flush()).toBe(1n);
    await mount.close();
  });

  it("is closed all the same, and follows again before that", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const store = silentStore(world.store);
    const clock = new FastClock(50);
    const replica = await openReplica({ ...world, store, clock, pollIntervalMs: 100 });
    store.isSilent = true;
    await world.write({ pages: [1] });
    await clock.sleep(3_000);
    expect(replica.mount.status().txid).toBe(1n);
    store.isSilent = false;
    await replica.mount.waitForTxid(2n);
    store.isSilent = true;
    await clock.sleep(500);
    await replica.close();
    expect(store.hanging.size).toBe(0);
  });
});
