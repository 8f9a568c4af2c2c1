/**
 * Answers and failures of Azure Blob Storage, sorted into ours.
 *
 * The table knows codes by name; what it does not know is sorted by status. No arm here guesses
 * that a failed conditional request did nothing.
 */

import { wasNotSent } from "../broken-connection.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { unwritable } from "../http-client.ts";
import { ERROR_TEXT_LENGTH_MAX } from "../limits.ts";
import type { Operation } from "../object-store.ts";
import { CONNECT_TIMEOUT } from "./timed-agent.ts";

export interface AzureErrorContext {
  readonly store: string;
  readonly operation: Operation;
  readonly key?: string | undefined;
  /** The condition of a put or delete. */
  readonly condition?: "none" | "if-absent" | "if-version" | undefined;
  readonly container: string;
  /** `host` or `host:port`, for messages. */
  readonly host: string;
}

interface Verdict {
  readonly code: ObjectStoreErrorCode;
  readonly problem: string;
}

/** The parts of the SDK's errors that are read here. */
interface SdkError extends Error {
  readonly code?: unknown;
  readonly statusCode?: number;
  readonly response?: { readonly headers: { get(name: string): string | undefined } };
}

type Rule = (context: AzureErrorContext, error: SdkError) => Verdict;

const unauthenticated = (problem: string): Rule => {
  return ({ host }) => ({ code: "UNAUTHENTICATED", problem: `${problem} (${host})` });
};

const forbidden = (problem: string): Rule => {
  return ({ container, host }) => ({
    code: "FORBIDDEN",
    problem: `${host} denies access to container ${container}: ${problem}`,
  });
};

const config = (problem: (context: AzureErrorContext, error: SdkError) => string): Rule => {
  return (context, error) => ({ code: "CONFIG_INVALID", problem: problem(context, error) });
};

const nothingHappened = (problem: string): Rule => {
  return () => ({ code: "UNAVAILABLE", problem });
};

const unsupported = (problem: string): Rule => {
  return () => ({ code: "UNSUPPORTED", problem });
};

const unsatisfiable: Rule = () => {
  return { code: "RANGE_UNSATISFIABLE", problem: "no such bytes in the object" };
};

const throttled: Rule = () => ({ code: "THROTTLED", problem: "the store asks to slow down" });
const damaged = nothingHappened("the body arrived damaged");
const leased = forbidden("one of Azure's own leases protects the blob; break it or wait");
const archived = unsupported("the blob is in the archive tier; move it to another");
const protectedBlob = forbidden("the blob is immutable, or has snapshots");
const noContainer = config(({ container, host }) => {
  return `container ${container} does not exist at ${host}`;
});
const sasTooNarrow = forbidden("the SAS token does not allow this");

/** By the code in the answer's header x-ms-error-code. */
const BY_CODE: Readonly<Record<string, Rule>> = {
  ContainerNotFound: noContainer,
  ContainerBeingDeleted: noContainer,
  ContainerDisabled: noContainer,
  InvalidResourceName: config(({ container, key }) => {
    return `container ${container} or key ${key ?? ""} is no valid name`;
  }),
  BlobNotFound: notFound,
  ResourceNotFound: notFoundUnnamed,
  BlobAlreadyExists: conditionFailed,
  ConditionNotMet: conditionFailed,
  TargetConditionNotMet: conditionFailed,
  InvalidBlockList: blocksDropped,
  InvalidRange: unsatisfiable,
  AuthenticationFailed: authenticationFailed,
  InvalidAuthenticationInfo: unauthenticated("the store cannot read the credentials"),
  NoAuthenticationInformation: unauthenticated("the store wants credentials"),
  KeyBasedAuthenticationNotPermitted: unauthenticated(
    "the account takes no account keys: leave the key out, for a login by @azure/identity",
  ),
  PublicAccessNotPermitted: unauthenticated("the store wants credentials"),
  AuthorizationFailure: forbidden("by its network rules, or for want of a right"),
  AuthorizationPermissionMismatch: forbidden("the credentials lack the right to do this"),
  AuthorizationSourceIPMismatch: sasTooNarrow,
  AuthorizationProtocolMismatch: sasTooNarrow,
  AuthorizationServiceMismatch: sasTooNarrow,
  AuthorizationResourceTypeMismatch: sasTooNarrow,
  UnauthorizedBlobOverwrite: sasTooNarrow,
  InsufficientAccountPermissions: forbidden("the credentials lack the right to do this"),
  AccountIsDisabled: forbidden("the account is disabled"),
  LeaseIdMissing: leased,
  LeaseIdMismatchWithBlobOperation: leased,
  LeaseLost: leased,
  BlobArchived: archived,
  BlobBeingRehydrated: archived,
  BlobImmutableDueToPolicy: protectedBlob,
  BlobImmutableDueToLegalHold: protectedBlob,
  SnapshotsPresent: protectedBlob,
  RequestBodyTooLarge: unsupported("the body is too large for the store"),
  Md5Mismatch: damaged,
  Crc64Mismatch: damaged,
  PendingCopyOperation: nothingHappened("another request for this object was in progress"),
  ServerBusy: throttled,
};

