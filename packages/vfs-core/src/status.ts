/**
 * What a mount tells of itself: plain data, which may cross threads.
 */

import type { OperationCounts } from "@headwater/object-store";
import type { PageCacheStats } from "@headwater/page-cache";

export interface ErrorSummary {
  readonly code: string | undefined;
  readonly message: string;
}

export interface HydrationStatus {
  /** Undefined for an image that goes with the mount. */
  readonly path: string | undefined;
  readonly pagesPresent: number;
  readonly pageCount: number;
  /** Every page of the newest state is in the image. */
  readonly done: boolean;
  /** Why it ended before it was done. Reads go on from the store. */
  readonly error: ErrorSummary | undefined;
}

export interface FollowStatus {
  /** Milliseconds since a poll last succeeded: no older than this is what readers see. */
  readonly lagMs: number;
  readonly pollCount: number;
  readonly lastError: ErrorSummary | undefined;
  /** When the newest visible transaction was made, by its writer's clock. */
  readonly createdAtMs: number | undefined;
}

export interface SyncStatus {
  /** "fenced": another writer exists; local commits are kept, and no more are taken. */
  readonly state: "idle" | "pending" | "uploading" | "failing" | "fenced";
  readonly committedSeq: number;
  readonly syncedSeq: number;
  readonly journalBytes: number;
  readonly lastError: ErrorSummary | undefined;
  /** Undefined when the lease is off. */
  readonly leaseGeneration: bigint | undefined;
}

export interface MountStatus {
  readonly name: string;
  readonly mode: "read" | "write";
  readonly url: string;
  readonly txid: bigint;
  readonly seq: number;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Versions that readers may still need, the newest included. */
  readonly versionCount: number;
  readonly cache: PageCacheStats | undefined;
  readonly requests: Readonly<Record<string, OperationCounts | undefined>>;
  readonly follow: FollowStatus | undefined;
  readonly sync: SyncStatus | undefined;
  readonly hydration: HydrationStatus | undefined;
}

export function summarizeError(error: unknown): ErrorSummary | undefined {
  if (error === undefined) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  return { code: typeof code === "string" ? code : undefined, message };
}
