export { redactUrl } from "@headwater/object-store";
export type { Clock, SleepOptions } from "./clock.ts";
export { LocalDevice, LocalDeviceFactory, type PageSnapshot } from "./device/local-device.ts";
export type { DeviceFactory, DeviceOptions } from "./device-factory.ts";
export {
  explainStoreFailure,
  HeadwaterError,
  type HeadwaterErrorCode,
  type Remedy,
} from "./errors.ts";
export type { FileLock, FileLockAttempt, FileLocks } from "./file-locks.ts";
export type { LtxFile } from "./ltx-file.ts";
export { type Mount, openMount, type WaitOptions } from "./mount.ts";
export { type OpenedReplica, type OpenReplicaOptions, openReplica } from "./open-replica.ts";
export type {
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
  PageDevice,
  PendingPages,
  PublishedState,
  RecoveredSegment,
} from "./page-device.ts";
export { type ReplicaLayout, replicaLayout } from "./replica-layout.ts";
export {
  type FilesByLevel,
  type PlanTarget,
  planFollow,
  planRestore,
  type RestorePlan,
} from "./restore-plan.ts";
export type {
  ErrorSummary,
  FollowStatus,
  HydrationStatus,
  MountStatus,
  SyncStatus,
} from "./status.ts";
export { systemClock } from "./system.ts";
