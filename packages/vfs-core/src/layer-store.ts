/**
 * A store as everything here uses it: each request with a deadline of its own, each call with
 * retries that end.
 */

import {
  deadlined,
  type ObjectStore,
  type RequestTrace,
  retrying,
  tellingRequests,
  traced,
} from "@headwater/object-store";
import type { Clock, Random } from "./clock.ts";
import { CALL_TIMEOUTS, REQUEST_MS_MAX, REQUEST_MS_MIN, WHOLE_FILE_BYTES } from "./limits.ts";

export interface LayerStoreOptions {
  readonly store: ObjectStore;
  /** How long whoever waits for an answer has time. */
  readonly requestTimeoutMs: number;
  readonly onRequest: (trace: RequestTrace) => void;
  readonly clock: Clock;
  readonly random: Random;
}

export interface LayeredStore {
  /** Without retries. */
  readonly once: ObjectStore;
  readonly again: ObjectStore;
}

export function layerStore(options: LayerStoreOptions): LayeredStore {
  const { store, requestTimeoutMs, onRequest, clock, random } = options;
  const requestMs = Math.min(Math.max(requestTimeoutMs, REQUEST_MS_MIN), REQUEST_MS_MAX);
  const durationMsMax = CALL_TIMEOUTS * Math.max(requestTimeoutMs, requestMs);
  // Only files up to that size, and the lease, are asked for without a range.
  const ending = deadlined(tellingRequests(store), {
    requestMs,
    wholeBytes: WHOLE_FILE_BYTES,
    clock,
  });
  const once = traced(ending, { onRequest, clock });
  return { once, again: retrying(once, { durationMsMax, clock, random }) };
}
