export type { Clock, Random } from "./clock.ts";
export {
  type ConditionsCheck,
  type ConditionsCheckOptions,
  checkConditions,
} from "./conditions-check.ts";
export {
  ObjectStoreError,
  type ObjectStoreErrorCode,
  type ObjectStoreErrorOptions,
  RETRY,
  type Retry,
} from "./errors.ts";
export { type DeadlinedOptions, deadlined } from "./layers/deadlined.ts";
export { type LimitedOptions, limited } from "./layers/limited.ts";
export { prefixed } from "./layers/prefixed.ts";
export { type OperationCounts, RequestCounts } from "./layers/request-counts.ts";
export { type RetryingOptions, retrying } from "./layers/retrying.ts";
export { type RequestTrace, type TracedOptions, traced } from "./layers/traced.ts";
export { checkKey, checkPrefix, compareKeys } from "./object-key.ts";
export type {
  ByteRange,
  CallOptions,
  DeleteCondition,
  DeleteOptions,
  GetOptions,
  GetResult,
  KeyLayout,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  ObjectVersion,
  Operation,
  PutCondition,
  PutOptions,
  Supports,
} from "./object-store.ts";
export { type OpenedStore, type OpenStoreOptions, openStore } from "./open-store.ts";
export { redactUrl } from "./store-url.ts";
export type { Environment } from "./system.ts";
