/**
 * What the project promises of itself, as ratios within one run: `--check`.
 *
 * A bar without the measurements that it needs is not met.
 */

import type { Measurement } from "../measurement.ts";
import { formatMs, formatRatio } from "./units.ts";

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
  /** Headwater's time, as a multiple of the other's, is no more than this. */
  readonly ratioMax: number;
  /** Of several, the fastest is the one to reach. */
  readonly contenders: readonly string[];
  readonly select: Omit<Selection, "driver">;
  /** One result per driver: like with like. */
  readonly drivers: readonly (readonly [headwater: string, other: string])[];
}

const AT = { sizeMb: 20, latencyMs: 20 } as const;
const BOTH = [
  ["better-sqlite3", "better-sqlite3"],
  ["node:sqlite", "node:sqlite"],
] as const;

const BARS: readonly Bar[] = [
  ...["default cache", "tiny cache"].map((measure) => ({
    bar: `warm point reads (${measure}) are no slower than from a plain file in its faster mode`,
    ratioMax: 1,
    contenders: ["plain file", "plain file, WAL"],
    select: { ...AT, case: "warm", measure },
    drivers: BOTH,
  })),
  ...["burst", "sustained"].map((measure) => ({
    bar: `one-row commits (${measure}) are no slower than to a plain file in WAL mode`,
    ratioMax: 1,
    contenders: ["plain file, WAL"],
    select: { ...AT, case: "commits", measure },
    drivers: BOTH,
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

export function checkBars(measurements: readonly Measurement[]): BarResult[] {
  return BARS.flatMap((bar) =>
    bar.drivers.map(([driver, otherDriver]) => {
      const name = `${bar.bar} (${driver})`;
      const ours = find(measurements, "Headwater", { ...bar.select, driver });
      const other = bar.contenders
        .flatMap((who) => find(measurements, who, { ...bar.select, driver: otherDriver }) ?? [])
        .sort((a, b) => a.summary.median - b.summary.median)[0];
      if (ours === undefined || other === undefined) {
        return { bar: name, met: false, found: "not measured" };
      }
      const [mine, theirs] = [ours.summary.median, other.summary.median];
      const ratio = mine / theirs;
      const found = `${formatMs(mine)} to ${formatMs(theirs)}, ${formatRatio(ratio)}`;
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
