/**
 * The one error of this package. The code is API, the message is not.
 *
 * Always true:
 *   - Codes are sorted by what the caller may do next; the table is complete by type.
 *   - No message holds a credential, a signed URL or a query string.
 *
 * Mistakes of the programmer (a bad key, a negative range) are TypeError or RangeError instead.
 */

import type { Operation } from "./object-store.ts";

export type Retry =
  | "never" //         The answer will not change: fix the call, the key or the configuration.
  | "after-backoff" // Nothing happened; the same call may be sent again.
  | "after-check"; //  It may have happened; read the object before sending again.

export const RETRY = {
  OBJECT_NOT_FOUND: "never",
  OBJECT_EXISTS: "never",
  OBJECT_CHANGED: "never",
  RANGE_UNSATISFIABLE: "never",
  UNAUTHENTICATED: "never",
  FORBIDDEN: "never",
  UNSUPPORTED: "never",
  CONFIG_INVALID: "never",
  STORE_CLOSED: "never",
  THROTTLED: "after-backoff",
  UNAVAILABLE: "after-backoff",
  OUTCOME_UNKNOWN: "after-check",
} as const satisfies Record<string, Retry>;

export type ObjectStoreErrorCode = keyof typeof RETRY;

export interface ObjectStoreErrorOptions {
  /** `ObjectStore.name` of the store that failed. */
  readonly store: string;
  readonly operation?: Operation | undefined;
  readonly key?: string | undefined;
  readonly cause?: unknown;
  /** How long the store asked to be left alone, if it did. */
  readonly retryAfterMs?: number | undefined;
}

const errorTag = Symbol.for("@headwater/object-store/error");

export class ObjectStoreError extends Error {
  readonly [errorTag] = true;
  readonly code: ObjectStoreErrorCode;
  readonly store: string;
  readonly operation: Operation | undefined;
  readonly key: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ObjectStoreErrorCode, message: string, options: ObjectStoreErrorOptions) {
    super(message, { cause: options.cause });
    this.name = "ObjectStoreError";
    this.code = code;
    this.store = options.store;
    this.operation = options.operation;
    this.key = options.key;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retry(): Retry {
    return RETRY[this.code];
  }

  /**
   * True for our error, and if codes are given, for one of those only. Holds across duplicate
   * copies of this package, where `instanceof` does not.
   */
  static is<Code extends ObjectStoreErrorCode>(
    value: unknown,
    ...codes: readonly Code[]
  ): value is ObjectStoreError & { readonly code: Code } {
    if (typeof value !== "object" || value === null || !(errorTag in value)) return false;
    return codes.length === 0 || codes.includes((value as ObjectStoreError).code as Code);
  }
}
