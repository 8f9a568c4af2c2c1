/**
 * Answers and failures of Google Cloud Storage, sorted into ours.
 *
 * Refusals come in two forms, by the JSON API and by the XML API that reads go to. The table knows
 * their words by name; what it does not know is sorted by status. No arm here guesses that a failed
 * conditional request did nothing.
 */

import { wasNotSent } from "../broken-connection.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { unwritable } from "../http-client.ts";
import { ERROR_TEXT_LENGTH_MAX } from "../limits.ts";
import type { Operation } from "../object-store.ts";
import { AuthFailure } from "./gcs-auth.ts";
import type { GcsAnswer } from "./gcs-http.ts";

export interface GcsErrorContext {
  readonly store: string;
  readonly operation: Operation;
  readonly key?: string | undefined;
  /** The condition of a put or delete. */
  readonly condition?: "none" | "if-absent" | "if-version" | undefined;
  readonly bucket: string;
  /** `host` or `host:port`, for messages. */
  readonly host: string;
}

/** An answer that says no. */
export class GcsRefusal extends Error {
  readonly status: number;
  /** Google's word for it, or "" when what answered is not Google Cloud Storage. */
  readonly reason: string;
  readonly retryAfter: string | undefined;

  constructor({ body, headers, status }: GcsAnswer) {
    const { reason, text } = parseRefusal(new TextDecoder().decode(body));
    super(text);
    this.status = status;
    this.reason = reason;
    this.retryAfter = headers["retry-after"];
  }
}

interface Verdict {
  readonly code: ObjectStoreErrorCode;
  readonly problem: string;
}

type Rule = (context: GcsErrorContext, refusal: GcsRefusal) => Verdict;

const config = (problem: (context: GcsErrorContext, refusal: GcsRefusal) => string): Rule => {
  return (context, refusal) => ({ code: "CONFIG_INVALID", problem: problem(context, refusal) });
};

const throttled: Rule = () => ({ code: "THROTTLED", problem: "the store asks to slow down" });

const requesterPays = config(({ bucket }) => {
  return `whoever reads bucket ${bucket} pays for it, which this store cannot do`;
});

/** By Google's word for it. */
const BY_REASON: Readonly<Record<string, Rule>> = {
  NoSuchBucket: noSuchBucket,
  NoSuchKey: noSuchObject,
  notFound,
  rateLimitExceeded: throttled,
  userRateLimitExceeded: throttled,
  SlowDown: throttled,
  userProjectMissing: requesterPays,
  UserProjectMissing: requesterPays,
};

const BY_STATUS: Readonly<Record<number, Rule>> = {
  401: unauthenticated,
  403: forbidden,
  404: config(({ host }) => `${host} answers 404, but not as Google Cloud Storage does`),
  408: (context) => unsettled("the store waited too long for the request", context),
  409: () => ({ code: "UNAVAILABLE", problem: "another request for this object was in progress" }),
  412: conditionFailed,
  416: () => ({ code: "RANGE_UNSATISFIABLE", problem: "no such bytes in the object" }),
  429: throttled,
  501: () => ({ code: "UNSUPPORTED", problem: "the store does not implement this" }),
};

const UPLOAD_STEPS: readonly Operation[] = ["openUpload", "putPart", "abortUpload"];

const TLS = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^EPROTO$|^ERR_SSL/;
const NETWORK = /^(ECONN|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)/;

/** The error to throw for this failure of a request. */
export function toGcsError(failure: unknown, context: GcsErrorContext): ObjectStoreError {
  if (ObjectStoreError.is(failure)) return failure;
  const { code, problem } = verdictOf(failure, context);
  const retryAfter = failure instanceof GcsRefusal ? failure.retryAfter : undefined;
  return gcsError(code, problem, context, failure, retryAfterMs(retryAfter));
}

export function gcsError(
  code: ObjectStoreErrorCode,
  problem: string,
  { store, operation, key }: GcsErrorContext,
  cause?: unknown,
  retryAfter?: number,
): ObjectStoreError {
  const what = key === undefined ? operation : `${operation} ${key}`;
  const options = { store, operation, key, cause, retryAfterMs: retryAfter };
  return new ObjectStoreError(code, `${what} on ${store}: ${problem}`, options);
}

/** For an answer that says yes and is not what Google Cloud Storage would say. */
export function foreignAnswer(context: GcsErrorContext): ObjectStoreError {
  const problem = `${context.host} answers, but not as Google Cloud Storage does`;
  return gcsError("CONFIG_INVALID", problem, context);
}

function verdictOf(failure: unknown, context: GcsErrorContext): Verdict {
  if (failure instanceof AuthFailure) return withoutToken(failure.cause);
  if (!(failure instanceof GcsRefusal)) return withoutAnswer(failure, context);
  const { reason, status } = failure;
  const isStep = context.operation === "putPart" || context.operation === "completeUpload";
  if (isStep && (status === 404 || status === 410)) return noSuchUpload(context);
  const byReason = Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason] : undefined;
  const rule = byReason ?? BY_STATUS[status];
  if (rule !== undefined) return rule(context, failure);
  if (status >= 300 && status < 500) {
    const problem = `the store refused it: ${status} ${shortened(failure.message)}`;
    return { code: "CONFIG_INVALID", problem };
  }
  return unsettled(`the store answered ${status}`, context);
}

