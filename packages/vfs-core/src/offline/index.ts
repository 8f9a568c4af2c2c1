export type { CompactionOptions } from "../compact/compaction-options.ts";
export { JournalFolder, type SyncedPoint, type UploadIntent } from "../disk/journal-folder.ts";
export {
  type DatabaseImage,
  type ImportOptions,
  type ImportResult,
  importDatabase,
} from "../import/import-database.ts";
export type { DatabaseLock } from "../restore/change-in-place.ts";
export { choosePlan } from "../restore/choose-plan.ts";
export {
  type ExportOptions,
  type ExportResult,
  exportCommits,
  type StrandedCommits,
} from "../restore/export-commits.ts";
export { type FollowPoint, readFollowPoint, writeFollowPoint } from "../restore/follow-point.ts";
export { type FollowEvent, type FollowOptions, followReplica } from "../restore/follow-replica.ts";
export {
  type RestoreOptions,
  type RestoreProgress,
  type RestoreResult,
  restoreReplica,
} from "../restore/restore-replica.ts";
export {
  type CompareOptions,
  type Comparison,
  compareDatabase,
} from "../verify/compare-database.ts";
export {
  type Finding,
  type FindingType,
  type Verification,
  type VerifyOptions,
  verifyReplica,
} from "../verify/verify-replica.ts";
export { journalIdentity } from "../write/write-claim.ts";
export { type HeldWork, type HoldLeaseOptions, holdLease } from "./hold-lease.ts";
export {
  type MaintainOptions,
  type MaintenanceJob,
  type MaintenanceResult,
  maintainReplica,
} from "./maintain-replica.ts";
export {
  type OfflineReplica,
  type OfflineReplicaOptions,
  openOfflineReplica,
} from "./offline-replica.ts";
export {
  type LevelInfo,
  listReplica,
  type Moment,
  type ReplicaInfo,
  readReplicaInfo,
} from "./replica-info.ts";
export { breakReplicaLease, inspectReplicaLease } from "./replica-lease.ts";
