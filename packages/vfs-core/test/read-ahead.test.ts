import { decodeLtx } from "@headwater/ltx";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { openReplica } from "../src/index.ts";
import {
  READ_AHEAD_BYTES_MIN,
  READ_AHEAD_RANGE_BYTES_MIN,
  READ_AHEAD_RANGES,
  WARM_UP_REQUESTS_MAX,
} from "../src/limits.ts";
import { PageFetcher } from "../src/read/page-fetcher.ts";
import { RequestQueue } from "../src/read/request-queue.ts";
import { makeReplica } from "../src/replica.ts";
import { systemClock } from "../src/system.ts";
import { distantStore, LATENCY_MS } from "./support/distant-store.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { seededRandom } from "./support/random.ts";
import { openWorld } from "./support/reading.ts";
import {
  makeSqliteImage,
  pageOf,
  putImage,
  putPages,
  type SqliteImage,
} from "./support/sqlite-image.ts";
import { range, World } from "./support/world.ts";

const PAGE_SIZE = 1024;
const PATH = "some/db";

/** A small table whose pages lie among those of a large one, and an index in no order. */
const MIXED = makeSqliteImage(
  PAGE_SIZE,
  `create table small(id integer primary key, text);
   create table large(id integer primary key, body blob);
   create table trigger_rows(i);
   create trigger fill after insert on trigger_rows begin
     insert into small values (new.i, 'row ' || new.i);
     insert into large values (new.i, randomblob(800));
   end;
   with recursive n(i) as (select 1 union all select i + 1 from n where i < 6000)
     insert into trigger_rows select i from n;
   create index small_text on small(hex(id * 2654435761 % 4294967296));`,
);

/** The leaves of a table or index, in the order of their keys. */
function leavesOf({ pages }: SqliteImage, name: string): number[] {
  return pages.filter((page) => page.name === name && page.type === "leaf").map(({ pgno }) => pgno);
}

async function openWarm(image: SqliteImage, options = {}, changed: readonly number[] = []) {
  const opened = await openCold(image, options, changed);
  while (!opened.replica.mount.status().warmUp!.done) await opened.clock.sleep(1);
  return opened;
}

/** While warm-up is still under way; a second transaction has written the changed pages. */
async function openCold(image: SqliteImage, options = {}, changed: readonly number[] = []) {
  const clock = new IdleClock();
  const memory = new MemoryStore();
  await putImage(memory, PATH, image);
  const file = { level: 0, txid: 2n, pgnos: changed };
  if (changed.length > 0) await putPages(memory, PATH, image, file);
  const store = distantStore(memory, clock);
  const common = { store, path: PATH, url: "memory:x/some/db", clock, pollIntervalMs: 0 };
  const replica = await openReplica({ ...common, ...options });
  const snapshot = replica.snapshot();
  const measure = async (pgnos: Iterable<number>) => {
    const startMs = clock.monotonicMs();
    const first = store.requests.length;
    for (const pgno of pgnos) expect(await snapshot.readPage(pgno)).toEqual(pageOf(image, pgno));
    const requests = store.requests.slice(first);
    const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
    return { trips: (clock.monotonicMs() - startMs) / LATENCY_MS, requests, bytes };
  };
  return { replica, measure, clock };
}

