/**
 * The one error of this package. The code is API, the message is not.
 *
 * Always true:
 *   - Codes are sorted by what the caller may do next; the table is complete by type.
 *   - A message is one sentence, names the replica by its redacted URL, and holds no credential.
 *
 * Mistakes of the programmer that no input can cause are TypeError or RangeError instead.
 */

import { ObjectStoreError, type ObjectStoreErrorCode } from "@headwater/object-store";

export type Remedy =
  | "fix-call" //  The options or the order of calls are wrong.
  | "fix-store" // The store, its rights or its content are not what the options say.
  | "retry" //     The same call may succeed later.
  | "decide" //    Two histories or two owners exist: a person or a policy has to choose.
  | "reopen"; //   This handle is finished; a new one may work.

const REMEDY = {
  OPTION_INVALID: "fix-call",
  CLOSED: "reopen",
  TIMEOUT: "retry",
  REPLICA_NOT_FOUND: "fix-store",
  PREFIX_NOT_REPLICA: "fix-store",
  REPLICA_DAMAGED: "fix-store",
  /** Another database, with pages of another size, has taken its place. */
  REPLICA_RESET: "reopen",
  PAGE_NOT_FOUND: "fix-store",
  SNAPSHOT_GONE: "retry",
  /** No files lead to an earlier moment that was asked for. */
  MOMENT_NOT_FOUND: "fix-call",
  READER_TOO_OLD: "retry",
  STORE_CONFIG_INVALID: "fix-store",
  STORE_UNAUTHENTICATED: "fix-store",
  STORE_FORBIDDEN: "fix-store",
  STORE_UNSUPPORTED: "fix-store",
  STORE_UNAVAILABLE: "retry",
  JOURNAL_LOCKED: "decide",
  JOURNAL_CONFLICT: "decide",
  JOURNAL_PENDING: "decide",
  JOURNAL_INVALID: "decide",
  IMAGE_LOCKED: "decide",
  IMAGE_FAILED: "reopen",
  LEASE_HELD: "retry",
  LEASE_INVALID: "fix-store",
  /** The thread that runs the engine has ended. */
  ENGINE_STOPPED: "reopen",
  FENCED: "decide",
} as const satisfies Record<string, Remedy>;

export type HeadwaterErrorCode = keyof typeof REMEDY;

const errorTag = Symbol.for("@headwater/vfs-core/error");

export class HeadwaterError extends Error {
  readonly [errorTag] = true;
  readonly code: HeadwaterErrorCode;

  constructor(code: HeadwaterErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "HeadwaterError";
    this.code = code;
  }

  get remedy(): Remedy {
    return REMEDY[this.code];
  }

  /** Holds across duplicate copies of this package; so does `instanceof`. */
  static is<Code extends HeadwaterErrorCode>(
    value: unknown,
    ...codes: readonly Code[]
  ): value is HeadwaterError & { readonly code: Code } {
    if (!isTagged(value)) return false;
    return codes.length === 0 || codes.includes((value as HeadwaterError).code as Code);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isTagged(value);
  }
}

function isTagged(value: unknown): boolean {
  return typeof value === "object" && value !== null && errorTag in value;
}

/**
 * What each failure of a store is called here, the words that follow the replica's name, and where
 * it can be told, what to do next.
 */
const STORE_FAILURES = {
  OBJECT_NOT_FOUND: ["REPLICA_DAMAGED", "an object that should be there is missing"],
  OBJECT_EXISTS: ["FENCED", "another writer has put an object of this name"],
  OBJECT_CHANGED: ["FENCED", "another writer has changed an object"],
  RANGE_UNSATISFIABLE: ["REPLICA_DAMAGED", "an object is shorter than its listing says"],
  UNAUTHENTICATED: [
    "STORE_UNAUTHENTICATED",
    "the store does not accept the credentials",
    "check the credentials",
  ],
  FORBIDDEN: [
    "STORE_FORBIDDEN",
    "the credentials do not allow this",
    "give them the right to it, or use others",
  ],
  UNSUPPORTED: ["STORE_UNSUPPORTED", "the store cannot do what is needed"],
  CONFIG_INVALID: [
    "STORE_CONFIG_INVALID",
    "the store is not set up as the URL says",
    "check the URL, the store and its options",
  ],
  STORE_CLOSED: ["CLOSED", "the store is closed"],
  THROTTLED: ["STORE_UNAVAILABLE", "the store asks for fewer requests", "try again later"],
  UNAVAILABLE: [
    "STORE_UNAVAILABLE",
    "the store cannot be reached",
    "check the endpoint and the network, or try again later",
  ],
  OUTCOME_UNKNOWN: ["STORE_UNAVAILABLE", "the store did not say whether an upload arrived"],
} as const satisfies Record<
  ObjectStoreErrorCode,
  readonly [code: HeadwaterErrorCode, what: string, next?: string]
>;

/** Of a folder, where there are neither credentials nor a network. */
const FOLDER_WORDS: Partial<Record<ObjectStoreErrorCode, readonly [what: string, next: string]>> = {
  FORBIDDEN: ["the file system does not allow this", "give this user the rights to it"],
  UNAVAILABLE: [
    "the folder cannot be used",
    "check that its disk has room and can be written to, then try again",
  ],
};

/**
 * Any failure as one of ours, with one readable sentence. What is no failure of the store, such as
 * the reason of an aborted signal, is given back as it is.
 */
export function explainStoreFailure(replicaName: string, error: unknown): unknown {
  if (!ObjectStoreError.is(error)) return error;
  const [code, ofStore, nextOfStore] = STORE_FAILURES[error.code];
  const ofFolder = replicaName.startsWith("file:") ? FOLDER_WORDS[error.code] : undefined;
  const [what, next] = ofFolder ?? [ofStore, nextOfStore];
  const { key, message: why } = error;
  const object = key === undefined || why.includes(key) ? "" : ` (${key})`;
  const advice = next === undefined ? "" : `; ${next}`;
  const message = `${replicaName}: ${what}${object}: ${why}${advice}`;
  return new HeadwaterError(code, message, { cause: error });
}
