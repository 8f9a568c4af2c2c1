/**
 * The one error of this package. The code is API, the message is not.
 *
 * What the store itself rejects with (wrong credentials, a missing bucket) is passed on unchanged,
 * as an ObjectStoreError. Mistakes of the programmer are TypeError or RangeError.
 */

export type Retry =
  | "never" //         The answer will not change: fix the call, or acquire anew.
  | "after-backoff"; // Nothing happened; the same call may be made again later.

export const RETRY = {
  LEASE_HELD: "after-backoff",
  LEASE_LOST: "never",
  LEASE_RELEASED: "never",
  RECORD_INVALID: "never",
  STORE_UNSUPPORTED: "never",
} as const satisfies Record<string, Retry>;

export type LeaseErrorCode = keyof typeof RETRY;

/** Why a holder no longer believes that the lease is its own. */
export type LossReason =
  | "expired" //  It could not be renewed in time.
  | "taken" //    Another holder's record is in its place.
  | "removed" //  The object is gone.
  | "frozen"; //  This process or machine stood still, or its clock jumped: nobody knows how long.

/** Who holds the lease, as its record and the store's clock tell. */
export interface Holder {
  readonly owner: string | undefined;
  readonly generation: bigint;
  /** When it expires if it is not renewed; nothing if the store gives no date to tell it by. */
  readonly expiresInMs: number | undefined;
}

export interface LeaseErrorOptions {
  readonly key: string;
  readonly cause?: unknown;
  readonly holder?: Holder | undefined;
  readonly lossReason?: LossReason | undefined;
}

const errorTag = Symbol.for("@headwater/lease/error");

export class LeaseError extends Error {
  readonly [errorTag] = true;
  readonly code: LeaseErrorCode;
  readonly key: string;
  /** With LEASE_HELD. */
  readonly holder: Holder | undefined;
  /** With LEASE_LOST. */
  readonly lossReason: LossReason | undefined;

  constructor(code: LeaseErrorCode, message: string, options: LeaseErrorOptions) {
    super(message, { cause: options.cause });
    this.name = "LeaseError";
    this.code = code;
    this.key = options.key;
    this.holder = options.holder;
    this.lossReason = options.lossReason;
  }

  get retry(): Retry {
    return RETRY[this.code];
  }

  /**
   * True for our error, and if codes are given, for one of those only. Holds across duplicate
   * copies of this package, where `instanceof` does not.
   */
  static is<Code extends LeaseErrorCode>(
    value: unknown,
    ...codes: readonly Code[]
  ): value is LeaseError & { readonly code: Code } {
    if (typeof value !== "object" || value === null || !(errorTag in value)) return false;
    return codes.length === 0 || codes.includes((value as LeaseError).code as Code);
  }
}
