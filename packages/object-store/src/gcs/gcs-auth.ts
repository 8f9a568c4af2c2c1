/**
 * Headers that prove to Google who asks. The only place that uses the SDK.
 *
 * Always true:
 *   - The SDK is loaded when its credentials are needed, and not for an emulator.
 *   - It asks for a token only when the last one is about to expire, and once for all who wait. As
 *     long as the last one is good, that a new one cannot be had is no matter.
 *   - It prints nothing: its own options for keys print a warning, so keys go in beside them. But
 *     for a key file that names a server to ask, which may be anybody's, Google's warning stays.
 */

import { readFile } from "node:fs/promises";
import { ObjectStoreError } from "../errors.ts";
import type { CallOptions } from "../object-store.ts";
import { systemClock } from "../system.ts";
import { untilAborted } from "../until-aborted.ts";
import { type GcsStoreOptions, GOOGLE_ENDPOINT, isAnonymous } from "./gcs-options.ts";

type AuthHeadersOfRequest = Readonly<Record<string, string>>;

export type AuthHeaders = (options: CallOptions) => Promise<AuthHeadersOfRequest>;

/** The part used of `GoogleAuth`, which the SDK makes and does not export. */
interface GoogleAuth {
  /** A service account, or whatever else a key file can hold. */
  jsonContent: object | null;
  /** Plain before version 10 of it. */
  getRequestHeaders(url: string): Promise<Headers | Record<string, string>>;
  /** What has the token, once there is one. */
  readonly cachedCredential?: {
    readonly credentials?: { readonly expiry_date?: number | null };
  } | null;
}

/** No token, and no request went out: nothing happened to any object. */
export class AuthFailure extends Error {}

export async function openAuth(store: string, options: GcsStoreOptions): Promise<AuthHeaders> {
  if (isAnonymous(options)) return async () => ({});
  const { accessToken } = options;
  const headers =
    accessToken === undefined
      ? await sdkHeaders(store, options)
      : async () => ({ authorization: `Bearer ${await accessToken()}` });
  return async ({ signal }) => {
    try {
      // The SDK cannot be told to stop.
      return await untilAborted(headers(), signal);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw new AuthFailure("no token", { cause: withoutRequest(cause) });
    }
  };
}

async function sdkHeaders(store: string, options: GcsStoreOptions) {
  const key = options.credentials ?? (await readKeyFile(store, options.keyFilename));
  const { sdk } = await loadGcsSdk(store);
  // A project has nothing to do with objects. Without one, the SDK asks the network for it first.
  const { authClient } = new sdk.Storage({ projectId: "none" });
  const auth = authClient as unknown as GoogleAuth;
  if (key !== undefined) auth.jsonContent = key;
  let last: AuthHeadersOfRequest = {};
  let endMs = 0;
  return async () => {
    try {
      last = Object.fromEntries(new Headers(await auth.getRequestHeaders(GOOGLE_ENDPOINT)));
      endMs = auth.cachedCredential?.credentials?.expiry_date ?? 0;
      return last;
    } catch (error) {
      // It begins to ask five minutes before the end of the token, which is good until then.
      if (systemClock.nowMs() < endMs) return last;
      throw error;
    }
  };
}

/** Errors of Google's library hold the request for the token, with the secrets that were sent. */
function withoutRequest(failure: unknown): unknown {
  if (!(failure instanceof Error)) return failure;
  const { cause, code, message, name, stack, status } = failure as Error & {
    readonly code?: unknown;
    readonly status?: unknown;
  };
  const bare = new Error(message, cause === undefined ? {} : { cause: withoutRequest(cause) });
  return Object.assign(bare, { name, stack, code, status });
}

async function loadGcsSdk(store: string) {
  try {
    return await import("#gcs-sdk");
  } catch (cause) {
    const problem =
      "gs: stores need the package @google-cloud/storage: npm install @google-cloud/storage";
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
  }
}

async function readKeyFile(store: string, path: string | undefined): Promise<object | undefined> {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(await readFile(path, "utf8")) as object;
  } catch (cause) {
    // A parser's message would quote the file.
    const why = cause instanceof SyntaxError ? "is not JSON" : "cannot be read";
    const hidden = cause instanceof SyntaxError ? undefined : cause;
    const problem = `the key file ${path} ${why}`;
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause: hidden });
  }
}
