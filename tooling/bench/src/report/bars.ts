/**
 * What the project promises of itself, as ratios within one run: the list behind `--check`.
 */

export interface Spot {
  readonly sizeMb: number;
  /** Undefined where no store is used. */
  readonly latencyMs: number | undefined;
}

interface Which {
  readonly case: string;
  readonly measure: string;
}

/** What must not be more than this. */
export type Limit =
  /** Headwater's median, as a multiple of the other's. */
  | { readonly ratioMax: number }
  /** What Headwater's has more than the other's. */
  | { readonly excessMax: number }
  /** Headwater's by itself: a count, which no machine changes. */
  | { readonly valueMax: number };

export type Bar = Limit & {
  readonly bar: string;
  /** Of several, the fastest is the one to reach. Headwater itself, with `against`. */
  readonly contenders: readonly string[];
  readonly select: Which & Partial<Spot>;
  /** Where the other's measurement is another one than Headwater's. */
  readonly against?: Partial<Which & Spot>;
  /** One result per driver: like with like. */
  readonly drivers: readonly (readonly [headwater: string, other: string])[];
};

const AT: Spot = { sizeMb: 20, latencyMs: 20 };
/** At all sizes and latencies of the run; see `spotsOf`. */
const ANYWHERE = {};
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
const WIRE = [["better-sqlite3", "node:http"]] as const;
const PLAIN = ["plain file", "plain file, WAL"];

/** A throughput of 0.6, as time. */
const SIX_TENTHS = 1 / 0.6;
/** Two windows in which nothing is written differ by a few hundredths. */
const SEVEN_TENTHS = 1 / 0.7;

export const BARS: readonly Bar[] = [
  {
    bar: "warm point reads (default cache) take at most half of those from a plain file",
    ratioMax: 0.5,
    contenders: PLAIN,
    select: { ...ANYWHERE, case: "warm", measure: "default cache" },
    drivers: BOTH,
  },
  {
    bar: "warm point reads (tiny cache) are no slower than from a plain file in its faster mode",
    ratioMax: 1,
    contenders: PLAIN,
    select: { ...ANYWHERE, case: "warm", measure: "tiny cache" },
    drivers: BOTH,
  },
  ...["points", "ranges", "points, tiny cache", "ranges, tiny cache"].map((measure) => ({
    bar: `reads from a local copy (${measure}) are no slower than from a plain file`,
    ratioMax: 1,
    contenders: PLAIN,
    select: { ...ANYWHERE, case: "hydrated", measure },
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
    drivers: WIRE,
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
    bar: "the first row of a fresh process takes at most 0.4 of litestream-vfs",
    ratioMax: 0.4,
    contenders: ["litestream-vfs"],
    select: { ...AT, case: "open", measure: "first row" },
    drivers: [
      ["better-sqlite3", "node:sqlite"],
      ["node:sqlite", "node:sqlite"],
    ],
  },
  {
    bar: "with 1,000 level-0 files, it takes at most three times as long",
    ratioMax: 3,
    contenders: ["Headwater"],
    select: { ...AT, case: "open-files", measure: "first row" },
    against: { case: "open" },
    drivers: BOTH,
  },
  ...["by key", "by index"].map((measure) => ({
    bar: `a cold point read (${measure}) takes at most 1.5 bare requests`,
    ratioMax: 1.5,
    contenders: ["bare requests"],
    select: { ...ANYWHERE, case: "points", measure },
    against: { measure: "by key" },
    drivers: WIRE,
  })),
  {
    bar: "a cold join of ten rows by the same keys takes at most 4 bare requests",
    ratioMax: 4,
    contenders: ["bare requests"],
    select: { ...ANYWHERE, case: "join", measure: "same keys" },
    drivers: WIRE,
  },
  {
    bar: "a cold scan of a table has 0.6 of the throughput of bare parallel ranges, decoded",
    ratioMax: SIX_TENTHS,
    contenders: ["bare requests"],
    select: { ...ANYWHERE, case: "scan-table", measure: "scan" },
    drivers: WIRE,
  },
  {
    bar: "hydration has 0.6 of the throughput of bare parallel ranges, decoded and written",
    ratioMax: SIX_TENTHS,
    contenders: ["bare requests"],
    select: { ...ANYWHERE, case: "hydrate", measure: "once loaded" },
    drivers: WIRE,
  },
  {
    bar: "the p99 of a cold point read during hydration is at most twice that without it",
    ratioMax: 2,
    contenders: ["Headwater"],
    select: { ...ANYWHERE, case: "during-hydration", measure: "p99, during hydration" },
    against: { measure: "p99, without" },
    drivers: BETTER_SQLITE3,
  },
  {
    bar: "an idle reader makes about one request a second",
    valueMax: 1.2,
    contenders: [],
    select: { ...ANYWHERE, case: "idle", measure: "requests a second" },
    drivers: BETTER_SQLITE3,
  },
  {
    bar: "an idle reader lists no more than twice a minute",
    valueMax: 2,
    contenders: [],
    select: { ...ANYWHERE, case: "idle", measure: "lists a minute" },
    drivers: BETTER_SQLITE3,
  },
  ...["unchanged rows", "changing rows"].map((what) => ({
    bar: `reads of ${what} keep 0.7 of their throughput while 500 pages a second change`,
    ratioMax: SEVEN_TENTHS,
    contenders: ["Headwater"],
    select: { ...ANYWHERE, case: "follow", measure: `${what}, busy` },
    against: { measure: `${what}, idle` },
    drivers: BETTER_SQLITE3,
  })),
  {
    bar: "the engine takes less than 120 MB of memory beside its page cache",
    excessMax: 120,
    contenders: ["plain file"],
    select: { ...ANYWHERE, case: "memory", measure: "resident" },
    drivers: BETTER_SQLITE3,
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
