import { describe, expect, it } from "vitest";
import { bufferMemory, byteLengthFor, PageCache } from "../src/index.ts";
import { seededRandom } from "./random.ts";

const pageSize = 512;

interface Version {
  pgno: number;
  from: number;
  to: number;
  fill: number;
}

/** As a program would choose: from a few frames to several times as many. */
function growable(frameCount: number): PageCache {
  const maxByteLength = byteLengthFor(4 * frameCount, pageSize);
  const memory = bufferMemory(new ArrayBuffer(0, { maxByteLength }));
  return new PageCache(memory, { frameCount, pageSize });
}

/** What the pages really are; the cache may know less, but nothing else. */
class World {
  versions: Version[] = [];

  at(pgno: number, seq: number): Version | undefined {
    return this.versions.find((v) => v.pgno === pgno && v.from <= seq && seq < v.to);
  }

  change(pgno: number, seq: number, fill: number) {
    this.drop(pgno, seq);
    this.versions.push({ pgno, from: seq, to: Number.POSITIVE_INFINITY, fill });
  }

  drop(pgno: number, seq: number) {
    for (const version of this.versions) {
      if (version.pgno === pgno && version.to > seq) version.to = seq;
    }
  }
}

function page(fill: number): Uint8Array {
  return new Uint8Array(pageSize).fill(fill);
}

function run(seed: number, frameCount: number, pageCount: number, steps: number): PageCache {
  const random = seededRandom(seed);
  const cache = growable(frameCount);
  const world = new World();
  let newest = 0;
  let oldestPin = 0;
  for (let pgno = 1; pgno <= pageCount; pgno += 1) world.change(pgno, 0, random(256));
  for (let step = 0; step < steps; step += 1) {
    const pgno = 1 + random(pageCount);
    const choice = random(21);
    if (choice < 8) {
      const seq = oldestPin + random(newest - oldestPin + 1);
      const found = cache.get(pgno, seq);
      const real = world.at(pgno, seq);
      if (found !== undefined) expect(found).toEqual(page(real?.fill ?? -1));
      else if (real !== undefined) {
        const to = real.to === Number.POSITIVE_INFINITY ? undefined : real.to;
        // Whoever fetched it may know less of the range than there is.
        const from = Math.max(real.from, seq - random(3));
        cache.insert(pgno, from, to, page(real.fill));
        expect(cache.peek(pgno, seq)).toEqual(page(real.fill));
        if (random(4) === 0) cache.pin(pgno);
        if (random(4) === 0) expect(cache.expect(pgno, seq)).toBe(true);
      }
    } else if (choice < 16) {
      newest += 1;
      for (let change = random(4); change > 0; change -= 1) {
        const changed = 1 + random(pageCount);
        const fill = random(256);
        world.change(changed, newest, fill);
        if (cache.close(changed, newest) && random(2) === 0) {
          cache.insert(changed, newest, undefined, page(fill));
        }
      }
    } else if (choice < 17) {
      newest += 1;
      const limit = pageCount - random(5);
      for (let gone = limit + 1; gone <= pageCount; gone += 1) world.drop(gone, newest);
      cache.closeAbove(limit, newest);
    } else if (choice < 20) {
      oldestPin += random(newest - oldestPin + 1);
      cache.reclaim(oldestPin);
    } else if (random(10) === 0) cache.resize(frameCount + random(3 * frameCount));
    const isSettled = cache.settle(random(5));
    const { usedCount, pinnedCount, pinnedCountMax } = cache.stats;
    if (isSettled) expect(usedCount).toBeLessThanOrEqual(cache.frameCount);
    expect(usedCount).toBeLessThanOrEqual(4 * frameCount);
    expect(pinnedCount).toBeLessThanOrEqual(pinnedCountMax);
  }
  return cache;
}

describe("PageCache against a model", () => {
  for (const seed of [11, 12, 13, 14]) {
    it(`never gives a page that is not there at that pin, seed ${seed}`, () => {
      const cache = run(seed, 16, 80, 6_000);
      expect(cache.stats.evictCount).toBeGreaterThan(0);
      expect(cache.stats.pinnedCount).toBeGreaterThan(0);
    });

    it(`evicts nothing while there is room, seed ${seed}`, () => {
      const cache = run(seed, 1024, 20, 3_000);
      expect(cache.stats.evictCount).toBe(0);
      expect(cache.stats.hitCount).toBeGreaterThan(0);
    });
  }
});
