/**
 * When compaction, snapshots and retention are due. The defaults are Litestream's.
 */

import { LEVEL_MAX } from "../limits.ts";

export interface CompactionOptions {
  /** How often level 1, level 2 and so on are compacted, at multiples of the time of day. */
  readonly levelIntervalsMs?: readonly number[] | undefined;
  /** Zero: no snapshots, and so no file above level 0 is ever deleted. */
  readonly snapshotIntervalMs?: number | undefined;
  /** For how long one may restore to the end of any file above level 0. Zero: for ever. */
  readonly snapshotRetentionMs?: number | undefined;
  /** For how long one may restore to any transaction. Zero: for ever. */
  readonly level0RetentionMs?: number | undefined;
  /** How often is looked for files to delete. */
  readonly retentionIntervalMs?: number | undefined;
}

export type CompactionSettings = {
  readonly [Name in keyof CompactionOptions]-?: Exclude<CompactionOptions[Name], undefined>;
};

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const DEFAULTS: CompactionSettings = {
  levelIntervalsMs: [30 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS],
  snapshotIntervalMs: 24 * HOUR_MS,
  snapshotRetentionMs: 24 * HOUR_MS,
  level0RetentionMs: 5 * MINUTE_MS,
  retentionIntervalMs: 15 * SECOND_MS,
};

/**
 * Undefined when there is to be no compaction: without a lease there never is, for two who delete
 * could lose what neither would alone. Throws a RangeError that names what is wrong.
 */
export function chooseCompaction(
  choice: "off" | CompactionOptions | undefined,
  hasLease: boolean,
): CompactionSettings | undefined {
  if (choice === "off" || (choice === undefined && !hasLease)) return undefined;
  if (!hasLease) throw new RangeError('compaction needs the lease: it cannot go with lease: "off"');
  return settleCompaction(choice);
}

/** Throws a RangeError that names the option. */
export function settleCompaction(options: CompactionOptions = {}): CompactionSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: CompactionSettings = { ...DEFAULTS, ...Object.fromEntries(given) };
  const { levelIntervalsMs, retentionIntervalMs, ...others } = settings;
  if (levelIntervalsMs.length > LEVEL_MAX) {
    throw new RangeError(`levelIntervalsMs must be for ${LEVEL_MAX} levels at the most`);
  }
  for (const ms of levelIntervalsMs) checkMs("levelIntervalsMs", ms, 1);
  checkMs("retentionIntervalMs", retentionIntervalMs, 1);
  for (const [name, ms] of Object.entries(others)) checkMs(name, ms, 0);
  return settings;
}

function checkMs(name: string, value: number, min: number): void {
  if (Number.isFinite(value) && value >= min) return;
  throw new RangeError(`${name} must be ${min} or more milliseconds: ${value}`);
}
