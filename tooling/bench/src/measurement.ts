/**
 * One number of the report, with everything that says what it is a number of.
 */

import { type Summary, summarize } from "./statistics.ts";

export interface RequestTally {
  readonly total: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly bytesToClient: number;
  readonly bytesToServer: number;
}

export type Unit = "ms" | "MB" | "MB/s" | "bytes" | "requests" | "%";

export interface MeasurementFacts {
  readonly group: string;
  readonly case: string;
  /** What of the case was measured: "first row", "by key". */
  readonly measure: string;
  /** "MB" is a million bytes. Of "MB/s" and "%", more is better; of all others, less. */
  readonly unit: Unit;
  /** Who did it: "headwater", "litestream-vfs", "plain file". */
  readonly contender: string;
  /** How it was reached: "better-sqlite3", "node:sqlite", "node:http". */
  readonly driver: string;
  /** Of the database; 0 where there is none. */
  readonly sizeMb: number;
  /** Undefined where no store is used. */
  readonly latencyMs: number | undefined;
  /** Of one run, the median over all runs. Undefined where no store is used. */
  readonly requests?: RequestTally | undefined;
  /** False: only in the JSON file, where a table would drown in it. */
  readonly shown: boolean;
}

export interface Measurement extends MeasurementFacts {
  readonly samples: readonly number[];
  readonly summary: Summary;
}

/** What was left out, and why: silence would look like an oversight. */
export interface Omission {
  readonly group: string;
  readonly case: string;
  readonly contender: string;
  readonly sizeMb: number;
  readonly latencyMs: number | undefined;
  readonly reason: string;
}

export function makeMeasurement(facts: MeasurementFacts, samples: readonly number[]): Measurement {
  return { ...facts, samples, summary: summarize(samples) };
}