describe("reading ahead in the order of a tree", () => {
  it("takes few round trips for a table whose pages lie far apart", async () => {
    const leaves = leavesOf(MIXED, "small");
    expect(leaves.length).toBeGreaterThan(80);
    expect(leaves.at(-1)! - leaves[0]!).toBeGreaterThan(50 * leaves.length);
    const { replica, measure } = await openWarm(MIXED);
    expect((await measure(leaves)).trips).toBeLessThan(8);
    await replica.close();
  });

  it("leaves nothing out of what lies around, as long as there is room", async () => {
    const { replica, measure } = await openWarm(MIXED);
    await measure(leavesOf(MIXED, "small"));
    const { trips } = await measure(MIXED.pages.map(({ pgno }) => pgno).sort((a, b) => a - b));
    expect(trips).toBeLessThan(4);
    await replica.close();
  });

  it("takes few round trips for an index whose pages lie in no order", async () => {
    const leaves = leavesOf(MIXED, "small_text");
    const { replica, measure } = await openWarm(MIXED);
    expect((await measure(leaves)).trips).toBeLessThan(8);
    await replica.close();
  });

  it("loses no page that is here to those that it fetches just before", async () => {
    const { replica, measure } = await openWarm(MIXED, { cacheBytes: 1024 * 1100 });
    const large = leavesOf(MIXED, "large");
    await measure(leavesOf(MIXED, "small"));
    const { bytes } = await measure(large);
    // A quarter of it is here: what lay between the pages of the small table.
    expect(bytes).toBeLessThan(0.77 * MIXED.bytes.byteLength);
    await replica.close();
  });

  it("keeps nothing of other tables in the place of other pages", async () => {
    const leaves = leavesOf(MIXED, "small");
    const { replica, measure } = await openWarm(MIXED, { cacheBytes: 1024 * 1100 });
    const large = leavesOf(MIXED, "large");
    const inUse = range(1, 1200).map((index) => large[(index * 977) % large.length]!);
    await measure(inUse);
    const { usedCount, frameCount } = replica.mount.status().cache!;
    expect(usedCount).toBe(frameCount);
    const before = replica.mount.status().cache!.insertCount;
    await measure(leaves);
    const { insertCount } = replica.mount.status().cache!;
    expect(insertCount - before).toBeLessThan(2 * leaves.length);
    await replica.close();
  });

  it("takes few round trips for two tables that are read side by side", async () => {
    const [small, large] = [leavesOf(MIXED, "small"), leavesOf(MIXED, "large")];
    const perSmall = large.length / small.length;
    const both = small.flatMap((pgno, index) => [
      pgno,
      ...large.slice(Math.round(index * perSmall), Math.round((index + 1) * perSmall)),
    ]);
    const { replica, measure } = await openWarm(MIXED);
    const { trips, bytes } = await measure(both);
    expect(trips).toBeLessThan(16);
    expect(bytes).toBeLessThan(1.2 * MIXED.bytes.byteLength);
    await replica.close();
  });
});

describe("reading ahead of pages that were written together", () => {
  it("fetches nothing of what lies between them elsewhere", async () => {
    const image = makeSqliteImage(
      PAGE_SIZE,
      `create table small(id integer primary key, text);
       create table large(body);
       create trigger fill after insert on large begin
         insert into small
           with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
           select null, 'a row of the small table' from n;
       end;
       insert into large values (''), (zeroblob(0));
       insert into large values (randomblob(8000000));`,
    );
    const leaves = leavesOf(image, "small");
    const far = leaves.findIndex((pgno, index) => Math.abs(pgno - leaves[index - 1]!) > 5000);
    expect(far).toBeGreaterThan(0);
    const changed = leaves.slice(far - 1, far + 1).sort((a, b) => a - b);
    for (const cacheBytes of [1_000_000, 64_000_000]) {
      const { replica, measure } = await openWarm(image, { cacheBytes }, changed);
      const { bytes } = await measure(leaves);
      expect(bytes, `${cacheBytes}`).toBeLessThan(4 * leaves.length * PAGE_SIZE);
      await replica.close();
    }
  });
});

describe("reading ahead against the order of a tree", () => {
  it("takes few round trips, wherever the pages lie", async () => {
    for (const name of ["small", "small_text", "large"]) {
      const { replica, measure } = await openWarm(MIXED);
      const { trips, bytes } = await measure(leavesOf(MIXED, name).toReversed());
      expect(trips, name).toBeLessThan(8);
      expect(bytes, name).toBeLessThan(1.1 * MIXED.bytes.byteLength);
      await replica.close();
    }
  });

  it("leaves nothing out of what lies around, as long as there is room", async () => {
    const { replica, measure } = await openWarm(MIXED);
    await measure(leavesOf(MIXED, "small").toReversed());
    const { trips } = await measure(MIXED.pages.map(({ pgno }) => pgno).sort((a, b) => a - b));
    expect(trips).toBeLessThan(4);
    await replica.close();
  });

  it("costs nothing for look-ups of the last page", async () => {
    const { replica, measure } = await openWarm(MIXED);
    const { requests, bytes } = await measure([leavesOf(MIXED, "large").at(-1)!]);
    expect(requests.length).toBe(1);
    expect(bytes).toBeLessThan(2 * PAGE_SIZE);
    await replica.close();
  });
});

describe("the beginning of a scan", () => {
  it("takes one round trip for the first pages of a table", async () => {
    const { replica, measure } = await openWarm(MIXED);
    const { trips, bytes } = await measure(leavesOf(MIXED, "small_text").slice(0, 9));
    expect(trips).toBe(1);
    expect(bytes).toBeLessThan(2 * READ_AHEAD_BYTES_MIN);
    await replica.close();
  });

  it("takes no more of them while the order becomes known bit by bit", async () => {
    const { replica, measure } = await openCold(MIXED);
    const interior = MIXED.pages.filter(({ name, type }) => name === "large" && type !== "leaf");
    expect(interior.length).toBeGreaterThan(50);
    const { trips } = await measure(leavesOf(MIXED, "large").slice(0, 1200));
    expect(trips).toBeLessThan(7);
    await replica.close();
  });
});

