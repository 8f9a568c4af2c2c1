export type { Clock, Random } from "./clock.ts";
export {
  CHECK_NAME,
  type ConditionKind,
  type ConditionsCheck,
  type ConditionsCheckOptions,
  checkConditions,
} from "./conditions-check.ts";
export { conditionsProblem } from "./conditions-problem.ts";
export {
  ObjectStoreError,
  type ObjectStoreErrorCode,
  type ObjectStoreErrorOptions,
  RETRY,
  type Retry,
} from "./errors.ts";
export {
  type KeyValueStoreOptions,
  type KeyValues,
  keyValueStore,
  type ListedEntry,
  type StoredEntry,
} from "./key-value-store.ts";
export { type DeadlinedOptions, deadlined } from "./layers/deadlined.ts";
export { type LimitedOptions, limited } from "./layers/limited.ts";
export { metered } from "./layers/metered.ts";
export { prefixed } from "./layers/prefixed.ts";
export { type OperationCounts, RequestCounts } from "./layers/request-counts.ts";
export { type RetryingOptions, retrying } from "./layers/retrying.ts";
export { tellingRequests } from "./layers/telling-requests.ts";
export { type RequestTrace, type TracedOptions, traced } from "./layers/traced.ts";
export { letGo } from "./let-go.ts";
export { type ModuleReference, resolveModule } from "./module-reference.ts";
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
  RequestMeter,
  Supports,
  Upload,
  UploadOperation,
  UploadOptions,
} from "./object-store.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
export { OPERATIONS } from "./operations.ts";
export { PLACE_VARIABLES } from "./place-variables.ts";
export { priceProviderOf } from "./prices/price-provider-of.ts";
export {
  choosePrices,
  type PriceChoice,
  type PricedRequests,
  type Prices,
  priceRequests,
} from "./prices/price-requests.ts";
export { type PriceProvider, STORE_PRICES, type StorePrices } from "./prices/price-table.ts";
export { putStream } from "./put-stream.ts";
export type { OpenedStore } from "./store-module.ts";
export { redactUrl } from "./store-url.ts";
export { type Environment, systemRandom } from "./system.ts";
export { untilAborted } from "./until-aborted.ts";
