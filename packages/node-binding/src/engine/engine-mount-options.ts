/**
 * What the engine is told to mount: plain data, complete and checked.
 */

import type { LeaseChoice } from "@headwater/vfs-core";

export interface EngineMountOptions {
  readonly url: string;
  /** Credentials and the like; see `openStore`. */
  readonly storeOptions: Readonly<Record<string, string | boolean | number>>;
  /** What the mount wants to be called; with `unique`, another name is found when it is taken. */
  readonly name: string;
  readonly unique: boolean;
  readonly mode: "read" | "write";
  readonly hydrate: { readonly path?: string } | undefined;
  readonly journalDir: string;
  readonly lease: LeaseChoice;
  readonly mustExist: boolean;
  readonly waitForReplica: boolean;
  readonly cacheBytes: number | undefined;
  readonly pollIntervalMs: number | undefined;
  readonly syncIntervalMs: number | undefined;
  readonly requestTimeoutMs: number;
}