describe("reading ahead by number", () => {
  it("brings little for misses at random, also where some happen to be near others", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 3000) });
    const replica = await openWorld(world, { cacheBytes: 64_000_000, warmUp: false });
    world.requests.length = 0;
    const snapshot = replica.snapshot();
    const random = seededRandom(6);
    const reads = 300;
    for (let read = 0; read < reads; read += 1) await snapshot.readPage(17 + random(2980));
    const bytes = world.requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(bytes).toBeLessThan(reads * 4200 + 8 * READ_AHEAD_BYTES_MIN);
    await replica.close();
  });

  it("leaves no page out that a scan has skipped", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 2000) });
    const replica = await openWorld(world, { cacheBytes: 64_000_000, warmUp: false });
    const snapshot = replica.snapshot();
    for (let pgno = 20; pgno <= 1950; pgno += 5) await snapshot.readPage(pgno);
    world.requests.length = 0;
    for (const pgno of range(20, 1950)) await snapshot.readPage(pgno);
    expect(world.requests.length).toBeLessThan(4);
    await replica.close();
  });
});

/** A fetcher of one large file that has been asked for all of its pages ahead of a reader. */
async function fetchAhead(pageCount: number) {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, pageCount) });
  const { store, path, url } = world;
  const replica = makeReplica({ store, path, url, clock: systemClock });
  const key = world.key(0, 1, 1);
  const body = await world.body(0, 1, 1);
  const facts = { key, size: body.byteLength, level: 0, createdAtMs: 0 };
  const file = { ...facts, minTxid: 1n, maxTxid: 1n } as never;
  const fetcher = new PageFetcher({
    replica,
    queue: new RequestQueue(),
    hedger: undefined,
    clock: systemClock,
    pageSize: () => 4096,
    signal: new AbortController().signal,
    onWholeFile: () => {},
  });
  const here = new Set<number>();
  const locations = Array.from(decodeLtx(body).index, (entry) => ({ file, ...entry }));
  for (const location of locations) {
    fetcher.prefetch(location.pgno, location, () => here.add(location.pgno));
  }
  // The requests have been sent.
  await Promise.resolve();
  const { signal } = new AbortController();
  const read = (index: number) =>
    fetcher.fetch(locations[index]!.pgno, locations[index]!, "foreground", signal);
  return { world, fetcher, here, read };
}

describe("handing over what was read ahead", () => {
  it("gives a page to who waits for it before those behind it are decoded", async () => {
    const { world, fetcher, here, read } = await fetchAhead(100);
    expect(await read(0)).toEqual(world.pageAt(1, 1));
    expect(here.size).toBeLessThan(10);
    while (fetcher.inFlightCount > 0) await systemClock.yield();
    expect(here.size).toBe(100);
  });

  it("makes a reader that is faster than the decoding wait for few of its pages", async () => {
    const { world, here, read } = await fetchAhead(120);
    let waits = 0;
    for (let index = 0; index < 120; index += 1) {
      const pgno = index + 1;
      if (here.has(pgno)) continue;
      waits += 1;
      expect(await read(index)).toEqual(world.pageAt(1, pgno));
    }
    expect(waits).toBeLessThan(8);
  });

  it("comes in several requests, so that the first pages are here before the last", async () => {
    const { world, fetcher } = await fetchAhead(2000);
    while (fetcher.inFlightCount > 0) await systemClock.yield();
    const sizes = world.requests.map(({ bytesRead }) => bytesRead).filter((bytes) => bytes > 1e5);
    expect(sizes.length).toBe(READ_AHEAD_RANGES);
    expect(Math.min(...sizes)).toBeGreaterThan(READ_AHEAD_RANGE_BYTES_MIN);
  });
});

describe("the requests of a warm-up", () => {
  it("are a bounded number, however many interior pages lie far apart", async () => {
    const image = makeSqliteImage(
      PAGE_SIZE,
      `create table rows(key blob, body blob);
       create index rows_key on rows(key);
       with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
         insert into rows select randomblob(180), randomblob(9000) from n;`,
    );
    const interior = image.pages.filter(({ type }) => type === "internal");
    expect(interior.length).toBeGreaterThan(1.2 * WARM_UP_REQUESTS_MAX);
    const { replica } = await openWarm(image);
    const { requests, warmUp } = replica.mount.status();
    expect(requests.get!.calls).toBeLessThanOrEqual(WARM_UP_REQUESTS_MAX + 3);
    expect(warmUp!.pageCount).toBeGreaterThan(WARM_UP_REQUESTS_MAX / 2);
    await replica.close();
  });
});
