/**
 * Compaction, snapshots and retention of a soak: what takes days as a rule happens every few
 * minutes.
 */

export const RETENTION = {
  levelIntervalsMs: [5_000, 20_000, 60_000],
  snapshotIntervalMs: 60_000,
  snapshotRetentionMs: 180_000,
  level0RetentionMs: 60_000,
  retentionIntervalMs: 5_000,
} as const;
