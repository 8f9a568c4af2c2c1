import { MemoryStore } from "@headwater/object-store/memory";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { childPages } from "../src/btree-page.ts";
import { type OpenedReplica, openReplica } from "../src/index.ts";
import { WARM_UP_CACHE_SHARE, WARM_UP_PAUSE_MS } from "../src/limits.ts";
import { distantStore, LATENCY_MS } from "./support/distant-store.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { makeSqliteImage, pageOf, putImage, type SqliteImage } from "./support/sqlite-image.ts";

/** Trees of three levels, of which the second has some tens of pages. */
const IMAGE = makeSqliteImage(
  1024,
  `create table rows(id integer primary key, body blob, other text);
   with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
     insert into rows select i, randomblob(60), 'other ' || (i * 7919 % 20011) from n;
   create index rows_other on rows(other);
   create table small(x);`,
);
const PATH = "some/db";

async function openImage(image: SqliteImage, options = {}) {
  const clock = new IdleClock();
  const memory = new MemoryStore();
  await putImage(memory, PATH, image);
  const store = distantStore(memory, clock);
  const url = "memory:x/some/db";
  const common = { store, path: PATH, url, clock, pollIntervalMs: 0 };
  const replica = await openReplica({ ...common, ...options });
  const isDone = async () => {
    while (replica.mount.status().warmUp?.done === false) await clock.sleep(1);
  };
  return { store, replica, clock, isDone };
}

/** The pages from a root to a leaf, each read when the one before says where it is. */
async function descend(replica: OpenedReplica, root: number): Promise<number[]> {
  using snapshot = replica.snapshot();
  const way: number[] = [];
  for (let pgno: number | undefined = root; pgno !== undefined; ) {
    way.push(pgno);
    const page: Uint8Array = await snapshot.readPage(pgno);
    const children = childPages(page, { pgno, pageCount: snapshot.pageCount });
    pgno = children?.[Math.floor(children.length / 2)];
  }
  return way;
}

describe("warming up", () => {
  it("brings all interior pages in a few waves, so that a query misses a leaf alone", async () => {
    const { replica, store, clock, isDone } = await openImage(IMAGE);
    const openedMs = clock.monotonicMs();
    await isDone();
    const waves = (clock.monotonicMs() - openedMs) / LATENCY_MS;
    expect(waves).toBeLessThan(12);
    const interior = IMAGE.pages.filter(({ type }) => type === "internal");
    expect(interior.length).toBeGreaterThan(20);
    const before = store.requests.length;
    using snapshot = replica.snapshot();
    for (const { pgno } of interior) {
      expect(await snapshot.readPage(pgno)).toEqual(pageOf(IMAGE, pgno));
    }
    expect(store.requests.length).toBe(before);
    for (const root of IMAGE.roots) {
      const startMs = clock.monotonicMs();
      const way = await descend(replica, root);
      expect(way.length).toBe(root === IMAGE.roots.at(-1) ? 1 : 3);
      expect((clock.monotonicMs() - startMs) / LATENCY_MS).toBeLessThanOrEqual(1);
    }
    await replica.close();
  });

  it("begins at once, and leaves time for the misses that each wave leads to", async () => {
    const { replica, store, clock, isDone } = await openImage(IMAGE);
    const openedMs = clock.monotonicMs();
    const openCount = store.requests.length;
    await isDone();
    // The first waves are small enough to be under way at once.
    const requests = store.requests.slice(openCount);
    const [first = 0, second = 0] = new Set(requests.map(({ startMs }) => startMs));
    expect(first).toBe(openedMs);
    expect(second).toBeGreaterThanOrEqual(first + LATENCY_MS + WARM_UP_PAUSE_MS);
    await replica.close();
  });

  it("brings leaves only to tell what they are: one for each level of a tree", async () => {
    const { replica, isDone } = await openImage(IMAGE);
    await isDone();
    const { pageCount, bytes } = replica.mount.status().warmUp!;
    const interior = IMAGE.pages.filter(({ type }) => type === "internal").length;
    expect(pageCount).toBeLessThanOrEqual(interior + 2 * IMAGE.roots.length);
    expect(bytes).toBe(pageCount * IMAGE.pageSize);
    await replica.close();
  });

  it("asks for nothing when it is off", async () => {
    const { replica, store, clock } = await openImage(IMAGE, { warmUp: false });
    await clock.sleep(20 * LATENCY_MS);
    expect(store.requests).toHaveLength(3);
    expect(replica.mount.status().warmUp).toBeUndefined();
    await replica.close();
  });

  it("takes no more than its share of the cache, the upper levels first", async () => {
    const { replica, isDone } = await openImage(IMAGE, { cacheBytes: 64 * 1100 });
    await isDone();
    const status = replica.mount.status();
    const { frameCount } = status.cache!;
    expect(status.warmUp!.pageCount).toBeLessThanOrEqual(frameCount / WARM_UP_CACHE_SHARE);
    expect(status.warmUp!.pageCount).toBeGreaterThan(0);
    await replica.close();
  });

  it("ends in circles that a damaged database leads to", async () => {
    const bytes = Uint8Array.from(IMAGE.bytes);
    const image = { ...IMAGE, bytes };
    const view = new DataView(bytes.buffer);
    for (const { pgno, type } of IMAGE.pages) {
      if (type !== "internal") continue;
      const start = (pgno - 1) * IMAGE.pageSize;
      // Its last child is a root, whose children are interior pages like itself.
      view.setUint32(start + 8, IMAGE.roots[0]!);
      const cell = view.getUint16(start + 12);
      view.setUint32(start + cell, pgno);
    }
    const { replica, isDone } = await openImage(image);
    await isDone();
    expect(replica.mount.status().warmUp!.pageCount).toBeLessThanOrEqual(IMAGE.pages.length);
    await replica.close();
  });

  it("leaves failures to whoever needs the page", async () => {
    const memory = new MemoryStore();
    await putImage(memory, PATH, IMAGE);
    const rules = [
      { fault: { type: "before", code: "FORBIDDEN" }, operation: "get", skip: 2, times: 3 },
    ] as const;
    const store = faulty(memory, { rules });
    const url = "memory:x/some/db";
    await using replica = await openReplica({ store, path: PATH, url, pollIntervalMs: 0 });
    while (!replica.mount.status().warmUp!.done) await new Promise(setImmediate);
    using snapshot = replica.snapshot();
    for (const { pgno } of IMAGE.pages) {
      expect(await snapshot.readPage(pgno)).toEqual(pageOf(IMAGE, pgno));
    }
  });

  it("ends with the mount", async () => {
    const { replica, store } = await openImage(IMAGE);
    await replica.close();
    const count = store.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(store.requests.length).toBe(count);
  });
});
