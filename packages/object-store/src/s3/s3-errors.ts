/**
 * Answers and failures of S3, sorted into ours.
 *
 * The table knows codes by name; what it does not know is sorted by status. No arm here guesses
 * that a failed conditional request did nothing.
 */

import { wasNotSent } from "../broken-connection.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { unwritable } from "../http-client.ts";
import { ERROR_TEXT_LENGTH_MAX } from "../limits.ts";
import type { Operation } from "../object-store.ts";
import { S3Refusal } from "./s3-refusal.ts";

export interface S3ErrorContext {
  readonly store: string;
  readonly operation: Operation;
  readonly key?: string | undefined;
  /** The condition of a put or delete. */
  readonly condition?: "none" | "if-absent" | "if-version" | undefined;
  readonly bucket: string;
  /** `host` or `host:port`, for messages. */
  readonly host: string;
  readonly region: string;
  /** By how much the clock was put right since the request was signed, if it did. */
  readonly clockCorrectionMs?: number | undefined;
}

interface Verdict {
  readonly code: ObjectStoreErrorCode;
  readonly problem: string;
}

/** Of answers, and of failures without one, which Node.js gives a code. */
interface Failure extends Error {
  readonly code?: unknown;
}

type Rule = (context: S3ErrorContext, error: Failure) => Verdict;

const unauthenticated = (problem: string): Rule => {
  return ({ host }) => ({ code: "UNAUTHENTICATED", problem: `${problem} (${host})` });
};

const config = (problem: (context: S3ErrorContext, error: Failure) => string): Rule => {
  return (context, error) => ({ code: "CONFIG_INVALID", problem: problem(context, error) });
};

const wrongRegion = config(({ bucket, region }, error) => {
  const right = bucketRegionOf(error);
  const where = right === undefined ? "another region" : `region ${right}`;
  return `bucket ${bucket} is in ${where}, not in ${region}`;
});

/** So it is where the region is wrong, and where the access key is no access key. */
const malformed: Rule = (context, error) => {
  if (bucketRegionOf(error) !== undefined) return wrongRegion(context, error);
  return { code: "CONFIG_INVALID", problem: refusal(error) };
};

/** A bucket that is new, or moves: S3 sends requests elsewhere until its name is known. */
const redirected: Rule = (context, error) => {
  const right = bucketRegionOf(error);
  if (right !== undefined && right !== context.region) return wrongRegion(context, error);
  return { code: "UNAVAILABLE", problem: "the store redirects requests for now" };
};

const notS3 = config(({ host }, error) => {
  const { location = "" } = error instanceof S3Refusal ? error.headers : {};
  const to = URL.canParse(location) ? ` to ${new URL(location).origin}` : "";
  return `${host} redirects (${statusOf(error)})${to}, and not as S3 does`;
});

/** S3 says so in a HEAD, with the region; others send everybody from http to https. */
const moved: Rule = (context, error) =>
  bucketRegionOf(error) === undefined ? notS3(context, error) : wrongRegion(context, error);

const nothingHappened = (problem: string): Rule => {
  return () => ({ code: "UNAVAILABLE", problem });
};

const throttled: Rule = () => ({ code: "THROTTLED", problem: "the store asks to slow down" });

