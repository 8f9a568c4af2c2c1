/**
 * What a writer does for its replica beside writing, done without one: compaction, snapshots,
 * retention.
 */

import {
  type CompactionOptions,
  type CompactionSettings,
  settleCompaction,
} from "../compact/compaction-options.ts";
import { Compactor } from "../compact/compactor.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { planRestore } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import { type HoldLeaseOptions, holdLease } from "./hold-lease.ts";
import type { OfflineReplica } from "./offline-replica.ts";
import { listReplica } from "./replica-info.ts";

export type MaintenanceJob =
  /** Windows that are over only, unless it is all that there is. */
  | { readonly type: "compact"; readonly level: number; readonly isAll: boolean }
  | { readonly type: "snapshot" }
  | { readonly type: "retain" };

export interface MaintenanceResult {
  readonly job: MaintenanceJob;
  /** Made or deleted. */
  readonly fileCount: number;
}

export interface MaintainOptions extends HoldLeaseOptions {
  /** In this order. */
  readonly jobs: readonly MaintenanceJob[];
  /** Intervals and retentions. Default: Litestream's, as for a writer. */
  readonly compaction?: CompactionOptions | undefined;
  /** Of each file that a job makes: `bytesTotal` is about what it comes to. */
  readonly onProgress?:
    | ((job: MaintenanceJob, bytesDone: number, bytesTotal: number) => void)
    | undefined;
}

export async function maintainReplica(
  offline: OfflineReplica,
  { jobs, compaction, onProgress, ...options }: MaintainOptions,
): Promise<MaintenanceResult[]> {
  const settings = settleCompaction(compaction);
  // Where there is none, no lease is left behind either.
  await listReplica(offline.replica, options);
  return holdLease(offline, options, async ({ signal, stillOurs }) => {
    const { replica, queue } = offline;
    const levels = withoutStrays(await listLtxFiles(replica, { signal }));
    const beganTxid = planRestore(levels, { type: "latest" }).txid;
    let current: MaintenanceJob | undefined;
    const compactor = new Compactor({
      replica,
      queue,
      signal,
      stillOurs,
      beganTxid,
      onProgress: (bytesDone, bytesTotal) => {
        if (current !== undefined) onProgress?.(current, bytesDone, bytesTotal);
      },
    });
    const results: MaintenanceResult[] = [];
    for (const job of jobs) {
      current = job;
      const fileCount = await run(compactor, job, settings, replica.clock.nowMs());
      results.push({ job, fileCount });
    }
    return results;
  });
}

async function run(
  compactor: Compactor,
  job: MaintenanceJob,
  settings: CompactionSettings,
  nowMs: number,
): Promise<number> {
  const { levelIntervalsMs, level0RetentionMs, snapshotRetentionMs } = settings;
  switch (job.type) {
    case "snapshot":
      return (await compactor.snapshot()) ? 1 : 0;
    case "retain":
      return compactor.retain({ nowMs, level0RetentionMs, snapshotRetentionMs });
    case "compact": {
      const windowMs = levelIntervalsMs[job.level - 1];
      if (job.isAll || windowMs === undefined) return compactor.compact(job.level);
      const promisedMs = snapshotRetentionMs === 0 ? Number.POSITIVE_INFINITY : snapshotRetentionMs;
      const windows = { nowMs, windowMs, sinceMs: nowMs - promisedMs };
      return compactor.compact(job.level, { windows });
    }
  }
}
