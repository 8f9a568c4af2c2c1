/**
 * What the project promises of itself, as ratios within one run: `--check`.
 *
 * A bar without the measurements that it needs is not met, if its case was asked for.
 */

import type { Measurement } from "../measurement.ts";
import { formatRatio, formatValue } from "./units.ts";

export interface BarResult {
  readonly bar: string;
  readonly met: boolean;
  /** What was found, in words. */
  readonly found: string;
}

interface Selection {
  readonly case: string;
  readonly measure: string;
  readonly sizeMb: number;
  readonly latencyMs: number | undefined;
  readonly driver: string;
}

interface Bar {
  readonly bar: string;
  /** Headwater's median, as a multiple of the other's, is no more than this. */
  readonly ratioMax: number;
  /** Of several, the fastest is the one to reach. Headwater itself, with `against`. */
  readonly contenders: readonly string[];
  readonly select: Omit<Selection, "driver">;
  /** Where the other's measurement is another one than Headwater's. */
  readonly against?: Partial<Omit<Selection, "driver">>;
  /** One result per driver: like with like. */
  readonly drivers: readonly (readonly [headwater: string, other: string])[];
}

const AT = { sizeMb: 20, latencyMs: 20 } as const;
const BOTH = [
  ["better-sqlite3", "better-sqlite3"],
  ["node:sqlite", "node:sqlite"],
] as const;

/** One commit, where it would take most and where least if it depended on anything. */
const COMMIT_EXTREMES = [
  {
    what: "at 200 MB as at 1 MB",
    most: { sizeMb: 200 },
    least: { sizeMb: 1 },
  },
  {
    what: "with a store that is 50 ms away as with one that is near",
    most: { latencyMs: 50 },
    least: { latencyMs: 0 },
  },
] as const;

/**
 * With other programs on both cores, the plain file, which no store can slow, differs by a
 * hundredth in its medians and by up to twice in its p99. What depended on 50 ms, or on pages by
 * the thousand, would differ by far more.
 */
const COMMIT_SPREADS = [
  { measure: "median", ratioMax: 1.1 },
  { measure: "p99", ratioMax: 1.5 },
] as const;

const BETTER_SQLITE3 = [["better-sqlite3", "better-sqlite3"]] as const;

