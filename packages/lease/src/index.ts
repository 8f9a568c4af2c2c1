export { acquireLease } from "./acquire.ts";
export type { Clock, Random, SleepOptions } from "./clock.ts";
export {
  type Holder,
  LeaseError,
  type LeaseErrorCode,
  type LeaseErrorOptions,
  type LossReason,
  RETRY,
  type Retry,
} from "./errors.ts";
export {
  type BreakLeaseOptions,
  breakLease,
  type InspectLeaseOptions,
  inspectLease,
  type LeaseInspection,
} from "./inspect.ts";
export type { CheckOptions, Lease, LeaseState, Predecessor } from "./lease.ts";
export { decodeRecord, encodeRecord, type LeaseRecord } from "./lease-record.ts";
export type { LeaseTrail } from "./lease-trail.ts";
export { OWNER_LENGTH_MAX, TTL_MS_MAX, TTL_MS_MIN } from "./limits.ts";
export type { AcquireLeaseOptions } from "./settings.ts";
export { systemClock, systemRandom } from "./system.ts";
