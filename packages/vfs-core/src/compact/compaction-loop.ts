/**
 * When the compactor does what: a table of jobs, each due at multiples of its interval.
 *
 * Always true:
 *   - One job at a time, in the order of the table, which is that of the levels: what one makes,
 *     the next one finds.
 *   - A failure is remembered, the job waits longer each time, and the other jobs go on. Nothing
 *     else hears of it.
 *   - It ends with its signal, and leaves nothing half done that matters.
 */

import type { Clock } from "../clock.ts";
import { HeadwaterError } from "../errors.ts";
import {
  COMPACT_GRACE_MS,
  COMPACT_RETRY_MS_MAX,
  COMPACT_RETRY_MS_MIN,
  COMPACT_SLEEP_MS_MAX,
  SNAPSHOT_LEVEL,
} from "../limits.ts";
import { type CompactionStatus, summarizeError } from "../status.ts";
import type { CompactionSettings } from "./compaction-options.ts";
import type { Compactor } from "./compactor.ts";

export interface CompactionLoopOptions {
  readonly compactor: Compactor;
  readonly clock: Clock;
  readonly settings: CompactionSettings;
  readonly signal: AbortSignal;
}

interface Job {
  readonly name: string;
  readonly intervalMs: number;
  /** Gives the number of files made or deleted. */
  readonly run: () => Promise<number>;
  dueMs: number;
  lastRunMs: number | undefined;
  fileCount: number;
  failures: number;
  lastError: unknown;
}

export class CompactionLoop {
  readonly #options: CompactionLoopOptions;
  readonly #jobs: readonly Job[];

  constructor(options: CompactionLoopOptions) {
    this.#options = options;
    this.#jobs = this.#makeJobs();
  }

  status(): CompactionStatus {
    return {
      jobs: this.#jobs.map(({ name, lastRunMs, dueMs, fileCount, lastError }) => ({
        name,
        lastRunMs,
        nextDueMs: dueMs,
        fileCount,
        lastError: summarizeError(lastError),
      })),
      levels: this.#options.compactor.levels.flatMap((files, level) => {
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        return files.length === 0 ? [] : [{ level, fileCount: files.length, bytes }];
      }),
    };
  }

  /** Until the signal aborts. Never rejects. */
  async run(): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      const restMs = this.nextDueMs - clock.nowMs();
      const sleepMs = Math.min(Math.max(restMs, 0), COMPACT_SLEEP_MS_MAX);
      await clock.sleep(sleepMs, { signal }).catch(() => {});
      await this.runDue();
    }
  }

  get nextDueMs(): number {
    return Math.min(...this.#jobs.map(({ dueMs }) => dueMs));
  }

  /** Runs the jobs that are due now. Never rejects. */
  async runDue(): Promise<void> {
    const { clock, signal } = this.#options;
    for (const job of this.#jobs) {
      const nowMs = clock.nowMs();
      // A clock that was put back must not leave a job waiting for the time it came from.
      const latestMs = nowMs + Math.max(job.intervalMs, COMPACT_RETRY_MS_MAX) + COMPACT_GRACE_MS;
      job.dueMs = Math.min(job.dueMs, latestMs);
      if (job.dueMs > nowMs || signal.aborted) continue;
      await this.#run(job);
    }
  }

  async #run(job: Job): Promise<void> {
    const { clock, compactor } = this.#options;
    job.lastRunMs = clock.nowMs();
    try {
      job.fileCount += await job.run();
      job.failures = 0;
      job.lastError = undefined;
      job.dueMs = nextMultiple(clock.nowMs(), job.intervalMs);
    } catch (error) {
      compactor.forget();
      job.failures += 1;
      job.lastError = error;
      const backoffMs = COMPACT_RETRY_MS_MIN * 2 ** (job.failures - 1);
      const soonMs = clock.nowMs() + Math.min(backoffMs, COMPACT_RETRY_MS_MAX);
      // What is too large for the store is read in vain until then, and is not smaller soon.
      const isTooLarge = HeadwaterError.is(error, "STORE_UNSUPPORTED");
      job.dueMs = isTooLarge ? nextMultiple(clock.nowMs(), job.intervalMs) : soonMs;
    }
  }

  #makeJobs(): Job[] {
    const { compactor, clock, settings } = this.#options;
    const { levelIntervalsMs, snapshotIntervalMs, snapshotRetentionMs } = settings;
    const { level0RetentionMs, retentionIntervalMs } = settings;
    const firstMs = clock.nowMs() + COMPACT_GRACE_MS;
    const job = (name: string, intervalMs: number, run: Job["run"]): Job => {
      const unused = { lastRunMs: undefined, fileCount: 0, failures: 0, lastError: undefined };
      return { name, intervalMs, run, dueMs: firstMs, ...unused };
    };
    const compactions = levelIntervalsMs.map((windowMs, index) =>
      job(`level ${index + 1}`, windowMs, () => {
        const nowMs = clock.nowMs();
        const promisedMs =
          snapshotRetentionMs === 0 ? Number.POSITIVE_INFINITY : snapshotRetentionMs;
        const windows = { nowMs, windowMs, sinceMs: nowMs - promisedMs };
        return compactor.compact(index + 1, { windows });
      }),
    );
    const snapshots = job("snapshot", snapshotIntervalMs, () => this.#snapshot());
    const retention = job("retention", retentionIntervalMs, () =>
      compactor.retain({ nowMs: clock.nowMs(), level0RetentionMs, snapshotRetentionMs }),
    );
    return [...compactions, ...(snapshotIntervalMs === 0 ? [] : [snapshots]), retention];
  }

  /** Unless there is one since the last time that one was due. */
  async #snapshot(): Promise<number> {
    const { compactor, clock, settings } = this.#options;
    const { snapshotIntervalMs } = settings;
    const dueSinceMs = nextMultiple(clock.nowMs(), snapshotIntervalMs) - snapshotIntervalMs;
    const newest = compactor.levels[SNAPSHOT_LEVEL]?.at(-1);
    if (newest !== undefined && newest.createdAtMs >= dueSinceMs - COMPACT_GRACE_MS) return 0;
    return (await compactor.snapshot()) ? 1 : 0;
  }
}

/** The end of the running interval and a moment more, or that of the next one. */
function nextMultiple(nowMs: number, intervalMs: number): number {
  const boundaryMs = (Math.floor((nowMs - COMPACT_GRACE_MS) / intervalMs) + 1) * intervalMs;
  return boundaryMs + COMPACT_GRACE_MS;
}
