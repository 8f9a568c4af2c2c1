/**
 * Keys for S3: given, or computed by a function that is called again before they expire.
 */

import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { S3_KEYS_RENEWED_MS } from "../limits.ts";
import {
  loadModule,
  type ModuleReference,
  moduleProblem,
  resolveModule,
  sentenceOf,
} from "../module-reference.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end, if they do; new ones are asked for five minutes earlier. */
  readonly expiration?: Date | undefined;
}

/**
 * Called before the first request and again when what it gave is about to expire. What it throws
 * counts as a store that is not reached: the request was not sent, and may be tried again. Only the
 * SDK's CredentialsProviderError says that there are no credentials.
 */
export type S3CredentialsProvider = () => Promise<S3Credentials>;

/** Loads the module at once, so that a mistake in it shows at once. */
export async function loadS3Credentials(
  reference: ModuleReference,
): Promise<S3CredentialsProvider> {
  const module = resolveModule(reference);
  const compute = await loadModule(module);
  return async () => {
    const credentials = await compute();
    if (isCredentials(credentials)) return credentials;
    const shape = "{ accessKeyId, secretAccessKey, sessionToken?, expiration? }";
    throw moduleProblem(module, `its function must give ${shape}, with a Date as expiration`);
  };
}

/** Gives keys that are good for a request. Those that are at hand are given without a wait. */
export type S3Keys = () => S3Credentials | Promise<S3Credentials>;

/** `store`: for messages. */
export function keysOf(
  credentials: S3Credentials | S3CredentialsProvider,
  store: string,
  clock: Clock,
): S3Keys {
  if (typeof credentials !== "function") return () => credentials;
  return renewedKeys(clock, S3_KEYS_RENEWED_MS, async () => {
    try {
      return await credentials();
    } catch (cause) {
      // The SDK's own providers say so when there are none, which trying again will not change.
      const isNone = cause instanceof Error && cause.name === "CredentialsProviderError";
      if (isNone || ObjectStoreError.is(cause)) throw cause;
      const message = `the credentials for ${store} could not be had: ${sentenceOf(cause)}`;
      throw new ObjectStoreError("UNAVAILABLE", message, { store, cause });
    }
  });
}

/** Computed once for all who wait, and again so long before they expire, or after a failure. */
export function renewedKeys(
  clock: Clock,
  earlierMs: number,
  compute: () => Promise<S3Credentials>,
): S3Keys {
  let known: S3Credentials | undefined;
  let computing: Promise<S3Credentials> | undefined;
  return () => {
    const endMs = known?.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    if (known !== undefined && clock.nowMs() < endMs - earlierMs) return known;
    computing ??= compute()
      .then((keys) => {
        known = keys;
        return keys;
      })
      .finally(() => {
        computing = undefined;
      });
    return computing;
  };
}

function isCredentials(value: unknown): value is S3Credentials {
  if (typeof value !== "object" || value === null) return false;
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = value as S3Credentials;
  return (
    isText(accessKeyId) &&
    isText(secretAccessKey) &&
    (sessionToken === undefined || isText(sessionToken)) &&
    (expiration === undefined || isDate(expiration))
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** Also a Date of another copy of the world, such as a test runner's. */
function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN(Number(value));
}
