import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Clock } from "../src/clock.ts";
import { HeadwaterError, openReplica } from "../src/index.ts";
import { systemClock } from "../src/system.ts";
import { seededRandom } from "./support/random.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

/** Pauses are a fiftieth of what they should be. */
const fastClock: Clock = {
  ...systemClock,
  sleep: (durationMs, options) => systemClock.sleep(durationMs / 50, options),
};

const LIMIT = 12;

async function crash({ mount }: Pick<Writer, "mount">): Promise<void> {
  await (mount as unknown as { abandon(): Promise<void> }).abandon();
}

/** Commits, uploads and crashes of one writer whose store loses requests and answers. */
async function run(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const world = new World();
  const journalDir = makeFolder();
  const rules = [
    { fault: { type: "before" }, chance: 0.1 },
    { fault: { type: "after" }, operation: "put", chance: 0.2 },
    { fault: { type: "late", delayMs: 8 }, operation: "put", chance: 0.1 },
  ] as const;
  const store = faulty(world.store, { rules, seed });
  const open = async () => {
    for (;;) {
      try {
        return await openWriter(world, { store, journalDir, clock: fastClock, cacheBytes: 0 });
      } catch (error) {
        if (!HeadwaterError.is(error, "STORE_UNAVAILABLE")) throw error;
      }
    }
  };
  /** The mark of each page, as committed last. */
  const marks = new Map<number, number>();
  let flushed = new Map(marks);
  let writer = await open();
  for (let mark = 1; mark <= 40; mark += 1) {
    const choice = random(10);
    if (choice < 6) {
      const pgnos = [1, 1 + random(LIMIT), 1 + random(LIMIT)];
      const pageCount = Math.max(...marks.keys(), ...pgnos);
      writer.device.commit(pagesOf(world, pgnos, mark), pageCount);
      for (const pgno of pgnos) marks.set(pgno, mark);
      for (const pgno of range(1, pageCount)) if (!marks.has(pgno)) marks.set(pgno, 0);
    } else if (choice < 9) {
      const committed = new Map(marks);
      const done = await writer.mount.flush().then(
        () => true,
        (error: unknown) => {
          if (HeadwaterError.is(error, "STORE_UNAVAILABLE")) return false;
          throw error;
        },
      );
      if (done) flushed = committed;
    } else {
      // A request of the process that crashed may still arrive, even after the next one has begun.
      await crash(writer);
      await new Promise((resolve) => setTimeout(resolve, random(10)));
      writer = await open();
    }
    using now = writer.device.snapshot();
    expect(now.pageCount).toBe(marks.size);
    const pgno = 1 + random(LIMIT);
    if (marks.has(pgno)) {
      const page = await now.readPage(pgno).catch(() => undefined);
      if (page !== undefined) expect(page).toEqual(contentOf(world, pgno, marks));
    }
    await expectBucket(world, flushed, marks);
  }
  await crash(writer);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const last = await openWriter(world, { journalDir, clock: fastClock });
  await last.mount.close();
  await expectBucket(world, marks, marks);
}

function contentOf(world: World, pgno: number, marks: ReadonlyMap<number, number>): Uint8Array {
  const mark = marks.get(pgno)!;
  return mark === 0 ? new Uint8Array(world.pageSize) : world.content(pgno, mark);
}

/** The bucket is never behind what was flushed nor ahead of what was committed. */
async function expectBucket(
  world: World,
  flushed: ReadonlyMap<number, number>,
  committed: ReadonlyMap<number, number>,
): Promise<void> {
  if (flushed.size === 0) return;
  const { store, path, url } = world;
  await using replica = await openReplica({ store, path, url, cacheBytes: 0, pollIntervalMs: 0 });
  using snapshot = replica.snapshot();
  for (const [pgno, mark] of flushed) {
    const page = await snapshot.readPage(pgno);
    const found = new DataView(page.buffer).getUint32(4);
    expect(found).toBeGreaterThanOrEqual(mark);
    expect(found).toBeLessThanOrEqual(committed.get(pgno)!);
  }
}

describe("a writer whose store loses requests and answers", () => {
  for (const seed of range(1, 12)) {
    it(`loses nothing acknowledged and is not fenced by itself, seed ${seed}`, async () => {
      await run(seed);
    });
  }
});
