/**
 * The page cache on traces of real SQLite: how often it has the page, beside LRU and the optimum,
 * and what its pinned pages save. Nothing is timed, so every run gives the same numbers.
 */

import type { BenchRun } from "../../bench-run.ts";
import type { Dataset } from "../../dataset/dataset.ts";
import { makeMeasurement, type Unit } from "../../measurement.ts";
import type { Group } from "../group.ts";
import { replayLru, replayOptimum, replayPageCache, replaySieve } from "./policies.ts";
import { recordTrace, type Trace } from "./record-traces.ts";
import { TraceVfs } from "./trace-vfs.ts";
import { WORKLOADS } from "./workloads.ts";

const TITLES = {
  "hit-ratio": "Look-ups below SQLite's own cache that find their page, by size of the cache",
  pinning: "Requests to the store for one statement, with a cache of a tenth of the database",
} as const;

type CaseName = keyof typeof TITLES;

/** The cache, in hundredths of the database. */
const SIZES = [5, 10, 25, 50];
const PINNING_SIZE = 10;
/**
 * What SQLite keeps itself, in pages: next to nothing, so that every look-up is seen, or a part of
 * the database as its default of 2 MB is of one of 100 MB.
 */
const USUAL = "1/50";
const SQLITE_CACHES = [
  ["8 pages", () => 8],
  [USUAL, (pageCount: number) => Math.ceil(pageCount / 50)],
] as const;

const OURS = "Headwater";
const LRU = "LRU";
const OPTIMUM = "optimum";
const NOT_PINNED = "Headwater, not pinned";

export const pageCacheGroup: Group = {
  name: "page-cache",
  caseNames: Object.keys(TITLES),
  contenderNames: [],
  title: (caseName) => TITLES[caseName as CaseName] ?? caseName,
  references: [LRU, OPTIMUM, NOT_PINNED].map((name) => ({
    heading: `/ ${name}`,
    find: (row, alike) =>
      alike.find(
        ({ contender, driver, summary }) =>
          contender === name && driver === row.driver && summary.median > 0,
      ),
  })),
  async run(run) {
    const wanted = (Object.keys(TITLES) as CaseName[]).filter((name) => run.wantsCase(name));
    if (wanted.length === 0) return;
    using vfs = new TraceVfs(run.folder);
    for (const sizeMb of run.options.sizesMb) {
      const dataset = run.dataset(sizeMb);
      for (const [cacheName, pagesOf] of SQLITE_CACHES) {
        for (const workload of WORKLOADS) {
          run.signal.throwIfAborted();
          const cachePages = pagesOf(dataset.bytes / 4096);
          const trace = recordTrace(workload, { vfs, folder: run.folder, dataset, cachePages });
          run.progress(`${sizeMb} MB: ${workload.name}: ${trace.pgnos.length} look-ups`);
          const replayed = { run, dataset, workload: workload.name, cacheName, trace };
          if (wanted.includes("hit-ratio") && cacheName === USUAL) compareHitRatios(replayed);
          if (wanted.includes("pinning")) comparePinning(replayed);
        }
      }
    }
  },
};

interface Traced {
  readonly run: BenchRun;
  readonly dataset: Dataset;
  readonly workload: string;
  readonly cacheName: string;
  readonly trace: Trace;
}

function compareHitRatios(traced: Traced): void {
  const { pgnos, pageCount, interior } = traced.trace;
  for (const size of SIZES) {
    const frameCount = Math.round((pageCount * size) / 100);
    const contenders = [
      [OURS, replayPageCache(pgnos, frameCount, { pinned: interior })],
      ["SIEVE as published", replaySieve(pgnos, frameCount)],
      [LRU, replayLru(pgnos, frameCount)],
      [OPTIMUM, replayOptimum(pgnos, frameCount)],
    ] as const;
    for (const [contender, { hitCount }] of contenders) {
      const value = (hitCount / pgnos.length) * 100;
      const measure = `${traced.workload}, ${size} %`;
      record(traced, { caseName: "hit-ratio", measure, contender, value, unit: "%" });
    }
  }
}

/** A miss is a request, since nothing is read ahead here. */
function comparePinning(traced: Traced): void {
  const { pgnos, isCounted, pageCount, interior, statementCount } = traced.trace;
  const frameCount = Math.round((pageCount * PINNING_SIZE) / 100);
  const contenders = [
    [OURS, replayPageCache(pgnos, frameCount, { pinned: interior, isCounted })],
    [NOT_PINNED, replayPageCache(pgnos, frameCount, { isCounted })],
  ] as const;
  for (const [contender, { missCount }] of contenders) {
    const value = missCount / statementCount;
    const measure = traced.workload;
    record(traced, { caseName: "pinning", measure, contender, value, unit: "requests" });
  }
}

interface Found {
  readonly caseName: CaseName;
  readonly measure: string;
  readonly contender: string;
  readonly value: number;
  readonly unit: Unit;
}

function record({ run, dataset, cacheName }: Traced, found: Found): void {
  const { caseName, measure, contender, value, unit } = found;
  const driver = `SQLite's cache: ${cacheName}`;
  const { sizeMb } = dataset;
  const facts = { group: "page-cache", case: caseName, measure, unit, contender, driver, sizeMb };
  run.record(makeMeasurement({ ...facts, latencyMs: undefined, shown: true }, [value]));
}
