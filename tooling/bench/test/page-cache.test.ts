import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, makeDataset } from "../src/dataset/dataset.ts";
import {
  replayLru,
  replayOptimum,
  replayPageCache,
  replaySieve,
} from "../src/groups/page-cache/policies.ts";
import { recordTrace } from "../src/groups/page-cache/record-traces.ts";
import { TraceVfs } from "../src/groups/page-cache/trace-vfs.ts";
import { WORKLOADS } from "../src/groups/page-cache/workloads.ts";
import { randomBetween, seededRandom } from "../src/seeded-random.ts";

function randomTrace(seed: number, length: number, pageCount: number): Uint32Array {
  const random = seededRandom(seed);
  // Some pages more often than others, or every policy would be as good.
  return Uint32Array.from({ length }, () => 1 + Math.floor(random() ** 2 * pageCount));
}

/** The fewest misses of all ways to choose what goes. */
function fewestMisses(pgnos: Uint32Array, frameCount: number): number {
  let states = new Map<string, { held: readonly number[]; misses: number }>([
    ["", { held: [], misses: 0 }],
  ]);
  for (const pgno of pgnos) {
    const next: typeof states = new Map();
    const offer = (held: readonly number[], misses: number) => {
      const key = held.toSorted((a, b) => a - b).join();
      if ((next.get(key)?.misses ?? Number.POSITIVE_INFINITY) > misses) {
        next.set(key, { held, misses });
      }
    };
    for (const { held, misses } of states.values()) {
      if (held.includes(pgno)) offer(held, misses);
      else if (held.length < frameCount) offer([...held, pgno], misses + 1);
      else for (const out of held) offer([...held.filter((p) => p !== out), pgno], misses + 1);
    }
    states = next;
  }
  return Math.min(...[...states.values()].map(({ misses }) => misses));
}

/** On a plain list, the page used last in front. */
function naiveLruMisses(pgnos: Uint32Array, frameCount: number): number {
  let held: number[] = [];
  let misses = 0;
  for (const pgno of pgnos) {
    if (!held.includes(pgno)) misses += 1;
    held = [pgno, ...held.filter((other) => other !== pgno)].slice(0, frameCount);
  }
  return misses;
}

describe("policies", () => {
  const seeds = [1, 2, 3, 4, 5, 6];

  it.each(seeds)("the optimum is what trying everything finds, seed %i", (seed) => {
    const pgnos = randomTrace(seed, 40, 9);
    for (const frameCount of [1, 2, 3, 4]) {
      expect(replayOptimum(pgnos, frameCount).missCount).toBe(fewestMisses(pgnos, frameCount));
    }
  });

  it.each(seeds)("LRU is the plain one, seed %i", (seed) => {
    const pgnos = randomTrace(seed, 2000, 100);
    for (const frameCount of [1, 7, 50]) {
      expect(replayLru(pgnos, frameCount).missCount).toBe(naiveLruMisses(pgnos, frameCount));
    }
  });

  it.each(seeds)("the cache that pins nothing is SIEVE as published, seed %i", (seed) => {
    const pgnos = randomTrace(seed, 5000, 300);
    for (const frameCount of [1, 7, 50, 200]) {
      expect(replayPageCache(pgnos, frameCount)).toEqual(replaySieve(pgnos, frameCount));
    }
  });

  it.each(seeds)("none has more hits than the optimum, seed %i", (seed) => {
    const random = seededRandom(seed);
    const pgnos = randomTrace(seed, 5000, 300);
    const pinned = new Set([1, 2, 3, 250, 260]);
    const frameCount = randomBetween(random, 5, 200);
    const { hitCount } = replayOptimum(pgnos, frameCount);
    for (const other of [replayLru, replaySieve, replayPageCache]) {
      expect(other(pgnos, frameCount).hitCount).toBeLessThanOrEqual(hitCount);
    }
    expect(replayPageCache(pgnos, frameCount, { pinned }).hitCount).toBeLessThanOrEqual(hitCount);
  });

  it("counts only what is to be counted", () => {
    const pgnos = Uint32Array.of(1, 2, 1, 2, 3, 1);
    const isCounted = Uint8Array.of(0, 1, 0, 1, 1, 0);
    const counted = replayPageCache(pgnos, 4, { isCounted });
    expect(counted).toEqual({ hitCount: 1, missCount: 2 });
  });
});

describe("traces", () => {
  const folder = mkdtempSync(join(tmpdir(), "headwater-test-"));
  let vfs: TraceVfs;
  let dataset: Dataset;
  beforeAll(() => {
    vfs = new TraceVfs(folder);
    dataset = makeDataset(folder, 1);
  });
  afterAll(() => {
    vfs?.[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  const workload = (name: string) => WORKLOADS.find((one) => one.name === name)!;

  it("are the same each time", () => {
    const options = { vfs, folder, dataset, cachePages: 8 };
    const first = recordTrace(workload("points, zipf"), options);
    expect(recordTrace(workload("points, zipf"), options)).toEqual(first);
    expect(first.pgnos.length).toBeGreaterThan(first.statementCount / 2);
  });

  it("have every page of a scan, and none that there is not", () => {
    const { pgnos, pageCount } = recordTrace(workload("scans"), {
      vfs,
      folder,
      dataset,
      cachePages: 8,
    });
    expect(new Set(pgnos).size).toBeGreaterThanOrEqual(dataset.scanPages);
    expect(pgnos.every((pgno) => pgno >= 1 && pgno <= pageCount)).toBe(true);
  });

  it("tell what was done aside from what counts", () => {
    const { pgnos, isCounted, statementCount } = recordTrace(
      workload("a point by index after each scan"),
      { vfs, folder, dataset, cachePages: 8 },
    );
    const counted = pgnos.filter((_, at) => isCounted[at] === 1).length;
    expect(counted).toBeGreaterThanOrEqual(4 * statementCount);
    expect(counted).toBeLessThan(12 * statementCount);
    expect(pgnos.length - counted).toBeGreaterThan(statementCount * (dataset.scanPages - 8));
  });
});