function withoutAnswer(failure: unknown, context: GcsErrorContext): Verdict {
  const code = codeOf(failure);
  const { host } = context;
  const unwritten = unwritable(failure);
  if (unwritten !== undefined) return { code: "CONFIG_INVALID", problem: unwritten };
  // Ours, of a body of announced size.
  if (failure instanceof RangeError && context.operation === "get") {
    return { code: "UNSUPPORTED", problem: "the object is too large to be got at once" };
  }
  if (wasNotSent(code) || code === "TIMEOUT_CONNECT") {
    return { code: "UNAVAILABLE", problem: `cannot reach ${host} (${code})` };
  }
  if (TLS.test(code)) {
    return { code: "CONFIG_INVALID", problem: `no trusted TLS connection to ${host} (${code})` };
  }
  return unsettled(`no answer from ${host} (${code || "broken off"})`, context);
}

/**
 * The request may have been done: for a condition that matters, for the rest it does not. Only the
 * last step of an upload has one, and cannot be done twice anyhow.
 */
function unsettled(problem: string, { condition = "none", operation }: GcsErrorContext): Verdict {
  const isHarmless = condition === "none" || UPLOAD_STEPS.includes(operation);
  const mayRepeat = isHarmless && operation !== "completeUpload";
  return { code: mayRepeat ? "UNAVAILABLE" : "OUTCOME_UNKNOWN", problem };
}

/** An upload that was completed long ago is known no more, and may be this one. */
function noSuchUpload({ operation }: GcsErrorContext): Verdict {
  const code = operation === "completeUpload" ? "OUTCOME_UNKNOWN" : "OBJECT_NOT_FOUND";
  return { code, problem: "the store does not know the upload any more" };
}

function withoutToken(cause: unknown): Verdict {
  const { message = "", status } = cause as { readonly message?: string; readonly status?: number };
  if (/could not load the default credentials/i.test(message)) {
    const problem =
      "no credentials found: set GOOGLE_APPLICATION_CREDENTIALS to a key file, " +
      "or run gcloud auth application-default login";
    return { code: "UNAUTHENTICATED", problem };
  }
  const code = codeOf(cause);
  if (NETWORK.test(code) || status === 429 || (status !== undefined && status >= 500)) {
    const problem = `cannot get a token for the credentials (${code || status})`;
    return { code: "UNAVAILABLE", problem };
  }
  const problem = `there is no token for the credentials: ${shortened(message)}`;
  return { code: "UNAUTHENTICATED", problem };
}

function noSuchBucket({ bucket, host }: GcsErrorContext): Verdict {
  return { code: "CONFIG_INVALID", problem: `bucket ${bucket} does not exist at ${host}` };
}

function noSuchObject({ operation, condition }: GcsErrorContext): Verdict {
  const puts = operation === "put" || operation === "openUpload";
  if (puts && condition === "if-version") {
    return { code: "OBJECT_CHANGED", problem: "the object is gone" };
  }
  return { code: "OBJECT_NOT_FOUND", problem: "there is no such object" };
}

/** The JSON API has one word for both; where no object is looked for, it is the bucket. */
function notFound(context: GcsErrorContext, { message }: GcsRefusal): Verdict {
  const { condition, operation } = context;
  const puts = operation === "put" || operation === "openUpload";
  const looks = operation !== "list" && (!puts || condition === "if-version");
  return looks && !/bucket does not exist/i.test(message)
    ? noSuchObject(context)
    : noSuchBucket(context);
}

function conditionFailed({ condition }: GcsErrorContext): Verdict {
  if (condition === "if-absent") {
    return { code: "OBJECT_EXISTS", problem: "there is such an object" };
  }
  return { code: "OBJECT_CHANGED", problem: "the object has another version or is gone" };
}

function unauthenticated({ bucket, host }: GcsErrorContext): Verdict {
  const problem = `${host} does not let strangers into bucket ${bucket}, or the token is not valid`;
  return { code: "UNAUTHENTICATED", problem };
}

function forbidden({ operation, bucket, host }: GcsErrorContext): Verdict {
  const hint =
    operation === "get" || operation === "head"
      ? "; without storage.objects.list it says the same of an object that is missing"
      : "";
  return { code: "FORBIDDEN", problem: `${host} denies access to bucket ${bucket}${hint}` };
}

function parseRefusal(text: string): { readonly reason: string; readonly text: string } {
  const [, code] = /<Code>([^<]*)<\/Code>/.exec(text) ?? [];
  const [, message] = /<Message>([^<]*)<\/Message>/.exec(text) ?? [];
  if (code !== undefined) return { reason: code, text: `${code}: ${message ?? ""}` };
  try {
    const { error } = JSON.parse(text) as JsonRefusal;
    const reason = error?.errors?.[0]?.reason ?? "";
    return { reason, text: `${reason}: ${error?.message ?? ""}` };
  } catch {
    return { reason: "", text: "" };
  }
}

interface JsonRefusal {
  readonly error?: {
    readonly message?: string;
    readonly errors?: readonly { readonly reason?: string }[];
  };
}

function codeOf(failure: unknown): string {
  const { cause, code } = failure as { readonly cause?: unknown; readonly code?: unknown };
  if (typeof code === "string") return code;
  return typeof cause === "object" && cause !== null ? codeOf(cause) : "";
}

/** Seconds only: a date would have to be compared with a clock. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** The store's own words, without anything that looks like a signed URL. */
function shortened(words: string): string {
  const text = words.replace(/\?\S*/g, "");
  return text.length > ERROR_TEXT_LENGTH_MAX ? `${text.slice(0, ERROR_TEXT_LENGTH_MAX)}...` : text;
}
