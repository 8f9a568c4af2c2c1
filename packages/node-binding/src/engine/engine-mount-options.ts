/**
 * What the engine is told to mount: plain data, complete and checked.
 */

import type { ModuleReference } from "@headwater/object-store";
import type { CompactionOptions, Durability, LeaseChoice } from "@headwater/vfs-core";

export interface HydrateOptions {
  /** Where to keep the local image. Without it, there is one as long as the mount. */
  readonly path?: string | undefined;
  /** What hydration may ask of the store. Default: whatever readers leave. */
  readonly bytesPerSecondMax?: number | undefined;
}

export interface EngineMountOptions {
  /** The URL of the replica, or the module of its store. */
  readonly source: string | ModuleReference;
  /** Credentials and the like, for a URL; see `openStore`. */
  readonly storeOptions: Readonly<Record<string, string | boolean | number | ModuleReference>>;
  /** What the mount wants to be called; with `unique`, another name is found when it is taken. */
  readonly name: string;
  readonly unique: boolean;
  readonly mode: "read" | "write";
  readonly hydrate: HydrateOptions | undefined;
  readonly journalDir: string;
  readonly lease: LeaseChoice;
  readonly compaction: "off" | CompactionOptions | undefined;
  readonly mustExist: boolean;
  readonly waitForReplica: boolean;
  readonly cacheBytes: number | undefined;
  readonly warmUp: boolean | undefined;
  readonly hedge: boolean | undefined;
  readonly indexCacheDir: string | undefined;
  readonly pollIntervalMs: number | undefined;
  readonly pollIntervalMsMax: number | undefined;
  readonly syncIntervalMs: number | undefined;
  readonly durability: Durability | undefined;
  readonly journalBytesMax: number | undefined;
  readonly requestTimeoutMs: number;
  readonly exitTimeoutMs: number;
}