const BARS: readonly Bar[] = [
  ...["default cache", "tiny cache"].map((measure) => ({
    bar: `warm point reads (${measure}) are no slower than from a plain file in its faster mode`,
    ratioMax: 1,
    contenders: ["plain file", "plain file, WAL"],
    select: { ...AT, case: "warm", measure },
    drivers: BOTH,
  })),
  ...["burst", "sustained"].map((measure) => ({
    bar: `one-row commits (${measure}) take at most 0.8 of those to a plain file in WAL mode`,
    ratioMax: 0.8,
    contenders: ["plain file, WAL"],
    select: { ...AT, case: "commits", measure },
    drivers: BOTH,
  })),
  ...["burst", "sustained"].map((measure) => ({
    bar: `transactions of 100 rows (${measure}) are no slower than to a plain file in WAL mode`,
    ratioMax: 1,
    contenders: ["plain file, WAL"],
    select: { ...AT, case: "transactions", measure },
    drivers: BOTH,
  })),
  {
    // Half of it is SQLite and the driver, whose code and data have left the caches meanwhile.
    bar: "one-row commits, one every 1 ms, are no slower than to a plain file in WAL mode",
    ratioMax: 1,
    contenders: ["plain file, WAL"],
    select: { ...AT, case: "paced", measure: "commit" },
    drivers: BOTH,
  },
  ...COMMIT_SPREADS.flatMap(({ measure, ratioMax }) =>
    COMMIT_EXTREMES.map(({ what, most, least }) => ({
      bar: `a commit (${measure}) takes as long ${what}`,
      ratioMax,
      contenders: ["Headwater"],
      select: { ...AT, ...most, case: "commit-latency", measure },
      against: least,
      drivers: BETTER_SQLITE3,
    })),
  ),
  {
    bar: "the journal is as long in the second half of 24 s at 10 MB/s as in the first",
    // Uploads that are 0.2 MB/s too slow make it more than this.
    ratioMax: 1.25,
    contenders: ["Headwater"],
    select: { ...AT, case: "steady", measure: "journal, second half" },
    against: { measure: "journal, first half" },
    drivers: BETTER_SQLITE3,
  },
  {
    bar: "of page changes at 10 MB/s, the bucket gets as many a second as are made",
    // The last upload begins when the changes have ended.
    ratioMax: 1.1,
    contenders: ["Headwater"],
    select: { ...AT, case: "steady", measure: "changed" },
    against: { measure: "in the bucket" },
    drivers: BETTER_SQLITE3,
  },
  {
    bar: "a commit that waits for the bucket takes no longer than one bare put and one bare get",
    // It asks for the put alone; the rest is room for two changes of threads, signing and checks.
    ratioMax: 1,
    contenders: ["bare requests"],
    select: { ...AT, case: "remote", measure: "commit" },
    drivers: [["better-sqlite3", "node:http"]],
  },
  {
    bar: "a hundred flushes at once ask no more of the store than one commit that waits",
    // A renewal of the lease may fall among either.
    ratioMax: 2,
    contenders: ["Headwater"],
    select: { ...AT, case: "remote", measure: "requests of 100 flushes" },
    against: { measure: "requests of a commit" },
    drivers: BETTER_SQLITE3,
  },
  ...["read", "commit"].map((what) => ({
    bar: `the p99 of a ${what} during an upload of two seconds is that without it`,
    // Two windows without it differ by a tenth.
    ratioMax: 1.25,
    contenders: ["Headwater"],
    select: { ...AT, case: "during-upload", measure: `${what}, p99, during an upload` },
    against: { measure: `${what}, p99, idle` },
    drivers: BETTER_SQLITE3,
  })),
  {
    bar: "the first row of a fresh process comes sooner than with litestream-vfs",
    ratioMax: 1,
    contenders: ["litestream-vfs"],
    select: { ...AT, case: "open", measure: "first row" },
    drivers: [
      ["better-sqlite3", "node:sqlite"],
      ["node:sqlite", "node:sqlite"],
    ],
  },
  {
    bar: "a cold full scan takes at most a twentieth of litestream-vfs",
    ratioMax: 1 / 20,
    contenders: ["litestream-vfs"],
    select: { ...AT, case: "scan", measure: "scan" },
    drivers: [["better-sqlite3", "node:sqlite"]],
  },
  {
    bar: "a cold start's first answer costs the processor no more than with the SDK alone",
    // For Azure both load the same files, and differ by noise.
    ratioMax: 1.1,
    contenders: ["bare SDK"],
    select: {
      sizeMb: 0,
      latencyMs: undefined,
      case: "cold-start",
      measure: "import and first answer, processor time",
    },
    drivers: [
      ["s3", "s3"],
      ["gcs", "gcs"],
      ["azure", "azure"],
    ],
  },
];

/** Of these cases; of all when there are none given. */
export function checkBars(
  measurements: readonly Measurement[],
  cases?: ReadonlySet<string>,
): BarResult[] {
  const bars = BARS.filter(({ select }) => cases?.has(select.case) !== false);
  return bars.flatMap((bar) =>
    bar.drivers.map(([driver, otherDriver]) => {
      const name = `${bar.bar} (${driver})`;
      const otherSelect = { ...bar.select, ...bar.against };
      const ours = find(measurements, "Headwater", { ...bar.select, driver });
      const other = bar.contenders
        .flatMap((who) => find(measurements, who, { ...otherSelect, driver: otherDriver }) ?? [])
        .sort((a, b) => a.summary.median - b.summary.median)[0];
      if (ours === undefined || other === undefined) {
        return { bar: name, met: false, found: "not measured" };
      }
      const [mine, theirs] = [ours.summary.median, other.summary.median];
      const ratio = mine / theirs;
      const values = `${formatValue(mine, ours.unit)} to ${formatValue(theirs, other.unit)}`;
      const found = `${values}, ${formatRatio(ratio)}`;
      return { bar: name, met: ratio <= bar.ratioMax, found };
    }),
  );
}

export function renderBars(results: readonly BarResult[]): string {
  return results
    .map(({ bar, met, found }) => `${met ? "pass" : "FAIL"}  ${bar}: ${found}`)
    .join("\n");
}

function find(
  measurements: readonly Measurement[],
  contender: string,
  selection: Selection,
): Measurement | undefined {
  const wanted = Object.entries({ ...selection, contender });
  return measurements.find((one) =>
    wanted.every(([name, value]) => one[name as keyof Measurement] === value),
  );
}
