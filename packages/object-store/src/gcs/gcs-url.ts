/**
 * `gs://BUCKET/PATH` and the environment, read as Litestream and Google's clients read them.
 *
 * STORAGE_EMULATOR_HOST is read here and nowhere below: the SDK, which has its own idea of it, is
 * not what sends requests. GOOGLE_APPLICATION_CREDENTIALS is the SDK's to read.
 */

import { checkQueryNames, cleanPath, type StoreUrl } from "../store-url.ts";
import type { Environment } from "../system.ts";
import type { GcsStoreOptions } from "./gcs-options.ts";

export interface GcsOverrides {
  readonly endpoint?: string | undefined;
  readonly keyFilename?: string | undefined;
  readonly clientEmail?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly anonymous?: boolean | undefined;
}

export interface GcsLocation {
  readonly options: GcsStoreOptions;
  readonly path: string;
}

/** Throws RangeError for what cannot be meant. */
export function parseGcsUrl(url: StoreUrl, env: Environment, overrides: GcsOverrides): GcsLocation {
  checkQueryNames(url.query, ["endpoint"]);
  const { anonymous, clientEmail, keyFilename, privateKey } = overrides;
  if ((clientEmail === undefined) !== (privateKey === undefined)) {
    throw new RangeError("clientEmail and privateKey must come together");
  }
  const credentials =
    clientEmail === undefined || privateKey === undefined
      ? undefined
      : { client_email: clientEmail, private_key: privateKey };
  const named = overrides.endpoint ?? (url.query.get("endpoint") || undefined);
  const emulator = named === undefined ? env.STORAGE_EMULATOR_HOST || undefined : undefined;
  // An emulator gets no credentials, whatever else is there.
  const source = emulator === undefined ? { anonymous, credentials, keyFilename } : {};
  return {
    path: cleanPath(url.path),
    options: {
      bucket: url.host,
      endpoint: withScheme(named ?? emulator),
      ...source,
      ...(emulator === undefined ? {} : { anonymous: true }),
    },
  };
}

/** A bare `host:port` is an emulator, as STORAGE_EMULATOR_HOST has it. */
function withScheme(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint)) return endpoint;
  return `http://${endpoint}`;
}
