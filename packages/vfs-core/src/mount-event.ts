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
  | { readonly type: "syncFailed"; readonly error: ErrorSummary; readonly willRetry: boolean }
  /** Another writer exists: this mount takes no more commits. Told once. */
  | { readonly type: "fenced"; readonly reason: string }
  /** The mount was a reader and is a writer now. */
  | { readonly type: "promoted" }
  /** The mount was a writer and is a reader now. */
  | { readonly type: "demoted" }
  /** Readers that start from now on see this transaction, which others have written. */
  | { readonly type: "remoteCommit"; readonly txid: bigint }
  /** The local image is complete, again after each change of the database. */
  | { readonly type: "hydrated" };

/** Does no work of its own, and never throws. */
export type Tell = (event: MountEvent) => void;

/** A listener hears of an event after what led to it; what it throws is nobody's but its own. */
export function makeTell(onEvent: Tell | undefined): Tell {
  if (onEvent === undefined) return () => {};
  return (event) => queueMicrotask(() => onEvent(event));
}
