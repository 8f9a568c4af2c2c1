/**
 * What every group is given: the options, a folder, a place for results, and a voice.
 */

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BenchOptions } from "./bench-options.ts";
import { type Dataset, makeDataset } from "./dataset/dataset.ts";
import type { Measurement, Omission } from "./measurement.ts";

export const ROOT = join(import.meta.dirname, "..", "..", "..");

/** Ignored by git. */
export const RESULTS_FOLDER = join(ROOT, "bench-results");

export class BenchRun implements Disposable {
  readonly options: BenchOptions;
  /** On the disk that the checkout is on, gone at the end. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly measurements: Measurement[] = [];
  readonly omissions: Omission[] = [];
  readonly #datasets = new Map<number, Dataset>();
  readonly #started = performance.now();

  constructor(options: BenchOptions, signal: AbortSignal) {
    this.options = options;
    this.signal = signal;
    this.folder = join(RESULTS_FOLDER, `.work-${process.pid}`);
    mkdirSync(this.folder, { recursive: true });
  }

  wantsCase(name: string): boolean {
    return this.options.cases?.includes(name) ?? true;
  }

  wantsContender(id: string): boolean {
    return this.options.only?.includes(id) ?? true;
  }

  /** The test database of this size, made when it is first asked for. */
  dataset(sizeMb: number): Dataset {
    let dataset = this.#datasets.get(sizeMb);
    if (dataset === undefined) {
      this.progress(`making the database of ${sizeMb} MB`);
      dataset = makeDataset(this.folder, sizeMb);
      this.#datasets.set(sizeMb, dataset);
    }
    return dataset;
  }

  /** One line on stderr, so that stdout is the report alone. */
  progress(line: string): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(0).padStart(5);
    process.stderr.write(`${seconds} s  ${line}\n`);
  }

  record(measurement: Measurement): void {
    this.measurements.push(measurement);
  }

  /** Said once, however many latencies it holds for. */
  omit(omission: Omission): void {
    const { contender, sizeMb, reason } = omission;
    const isKnown = this.omissions.some(
      (other) =>
        other.case === omission.case &&
        other.contender === contender &&
        other.sizeMb === sizeMb &&
        other.reason === reason,
    );
    if (!isKnown) this.omissions.push(omission);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