const BY_STATUS: Readonly<Record<number, Rule>> = {
  401: unauthenticated("the store does not accept the credentials"),
  403: forbidden("it does not say why"),
  404: notFoundUnnamed,
  408: nothingHappened("the store waited too long for the request"),
  412: conditionFailed,
  416: unsatisfiable,
  429: throttled,
  501: unsupported("the store does not implement this"),
  503: busy,
};

const TLS = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^EPROTO$|^ERR_SSL/;
const NO_CREDENTIAL = /^(CredentialUnavailable|Authentication|AggregateAuthentication)/;

/** The error to throw for this failure of a request. */
export function toAzureError(failure: unknown, context: AzureErrorContext): ObjectStoreError {
  if (ObjectStoreError.is(failure)) return failure;
  const error = (failure instanceof Error ? failure : new Error(String(failure))) as SdkError;
  const { code, problem } = verdictOf(error, context);
  return azureError(code, problem, context, error, retryAfterMs(error));
}

export function azureError(
  code: ObjectStoreErrorCode,
  problem: string,
  { store, operation, key }: AzureErrorContext,
  cause?: unknown,
  retryAfter?: number,
): ObjectStoreError {
  const what = key === undefined ? operation : `${operation} ${key}`;
  const options = { store, operation, key, cause, retryAfterMs: retryAfter };
  return new ObjectStoreError(code, `${what} on ${store}: ${problem}`, options);
}

/** True when the store answered, and the SDK read the answer to its end. */
export function isAnswered(failure: unknown): boolean {
  return (failure as SdkError).statusCode !== undefined;
}

function verdictOf(error: SdkError, context: AzureErrorContext): Verdict {
  const { statusCode } = error;
  if (statusCode === undefined) return withoutAnswer(error, context);
  if (statusCode < 300) return unreadable(error, context);
  const name = errorCodeOf(error);
  const byCode = Object.hasOwn(BY_CODE, name) ? BY_CODE[name] : undefined;
  if (byCode !== undefined) return byCode(context, error);
  const byStatus = BY_STATUS[statusCode];
  if (byStatus !== undefined) return byStatus(context, error);
  if (statusCode < 500) {
    return { code: "CONFIG_INVALID", problem: `the store refused it: ${textOf(error)}` };
  }
  return unsettled(`the store answered ${statusCode}`, context);
}

function withoutAnswer(error: SdkError, context: AzureErrorContext): Verdict {
  const code = typeof error.code === "string" ? error.code : "";
  const { host } = context;
  const unwritten = unwritable(error);
  if (unwritten !== undefined) return { code: "CONFIG_INVALID", problem: unwritten };
  if (wasNotSent(code) || code === CONNECT_TIMEOUT) {
    return { code: "UNAVAILABLE", problem: `cannot reach ${host} (${code})` };
  }
  if (TLS.test(code)) {
    return { code: "CONFIG_INVALID", problem: `no trusted TLS connection to ${host} (${code})` };
  }
  if (NO_CREDENTIAL.test(error.name)) {
    const problem = "no credentials found: give an account key or a SAS token, or log in to Azure";
    return { code: "UNAUTHENTICATED", problem };
  }
  if (/not permitted for non-TLS/.test(error.message)) {
    const problem = `a login by @azure/identity needs an https: endpoint, not ${host}`;
    return { code: "CONFIG_INVALID", problem };
  }
  // What the SDK throws when an answer lacks what every answer of Azure has.
  if (error instanceof TypeError || /response doesn't contain valid/.test(error.message)) {
    return notAzure(context);
  }
  // Ours, of a body of announced size.
  if (error instanceof RangeError && context.operation === "get") {
    return { code: "UNSUPPORTED", problem: "the object is too large to be got at once" };
  }
  return unsettled(`no answer from ${host} (${code || error.name})`, context);
}