/** By the code in the answer's body, which is the error's name. */
const BY_NAME: Readonly<Record<string, Rule>> = {
  NoSuchBucket: config(({ bucket, host }) => `bucket ${bucket} does not exist at ${host}`),
  InvalidBucketName: config(({ bucket }) => `${bucket} is no valid bucket name`),
  NoSuchKey: notFound,
  NoSuchUpload: noSuchUpload,
  PreconditionFailed: conditionFailed,
  InvalidRange: () => ({ code: "RANGE_UNSATISFIABLE", problem: "no such bytes in the object" }),
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: redirected,
  AuthorizationHeaderMalformed: malformed,
  IllegalLocationConstraintException: wrongRegion,
  AccessDenied: forbidden,
  InvalidAccessKeyId: unauthenticated("the store does not know the access key"),
  SignatureDoesNotMatch: unauthenticated("the secret does not belong to the access key"),
  ExpiredToken: unauthenticated("the session token has expired"),
  ExpiredTokenException: unauthenticated("the session token has expired"),
  InvalidToken: unauthenticated("the session token is not valid"),
  TokenRefreshRequired: unauthenticated("the session token must be refreshed"),
  RequestTimeTooSkewed: unauthenticated("the clock of this machine differs from the store's"),
  RequestExpired: unauthenticated("the clock of this machine differs from the store's"),
  CredentialsProviderError: unauthenticated(
    "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile",
  ),
  NotImplemented: () => ({ code: "UNSUPPORTED", problem: "the store does not implement this" }),
  // Ours, of a body of announced size.
  RangeError: tooLarge,
  EntityTooLarge: () => ({ code: "UNSUPPORTED", problem: "the body is too large for the store" }),
  KeyTooLongError: () => ({ code: "UNSUPPORTED", problem: "the key is too long for the store" }),
  ConditionalRequestConflict: nothingHappened("another request for this object was in progress"),
  OperationAborted: nothingHappened("another request for this object was in progress"),
  RequestTimeout: nothingHappened("the store waited too long for the request"),
  BadDigest: nothingHappened("the body arrived damaged"),
  XAmzContentSHA256Mismatch: nothingHappened("the body arrived damaged"),
  IncompleteBody: nothingHappened("the body did not arrive whole"),
  SlowDown: throttled,
  ServiceUnavailable: nothingHappened("the store is busy"),
  SlowDownRead: throttled,
  SlowDownWrite: throttled,
  TooManyRequests: throttled,
  TooManyRequestsException: throttled,
  RequestLimitExceeded: throttled,
  RequestThrottled: throttled,
  RequestThrottledException: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  ThrottledException: throttled,
  BandwidthLimitExceeded: throttled,
};

/** Some providers write the codes in other letters, such as `slow_down`. */
const BY_LETTERS = new Map(Object.entries(BY_NAME).map(([name, rule]) => [lettersOf(name), rule]));

const BY_STATUS: Readonly<Record<number, Rule>> = {
  301: moved,
  302: notS3,
  303: notS3,
  307: notS3,
  308: notS3,
  401: unauthenticated("the store does not accept the credentials"),
  403: forbidden,
  404: notFoundUnnamed,
  408: nothingHappened("the store waited too long for the request"),
  409: nothingHappened("another request for this object was in progress"),
  412: conditionFailed,
  416: () => ({ code: "RANGE_UNSATISFIABLE", problem: "no such bytes in the object" }),
  429: throttled,
  501: () => ({ code: "UNSUPPORTED", problem: "the store does not implement this" }),
};

const UPLOAD_STEPS: readonly Operation[] = ["openUpload", "putPart", "abortUpload"];
const PUTS: readonly Operation[] = ["put", "completeUpload"];

const TLS = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^EPROTO$|^ERR_SSL/;

/** The error to throw for this failure of a request. */
export function toS3Error(failure: unknown, context: S3ErrorContext): ObjectStoreError {
  if (ObjectStoreError.is(failure)) return failure;
  const error = (failure instanceof Error ? failure : new Error(String(failure))) as Failure;
  const { code, problem } = verdictOf(error, context);
  return s3Error(code, problem, context, error, retryAfterMs(error));
}

export function s3Error(
  code: ObjectStoreErrorCode,
  problem: string,
  { store, operation, key }: S3ErrorContext,
  cause?: unknown,
  retryAfter?: number,
): ObjectStoreError {
  const what = key === undefined ? operation : `${operation} ${key}`;
  const options = { store, operation, key, cause, retryAfterMs: retryAfter };
  return new ObjectStoreError(code, `${what} on ${store}: ${problem}`, options);
}

/** True for an answer that says no such object, or no such bucket: a HEAD does not tell which. */
export function isUnnamedNotFound(failure: unknown): boolean {
  const error = failure as Failure;
  return statusOf(error) === 404 && error.name !== "NoSuchBucket" && error.name !== "NoSuchKey";
}

function verdictOf(error: Failure, context: S3ErrorContext): Verdict {
  const status = statusOf(error);
  const { clockCorrectionMs } = context;
  if (clockCorrectionMs !== undefined && status === 403) {
    return { code: "UNAVAILABLE", problem: clockProblem(clockCorrectionMs) };
  }
  const byName = BY_LETTERS.get(lettersOf(error.name));
  if (byName !== undefined) return byName(context, error);
  if (status === undefined) return withoutAnswer(error, context);
  const byStatus = BY_STATUS[status];
  if (byStatus !== undefined) return byStatus(context, error);
  if (status >= 400 && status < 500) {
    return { code: "CONFIG_INVALID", problem: refusal(error) };
  }
  return unsettled(`the store answered ${status}`, context);
}

