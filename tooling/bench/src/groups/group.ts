/**
 * A group of cases that need the same surroundings: a store and its replicas, a file of pages.
 */

import type { BenchRun } from "../bench-run.ts";
import type { Measurement } from "../measurement.ts";

export interface Group {
  readonly name: string;
  /** For `--cases`. */
  readonly caseNames: readonly string[];
  /** For `--only`. */
  readonly contenderNames: readonly string[];
  run(run: BenchRun): Promise<void>;
  /** The heading of a table, for people. */
  title(caseName: string): string;
  /** What each row of a table is compared with, in the order of the columns. */
  readonly references: readonly Reference[];
}

export interface Reference {
  /** The heading of the column. */
  readonly heading: string;
  /** Of all measurements alike but for the contender, the one to compare this one with. */
  find(row: Measurement, alike: readonly Measurement[]): Measurement | undefined;
}
