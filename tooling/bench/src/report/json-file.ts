/**
 * The report as data: every sample, what it was measured on, and the command that did it.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RESULTS_FOLDER } from "../bench-run.ts";
import type { MachineFacts } from "../machine-facts.ts";
import type { Measurement, Omission } from "../measurement.ts";
import type { BarResult } from "./check-bars.ts";

export interface JsonReport {
  readonly startedAt: string;
  readonly durationSeconds: number;
  readonly command: string;
  /** "built": as they are published. */
  readonly packages: "source" | "built";
  readonly machine: MachineFacts;
  readonly versions: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  readonly omissions: readonly Omission[];
  readonly bars: readonly BarResult[] | undefined;
}

/** Gives back the file. */
export function writeJsonReport(report: JsonReport, out: string | undefined): string {
  const stamp = report.startedAt.replace(/[-:]/g, "").replace(/\..*$/, "Z");
  const file = out ?? join(RESULTS_FOLDER, `bench-${stamp}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, shorten, 1)}\n`);
  return file;
}

/** Nothing below a nanosecond was measured. */
function shorten(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toFixed(6)) : value;
}
