/**
 * LtxError: the one error of this package, with a stable code.
 *
 * Always true:
 *   - `code` is API and `message` is not: messages are for people and may change.
 *   - Every code has one remedy: what the caller may do next.
 *   - `offset` counts from the start of the file (or of the bytes given, where the caller did not
 *     say where in the file they lie), and `field` is a name of the format's tables.
 *
 * Wrong arguments (a page number of -1) are RangeError or TypeError, not LtxError.
 */

const errorTag = Symbol.for("@headwater/ltx/error");

/** What the caller may do next. */
export type LtxRemedy =
  | "more-bytes" //   The bytes end early: a copy cut short, or a range that was too small.
  | "other-copy" //   These bytes are damaged or never were LTX; they will never decode.
  | "newer-reader" // Well formed as far as can be seen, but made by something newer than this.
  | "fix-inputs"; //  Each part may be sound, but they do not fit together, or not this call.

const REMEDY = {
  TRUNCATED: "more-bytes",
  NOT_LTX: "other-copy",
  HEADER_INVALID: "other-copy",
  PAGE_INVALID: "other-copy",
  LZ4_INVALID: "other-copy",
  INDEX_INVALID: "other-copy",
  TRAILER_INVALID: "other-copy",
  CHECKSUM_MISMATCH: "other-copy",
  LIMIT_EXCEEDED: "other-copy",
  UNSUPPORTED: "newer-reader",
  PAGE_REFUSED: "fix-inputs",
  SNAPSHOT_INCOMPLETE: "fix-inputs",
  SNAPSHOT_REQUIRED: "fix-inputs",
  NOT_CONTIGUOUS: "fix-inputs",
  PAGE_MISSING: "fix-inputs",
  PAGE_SIZE_MISMATCH: "fix-inputs",
  CHECKSUM_REQUIRED: "fix-inputs",
  CLOSED: "fix-inputs",
} as const satisfies Record<string, LtxRemedy>;

export type LtxErrorCode = keyof typeof REMEDY;

/** Every code, for tables and tests. */
export const LTX_ERROR_CODES = Object.keys(REMEDY) as readonly LtxErrorCode[];

export interface LtxErrorOptions {
  /** Bytes from the start of the file. */
  readonly offset?: number | undefined;
  /** Which field of the format's tables was being read or written. */
  readonly field?: string | undefined;
  readonly cause?: unknown;
}

export class LtxError extends Error {
  readonly [errorTag] = true;
  readonly code: LtxErrorCode;
  readonly offset: number | undefined;
  readonly field: string | undefined;

  constructor(code: LtxErrorCode, message: string, options: LtxErrorOptions = {}) {
    super(
      `${message}${place(options)}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = "LtxError";
    this.code = code;
    this.offset = options.offset;
    this.field = options.field;
  }

  get remedy(): LtxRemedy {
    return REMEDY[this.code];
  }

  /** Holds across duplicate copies of this package, where `instanceof` does not. */
  static is(value: unknown): value is LtxError {
    return typeof value === "object" && value !== null && errorTag in value;
  }
}

function place({ offset, field }: LtxErrorOptions): string {
  if (offset === undefined) return field === undefined ? "" : ` (${field})`;
  return field === undefined ? ` (at byte ${offset})` : ` (${field} at byte ${offset})`;
}
