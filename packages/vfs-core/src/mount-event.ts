/**
 * What a mount tells of by itself: plain data, which may cross threads.
 */

import type { ErrorSummary } from "./status.ts";

export type MountEvent =
  /** An upload is acknowledged: the bucket has every commit up to `seq`, and stands at `txid`. */
  | {
      readonly type: "synced";
      readonly txid: bigint;
      readonly seq: number;
      /** Of the LTX file. */
      readonly bytes: number;
      /** Since the try began that brought it there. */
      readonly durationMs: number;
    }
  /** A try to upload has failed. */
  | {
      readonly type: "syncFailed";
      readonly error: ErrorSummary;
      readonly willRetry: boolean;
      /** Since the try began. */
      readonly durationMs: number;
    }
  /** Another writer exists: this mount takes no more commits. Told once. */
  | { readonly type: "fenced"; readonly reason: string }
  /** The mount was a reader and is a writer now. */
  | { readonly type: "promoted" }
  /** The mount was a writer and is a reader now. */
  | { readonly type: "demoted" }
  /** Readers that start from now on see this transaction, which others have written. */
  | { readonly type: "remoteCommit"; readonly txid: bigint }
  /**
   * Another history has taken the place of the one that was read here up to `beforeTxid`. Readers
   * that start from now on see it, at `txid`, which may be lower.
   */
  | {
      readonly type: "replicaReset";
      readonly txid: bigint;
      readonly beforeTxid: bigint;
      /** What gave it away. */
      readonly reason: string;
    }
  /**
   * A look for transactions of others has failed, and readers stay where they are until one
   * succeeds. Told once of each reason.
   */
  | { readonly type: "followFailed"; readonly error: ErrorSummary }
  /** Another hundredth of the database is in the local image. */
  | {
      readonly type: "hydrating";
      readonly pagesPresent: number;
      readonly pageCount: number;
    }
  /** The local image is complete, again after each change of the database. */
  | { readonly type: "hydrated" }
  /** The local image cannot be completed, or not now; reads go on. Told once of each reason. */
  | { readonly type: "hydrationFailed"; readonly error: ErrorSummary };

/** Does no work of its own, and never throws. */
export type Tell = (event: MountEvent) => void;

/** A listener hears of an event after what led to it; what it throws is nobody's but its own. */
export function makeTell(onEvent: Tell | undefined): Tell {
  if (onEvent === undefined) return () => {};
  return (event) => queueMicrotask(() => onEvent(event));
}