function withoutAnswer(error: Failure, context: S3ErrorContext): Verdict {
  const code = typeof error.code === "string" ? error.code : "";
  const { host } = context;
  const unwritten = unwritable(error);
  if (unwritten !== undefined) return { code: "CONFIG_INVALID", problem: unwritten };
  if (wasNotSent(code)) {
    return { code: "UNAVAILABLE", problem: `cannot reach ${host} (${code})` };
  }
  if (TLS.test(code)) {
    return { code: "CONFIG_INVALID", problem: `no trusted TLS connection to ${host} (${code})` };
  }
  if (code === "TIMEOUT_CONNECT") {
    return { code: "UNAVAILABLE", problem: `cannot reach ${host} (no connection in time)` };
  }
  return unsettled(`no answer from ${host} (${code || error.name})`, context);
}

/**
 * The request may have been done: for a condition that matters, for the rest it does not. Only the
 * last step of an upload has one, and cannot be done twice anyhow.
 */
function unsettled(problem: string, { condition = "none", operation }: S3ErrorContext): Verdict {
  const isHarmless = condition === "none" || UPLOAD_STEPS.includes(operation);
  const mayRepeat = isHarmless && operation !== "completeUpload";
  return { code: mayRepeat ? "UNAVAILABLE" : "OUTCOME_UNKNOWN", problem };
}

/** An upload that was completed is known no more, and one whose answer got lost may be that. */
function noSuchUpload({ operation }: S3ErrorContext): Verdict {
  const code = operation === "completeUpload" ? "OUTCOME_UNKNOWN" : "OBJECT_NOT_FOUND";
  return { code, problem: "the store does not know the upload any more" };
}

function tooLarge(context: S3ErrorContext): Verdict {
  if (context.operation !== "get") return unsettled("the answer is far too long", context);
  return { code: "UNSUPPORTED", problem: "the object is too large to be got at once" };
}

function notFound({ operation, condition }: S3ErrorContext): Verdict {
  if (PUTS.includes(operation) && condition === "if-version") {
    return { code: "OBJECT_CHANGED", problem: "the object is gone" };
  }
  return { code: "OBJECT_NOT_FOUND", problem: "there is no such object" };
}

/** A 404 that does not say NoSuchKey: HEAD has no body; anything else is not S3 talking. */
function notFoundUnnamed(context: S3ErrorContext): Verdict {
  const { operation, condition, host } = context;
  if (operation === "head" || operation === "delete" || condition === "if-version") {
    return notFound(context);
  }
  return { code: "CONFIG_INVALID", problem: `${host} answers 404, but not as S3 does` };
}

function conditionFailed({ condition }: S3ErrorContext): Verdict {
  if (condition === "if-absent") {
    return { code: "OBJECT_EXISTS", problem: "there is such an object" };
  }
  return { code: "OBJECT_CHANGED", problem: "the object has another version or is gone" };
}

function forbidden({ operation, bucket, host }: S3ErrorContext): Verdict {
  const hint =
    operation === "get" || operation === "head"
      ? "; without s3:ListBucket it says the same of an object that is missing"
      : "";
  return { code: "FORBIDDEN", problem: `${host} denies access to bucket ${bucket}${hint}` };
}

function statusOf(error: Failure): number | undefined {
  return error instanceof S3Refusal ? error.status : undefined;
}

function bucketRegionOf(error: Failure): string | undefined {
  return error instanceof S3Refusal ? error.bucketRegion : undefined;
}

/** In seconds, or as a date, which is compared with the date of the same answer. */
function retryAfterMs(error: Failure): number | undefined {
  if (!(error instanceof S3Refusal)) return undefined;
  const { "retry-after": header, date } = error.headers;
  if (header === undefined) return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const durationMs = Date.parse(header) - Date.parse(date ?? "");
  return Number.isNaN(durationMs) ? undefined : Math.max(0, durationMs);
}

function clockProblem(correctionMs: number): string {
  const minutes = Math.round(Math.abs(correctionMs) / 60_000);
  const side = correctionMs > 0 ? "behind" : "ahead of";
  const clock = `the clock of this machine is ${minutes} min ${side} the store's`;
  return `${clock}; from now on that is allowed for`;
}

function lettersOf(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}

function refusal(error: Failure): string {
  return `the store refused it: ${statusOf(error)} ${textOf(error)}`;
}

/** The store's own words, without anything that looks like a signed URL. */
function textOf({ name, message }: Failure): string {
  const text = `${name}: ${message}`.replace(/\?\S*/g, "");
  return text.length > ERROR_TEXT_LENGTH_MAX ? `${text.slice(0, ERROR_TEXT_LENGTH_MAX)}...` : text;
}