/** An answer of success that makes no sense: of another server, or cut off by the store. */
function unreadable(error: SdkError, context: AzureErrorContext): Verdict {
  // The message has the text in it, and this is how Azure's listings begin.
  if (error.message.includes("<EnumerationResults")) {
    return unsettled("the answer broke off", context);
  }
  return notAzure(context);
}

function notAzure({ host }: AzureErrorContext): Verdict {
  return { code: "CONFIG_INVALID", problem: `${host} answers, but not as Azure does` };
}

/**
 * The request may have been done: for a condition that matters, for the rest it does not. Only the
 * last step of an upload has one, and cannot be done twice anyhow.
 */
function unsettled(problem: string, { condition = "none", operation }: AzureErrorContext): Verdict {
  const isHarmless = condition === "none" || operation === "putPart";
  const mayRepeat = isHarmless && operation !== "completeUpload";
  return { code: mayRepeat ? "UNAVAILABLE" : "OUTCOME_UNKNOWN", problem };
}

/** Of Azure. What stands before it may say so of a request that it had passed on. */
function busy(context: AzureErrorContext, error: SdkError): Verdict {
  const isAzure = error.response?.headers.get("x-ms-error-code") !== undefined;
  const problem = isAzure ? "the store is busy" : "something before the store answered 503";
  return isAzure ? { code: "UNAVAILABLE", problem } : unsettled(problem, context);
}

/** Whoever completes an upload, or puts, takes away the blocks of all others. */
function blocksDropped({ condition }: AzureErrorContext): Verdict {
  const code = condition === "if-absent" ? "OBJECT_EXISTS" : "OBJECT_CHANGED";
  return { code, problem: "the object was put by another meanwhile, and the parts are gone" };
}

function notFound({ condition }: AzureErrorContext): Verdict {
  if (condition === "if-version") {
    return { code: "OBJECT_CHANGED", problem: "the object is gone" };
  }
  return { code: "OBJECT_NOT_FOUND", problem: "there is no such object" };
}

/** A 404 that does not say BlobNotFound. */
function notFoundUnnamed(context: AzureErrorContext): Verdict {
  const { operation, condition } = context;
  if (operation === "head" || operation === "delete" || condition === "if-version") {
    return notFound(context);
  }
  return notAzure(context);
}

function conditionFailed({ condition }: AzureErrorContext): Verdict {
  if (condition === "if-absent") {
    return { code: "OBJECT_EXISTS", problem: "there is such an object" };
  }
  return { code: "OBJECT_CHANGED", problem: "the object has another version or is gone" };
}

/** A wrong key and a wrong clock have one code; what differs is in the text. */
function authenticationFailed({ host }: AzureErrorContext, { message }: SdkError): Verdict {
  const clock = /date header too old|not valid in the specified time frame/i.test(message);
  const problem = clock
    ? "the clock of this machine differs from the store's, or the SAS token has expired"
    : "the account key or the SAS token is not right";
  return { code: "UNAUTHENTICATED", problem: `${problem} (${host})` };
}

function errorCodeOf(error: SdkError): string {
  const header = error.response?.headers.get("x-ms-error-code");
  return header ?? (typeof error.code === "string" ? error.code : "");
}

/** Seconds only: a date would have to be compared with a clock. */
function retryAfterMs(error: SdkError): number | undefined {
  const header = error.response?.headers.get("retry-after");
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** The first line of the store's own words, without anything that looks like a signed URL. */
function textOf(error: SdkError): string {
  const [line = ""] = error.message.trim().split("\n");
  const text = `${errorCodeOf(error)}: ${line}`.replace(/\?\S*/g, "");
  return text.length > ERROR_TEXT_LENGTH_MAX ? `${text.slice(0, ERROR_TEXT_LENGTH_MAX)}...` : text;
}
