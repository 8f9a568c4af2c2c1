/**
 * What a store on Google Cloud Storage needs to know, and the check that it makes sense.
 */

import type { Random } from "../clock.ts";

/** The two fields that count of a service account's key file. */
export interface GcsServiceAccount {
  readonly client_email: string;
  readonly private_key: string;
}

export interface GcsStoreOptions {
  readonly bucket: string;
  /** `http[s]://host[:port][/path]`. Undefined: Google. */
  readonly endpoint?: string | undefined;
  /** A key file, or a file that says where else credentials come from. */
  readonly keyFilename?: string | undefined;
  readonly credentials?: GcsServiceAccount | undefined;
  /** Asked before every request; the SDK is not needed then. */
  readonly accessToken?: (() => Promise<string>) | undefined;
  /**
   * True: requests carry no credentials. Undefined: so it is with an endpoint that is not Google's,
   * as emulators want it, and otherwise Google's Application Default Credentials are looked for.
   */
  readonly anonymous?: boolean | undefined;
  readonly socketsMax?: number | undefined;
  readonly connectMsMax?: number | undefined;
  readonly idleMsMax?: number | undefined;
  readonly random?: Random | undefined;
}

export const GOOGLE_ENDPOINT = "https://storage.googleapis.com";

/** Everybody on the way can read what goes there, but nobody is on the way to this machine. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The mistake in these options in one sentence, or undefined. */
export function gcsOptionsProblem(options: GcsStoreOptions): string | undefined {
  const { bucket, credentials, endpoint, keyFilename } = options;
  if (bucket === "") return "the bucket name is empty";
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(bucket)) return `"${bucket}" is no bucket name`;
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? "")) {
    return "the endpoint is no http: or https: URL";
  }
  const sources = sourcesOf(options);
  if (sources.length > 1) return `choose one of ${sources.join(" and ")}`;
  if (keyFilename === "") return "the name of the key file is empty";
  if (credentials?.client_email === "" || credentials?.private_key === "") {
    return "the e-mail address of the service account or its private key is empty";
  }
  const { hostname, protocol } = new URL(endpoint ?? GOOGLE_ENDPOINT);
  if (!isAnonymous(options) && protocol === "http:" && !LOOPBACK.test(hostname)) {
    return `credentials would go to ${hostname} unprotected: use https:`;
  }
  return undefined;
}

export function isAnonymous(options: GcsStoreOptions): boolean {
  if (options.anonymous !== undefined) return options.anonymous;
  return sourcesOf(options).length === 0 && !isGoogle(options);
}

/** Google's own servers, also under the names of private access. */
export function isGoogle({ endpoint = GOOGLE_ENDPOINT }: GcsStoreOptions): boolean {
  const { hostname, protocol } = new URL(endpoint);
  return protocol === "https:" && /(^|\.)googleapis\.com$/.test(hostname);
}

function sourcesOf(options: GcsStoreOptions): readonly string[] {
  const { accessToken, anonymous, credentials, keyFilename } = options;
  return [
    ...(anonymous ? ["anonymous"] : []),
    ...(keyFilename === undefined ? [] : ["keyFilename"]),
    ...(credentials === undefined ? [] : ["credentials"]),
    ...(accessToken === undefined ? [] : ["accessToken"]),
  ];
}
