export { redactUrl } from "@headwater/object-store";
export type { CacheMemory } from "@headwater/page-cache";
export type { Clock, Random, SleepOptions } from "./clock.ts";
export type { CompactionOptions } from "./compact/compaction-options.ts";
export { LocalDevice, LocalDeviceFactory, type PageSnapshot } from "./device/local-device.ts";
export type { DeviceFactory, DeviceOptions } from "./device-factory.ts";
export type { Disk } from "./disk/disk.ts";
export type { ImageFiles, ImageHandle } from "./disk/image-files.ts";
export {
  explainStoreFailure,
  HeadwaterError,
  type HeadwaterErrorCode,
  type Remedy,
} from "./errors.ts";
export type { FileLock, FileLockAttempt, FileLocks } from "./file-locks.ts";
export type { LtxFile } from "./ltx-file.ts";
export {
  type DemoteOptions,
  type Mount,
  openMount,
  type PromoteOptions,
  type WaitOptions,
} from "./mount.ts";
export type { MountEvent } from "./mount-event.ts";
export { type OpenedReplica, type OpenReplicaOptions, openReplica } from "./open-replica.ts";
export type {
  Durability,
  LeaseChoice,
  MountOptions,
  ReadMountOptions,
  WriteMountOptions,
} from "./options.ts";
export type {
  CommitJournal,
  DeviceAnswer,
  DeviceErrorCode,
  DeviceEvents,
  DeviceRequest,
  DeviceState,
  ImageMap,
  Journey,
  PageDevice,
  PendingPages,
  PublishedState,
  ReadCounts,
  RecoveredSegment,
} from "./page-device.ts";
export { type ReplicaLayout, replicaLayout } from "./replica-layout.ts";
export {
  type FilesByLevel,
  type Moment,
  type PlanTarget,
  planFollow,
  planRestore,
  type RestorePlan,
} from "./restore-plan.ts";
export {
  type ConflictMessage,
  type FetchMessage,
  type HydrateMessage,
  type LeaseMessage,
  type Observer,
  type OpenMessage,
  type PollMessage,
  SEEN_CHANNELS,
  type Seen,
  type SeenChannel,
  type SeenMessages,
  type SyncMessage,
} from "./seeing/messages.ts";
export type { Purpose } from "./seeing/purpose.ts";
export { toUsage, type Usage, type UsageTotals } from "./seeing/usage.ts";
export { readCounters, subtractCounters } from "./seeing/usage-counters.ts";
export type {
  CompactionJobStatus,
  CompactionStatus,
  ErrorSummary,
  FollowStatus,
  HedgingStatus,
  HydrationStatus,
  IndexCacheStatus,
  MountStatus,
  SyncStatus,
  WarmUpStatus,
} from "./status.ts";
export { systemClock, systemRandom } from "./system.ts";
export type { Past } from "./travel/past.ts";
export type { PastStatus } from "./travel/pasts.ts";
