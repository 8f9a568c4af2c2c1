/**
 * Keys for requests, as long as they are good.
 *
 * Always true:
 *   - Computed keys are renewed before they expire, once for all who wait. As long as the last ones
 *     are good, that new ones cannot be had is no matter.
 *   - Keys of which the store says that they have expired are not used again, whatever was said of
 *     their time.
 */

import { ObjectStoreError } from "../errors.ts";
import { S3_KEYS_RENEWED_MS } from "../limits.ts";
import { sentenceOf } from "../module-reference.ts";
import type { S3Credentials, S3CredentialsProvider } from "./s3-credentials.ts";

export interface S3Keys {
  /** Good for a request. Those that are at hand are given without a wait. */
  get(): S3Credentials | Promise<S3Credentials>;
  /** For keys that the store calls expired. True if the next request may have other ones. */
  expire(keys: S3Credentials): boolean;
}

/** `store`: for messages. `nowMs`: by the clock that is taken for right. */
export function keysOf(
  credentials: S3Credentials | S3CredentialsProvider,
  store: string,
  nowMs: () => number,
): S3Keys {
  if (typeof credentials !== "function") return { get: () => credentials, expire: () => false };
  return new RenewedKeys(nowMs, S3_KEYS_RENEWED_MS, async (forceRefresh) => {
    try {
      return await credentials({ forceRefresh });
    } catch (cause) {
      // The SDK's own providers say so when there are none, which trying again will not change.
      const isNone = cause instanceof Error && cause.name === "CredentialsProviderError";
      if (isNone || ObjectStoreError.is(cause)) throw cause;
      const message = `the credentials for ${store} could not be had: ${sentenceOf(cause)}`;
      throw new ObjectStoreError("UNAVAILABLE", message, { store, cause });
    }
  });
}

export class RenewedKeys implements S3Keys {
  readonly #nowMs: () => number;
  readonly #earlierMs: number;
  readonly #compute: (forceRefresh: boolean) => Promise<S3Credentials>;
  #known: S3Credentials | undefined;
  #refused: S3Credentials | undefined;
  #computing: Promise<S3Credentials> | undefined;
  #hasFailed = false;

  /** They are computed again so long before they expire. */
  constructor(
    nowMs: () => number,
    earlierMs: number,
    compute: (forceRefresh: boolean) => Promise<S3Credentials>,
  ) {
    this.#nowMs = nowMs;
    this.#earlierMs = earlierMs;
    this.#compute = compute;
  }

  get(): S3Credentials | Promise<S3Credentials> {
    const known = this.#known;
    if (known === undefined) return this.#renew();
    const leftMs = (known.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - this.#nowMs();
    if (leftMs > this.#earlierMs) return known;
    if (leftMs <= 0) return this.#renew();
    const renewing = this.#renew().catch(() => known);
    // Nobody waits a second time for what cannot be had.
    return this.#hasFailed ? known : renewing;
  }

  expire(keys: S3Credentials): boolean {
    // Others were computed meanwhile.
    if (keys !== this.#known) return true;
    const isSecondTime = this.#refused !== undefined && areSame(keys, this.#refused);
    this.#known = undefined;
    this.#refused = keys;
    return !isSecondTime;
  }

  #renew(): Promise<S3Credentials> {
    this.#computing ??= this.#compute(this.#refused !== undefined)
      .then(
        (keys) => {
          this.#hasFailed = false;
          this.#known = keys;
          if (this.#refused !== undefined && !areSame(keys, this.#refused)) {
            this.#refused = undefined;
          }
          return keys;
        },
        (error: unknown) => {
          this.#hasFailed = true;
          throw error;
        },
      )
      .finally(() => {
        this.#computing = undefined;
      });
    return this.#computing;
  }
}

function areSame(a: S3Credentials, b: S3Credentials): boolean {
  return (
    a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  );
}
