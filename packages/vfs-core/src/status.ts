/**
 * What a mount tells of itself: plain data, which may cross threads.
 */

import type { OperationCounts } from "@headwater/object-store";
import type { PageCacheStats } from "@headwater/page-cache";
import type { ReadCounts } from "./page-device.ts";
import type { Usage } from "./seeing/usage.ts";
import type { PastStatus } from "./travel/pasts.ts";

export interface ErrorSummary {
  readonly code: string | undefined;
  readonly message: string;
}

export interface IndexCacheStatus {
  /** Files whose index was here when the mount was opened. */
  readonly hitCount: number;
  /** Files that had to be fetched. */
  readonly missCount: number;
  readonly lastError: ErrorSummary | undefined;
}

export interface HedgingStatus {
  /** Requests that were sent a second time because the first answer did not come. */
  readonly sentCount: number;
  /** Of these, the ones that were answered first. */
  readonly wonCount: number;
}

export interface WarmUpStatus {
  /** Nothing more will come. */
  readonly done: boolean;
  /** Pages that it has fetched, and their bytes. */
  readonly pageCount: number;
  readonly bytes: number;
}

export interface HydrationStatus {
  /** Undefined for an image that goes with the mount. */
  readonly path: string | undefined;
  readonly pagesPresent: number;
  readonly pageCount: number;
  /** Every page of the newest state is in the image. */
  readonly done: boolean;
  /**
   * What keeps it from being done, or the image from being kept for the next mount, as things are:
   * undefined once it goes on. Reads go on from the store.
   */
  readonly error: ErrorSummary | undefined;
}

export interface FollowStatus {
  /** Milliseconds since a poll last succeeded: no older than this is what readers see. */
  readonly lagMs: number;
  readonly pollCount: number;
  /** The pause between polls as things are; undefined: only when asked. */
  readonly pollPauseMs: number | undefined;
  readonly lastError: ErrorSummary | undefined;
  /** When the newest visible transaction was made, by its writer's clock. */
  readonly createdAtMs: number | undefined;
  /** How often everything was planned anew, as nothing showed that it goes on from before. */
  readonly reloadCount: number;
  /** What following has asked of the store. */
  readonly requests: Readonly<Record<string, OperationCounts | undefined>>;
  /** How much of it within the last hour. */
  readonly requestsLastHour: number;
}

export interface SyncStatus {
  /** "fenced": another writer exists; local commits are kept, and no more are taken. */
  readonly state: "idle" | "pending" | "uploading" | "failing" | "fenced";
  readonly committedSeq: number;
  readonly syncedSeq: number;
  /** Commits that are not known to be in the bucket. */
  readonly pendingCount: number;
  /** Of the segments that hold them. */
  readonly journalBytes: number;
  readonly journalBytesMax: number;
  readonly lastError: ErrorSummary | undefined;
  /** Undefined when the lease is off. */
  readonly leaseGeneration: bigint | undefined;
}

export interface CompactionJobStatus {
  /** "level 1" and so on, "snapshot", "retention". */
  readonly name: string;
  /** By this machine's clock, like all times here. */
  readonly lastRunMs: number | undefined;
  readonly nextDueMs: number;
  /** Files made or deleted by it so far. */
  readonly fileCount: number;
  /** Of the last run, if it failed. */
  readonly lastError: ErrorSummary | undefined;
}

export interface CompactionStatus {
  readonly jobs: readonly CompactionJobStatus[];
  /** What the last look at the bucket found; levels without files are left out. */
  readonly levels: readonly {
    readonly level: number;
    readonly fileCount: number;
    readonly bytes: number;
  }[];
}

export interface MountStatus {
  readonly name: string;
  readonly mode: "read" | "write";
  readonly url: string;
  readonly txid: bigint;
  readonly seq: number;
  readonly pageSize: number;
  readonly pageCount: number;
  /**
   * How old the state may be that new transactions see: milliseconds since it was known to be the
   * newest. Zero for a writer, whose own it is, until it is fenced. `PRAGMA headwater_lag` says the
   * same in seconds.
   */
  readonly lagMs: number;
  /** Versions that readers may still need, the newest included. */
  readonly versionCount: number;
  readonly cache: PageCacheStats | undefined;
  /** How often SQLite's reads found their page without the engine. */
  readonly reads: ReadCounts;
  /** Undefined when it is off. */
  readonly hedging: HedgingStatus | undefined;
  /** Undefined when it is off. */
  readonly warmUp: WarmUpStatus | undefined;
  /** Undefined without `indexCacheDir`. */
  readonly indexCache: IndexCacheStatus | undefined;
  readonly requests: Readonly<Record<string, OperationCounts | undefined>>;
  /** The same as the store bills it, since the mount began to be opened, by what it was for. */
  readonly usage: Usage;
  readonly follow: FollowStatus | undefined;
  readonly sync: SyncStatus | undefined;
  /** Undefined when there is none: in read mode, without a lease, or because it is off. */
  readonly compaction: CompactionStatus | undefined;
  readonly hydration: HydrationStatus | undefined;
  /** Earlier moments that are open: a connection shows them, or `at` has opened them. */
  readonly pasts: readonly PastStatus[];
}

export function summarizeError(error: unknown): ErrorSummary | undefined {
  if (error === undefined) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return { code: typeof code === "string" ? code : undefined, message };
}
