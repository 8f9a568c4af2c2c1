/**
 * `s3://` URLs and the environment, read as Litestream reads them.
 *
 * Better than there: a session token and AWS_REGION are used. Never read: keys from the URL.
 */

import { cleanPath, type StoreUrl } from "../store-url.ts";
import type { Environment } from "../system.ts";
import type { S3Credentials, S3StoreOptions } from "./s3-options.ts";

export interface S3Overrides {
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
}

export interface S3Location {
  readonly options: S3StoreOptions;
  readonly path: string;
}

interface HostForm {
  readonly bucket: string;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly pathStyle?: boolean | undefined;
}

/** Tried in this order; the first that fits says where the bucket is. */
const HOST_FORMS: readonly [RegExp, (match: readonly string[]) => HostForm][] = [
  [
    /^(.+)\.s3(?:[.-]([a-z0-9-]+))?\.amazonaws\.com$/,
    ([, bucket = "", region]) => ({ bucket, region }),
  ],
  [
    /^(.+)\.([^.]+)\.digitaloceanspaces\.com$/,
    ([, bucket = "", region]) => at(bucket, region, `${region}.digitaloceanspaces.com`, false),
  ],
  [
    /^(.+)\.s3\.([^.]+)\.backblazeb2\.com$/,
    ([, bucket = "", region]) => at(bucket, region, `s3.${region}.backblazeb2.com`, true),
  ],
  [
    /^(.+)\.s3\.filebase\.com$/,
    ([, bucket = ""]) => at(bucket, "us-east-1", "s3.filebase.com", true),
  ],
  [
    /^(.+)\.s3\.([^.]+)\.scw\.cloud$/,
    ([, bucket = "", region]) => at(bucket, region, `s3.${region}.scw.cloud`, false),
  ],
  [
    // bucket.host:port is a server of one's own, without TLS.
    /^([^.]+)\.([^:]+:\d+)$/,
    ([, bucket = "", host]) => ({
      bucket,
      region: "us-east-1",
      endpoint: `http://${host}`,
      pathStyle: true,
    }),
  ],
];

export function parseS3Url(url: StoreUrl, env: Environment, overrides: S3Overrides): S3Location {
  const { query } = url;
  const form = hostForm(url.host);
  const named = overrides.endpoint ?? query.get("endpoint") ?? undefined;
  const fromEnv = named === undefined && form.endpoint === undefined ? envEndpoint(env) : undefined;
  const endpoint = named ?? form.endpoint ?? fromEnv;
  const pathStyle =
    overrides.forcePathStyle ??
    booleanOf(query, "forcePathStyle", "force-path-style") ??
    (named !== undefined || fromEnv !== undefined ? true : form.pathStyle);
  return {
    path: cleanPath(url.path),
    options: {
      bucket: form.bucket,
      region: overrides.region ?? textOf(query, "region") ?? form.region ?? envRegion(env),
      endpoint: endpoint === undefined ? undefined : withScheme(endpoint),
      forcePathStyle: pathStyle,
      credentials: credentialsOf(env, overrides),
      skipVerify: booleanOf(query, "skipVerify", "skip-verify"),
      signPayload: booleanOf(query, "signPayload", "sign-payload"),
      requireContentMd5: booleanOf(query, "requireContentMD5", "require-content-md5"),
      storageClass: textOf(query, "storageClass", "storage-class"),
      encryption: {
        customerAlgorithm: textOf(query, "sseCustomerAlgorithm", "sse-customer-algorithm"),
        customerKey: textOf(query, "sseCustomerKey", "sse-customer-key"),
        customerKeyMd5: textOf(query, "sseCustomerKeyMD5", "sse-customer-key-md5"),
        kmsKeyId: textOf(query, "sseKmsKeyId", "sse-kms-key-id"),
      },
    },
  };
}

function hostForm(host: string): HostForm {
  // arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME
  if (host.startsWith("arn:")) return { bucket: host, region: host.split(":")[3] || undefined };
  for (const [pattern, read] of HOST_FORMS) {
    const match = pattern.exec(host);
    if (match !== null) return read(match);
  }
  return { bucket: host };
}

function at(bucket: string, region = "us-east-1", host: string, pathStyle: boolean): HostForm {
  return { bucket, region, endpoint: `https://${host}`, pathStyle };
}

function credentialsOf(env: Environment, overrides: S3Overrides): S3Credentials | undefined {
  if (overrides.accessKeyId !== undefined && overrides.secretAccessKey !== undefined) {
    const { accessKeyId, secretAccessKey, sessionToken } = overrides;
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  const accessKeyId = env.AWS_ACCESS_KEY_ID || env.LITESTREAM_ACCESS_KEY_ID;
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY || env.LITESTREAM_SECRET_ACCESS_KEY;
  if (!accessKeyId || !secretAccessKey) return undefined;
  // A token belongs to the keys it was issued with, and those have AWS's names.
  const sessionToken = env.AWS_ACCESS_KEY_ID ? env.AWS_SESSION_TOKEN || undefined : undefined;
  return { accessKeyId, secretAccessKey, sessionToken };
}

function envEndpoint(env: Environment): string | undefined {
  return env.LITESTREAM_S3_ENDPOINT || env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined;
}

function envRegion(env: Environment): string | undefined {
  return env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined;
}

function textOf(query: URLSearchParams, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = query.get(name);
    if (value) return value;
  }
  return undefined;
}

/** Litestream's booleans: these four words are true, anything else that is there is false. */
function booleanOf(query: URLSearchParams, ...names: readonly string[]): boolean | undefined {
  const value = textOf(query, ...names);
  return value === undefined ? undefined : /^(true|1|t|yes)$/i.test(value);
}

function withScheme(endpoint: string): string {
  if (/^https?:\/\//i.test(endpoint)) return endpoint;
  return `${isLocalHost(endpoint) ? "http" : "https"}://${endpoint}`;
}

function isLocalHost(endpoint: string): boolean {
  const host = endpoint
    .toLowerCase()
    .replace(/[/?].*$/, "")
    .replace(/:\d+$/, "");
  return (
    /^(localhost|127\.0\.0\.1|\[::1\])$/.test(host) ||
    /^(192\.168\.|10\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host) ||
    /\.(local|localhost)$/.test(host)
  );
}
