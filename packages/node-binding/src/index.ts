import "./check-node.ts";

export {
  type PriceChoice,
  type PricedRequests,
  type PriceProvider,
  type Prices,
  priceRequests,
  STORE_PRICES,
  type StorePrices,
} from "@headwater/object-store";
export type {
  ConflictMessage,
  FetchMessage,
  HydrateMessage,
  LeaseMessage,
  MountEvent,
  MountStatus,
  OpenMessage,
  PollMessage,
  Purpose,
  SyncMessage,
  Usage,
  UsageTotals,
} from "@headwater/vfs-core";
export { HeadwaterError, type HeadwaterErrorCode } from "@headwater/vfs-core";
export { closeOnSignals } from "./close-on-signals.ts";
export { type Driver, registerBetterSqlite3, registerNodeSqlite } from "./drivers.ts";
export type { HydrateOptions } from "./engine/engine-mount-options.ts";
export type { MountEventListener, MountEventType } from "./event-listeners.ts";
export {
  type HandleStatus,
  type MountHandle,
  mount,
  type PromoteOptions,
  type SignalOptions,
} from "./mount.ts";
export { extensionPath } from "./native.ts";
export { nativeCodec } from "./native-codec.ts";
export {
  type OpenDatabaseOptions,
  type OpenedDatabase,
  type OpenedPast,
  openDatabase,
} from "./open-database.ts";
export type { MountOptions } from "./options.ts";
export type { Past } from "./past.ts";
export type { ChannelMessage, ChannelMessages } from "./seeing/channels.ts";
export type { Measured, Meter, MeteredReads, MeteredUsage } from "./seeing/meter.ts";
