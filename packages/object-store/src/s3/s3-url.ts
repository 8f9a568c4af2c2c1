/**
 * `s3://` URLs and the environment, read as Litestream reads them.
 *
 * Better than there: a session token and AWS_REGION are used. Never read: keys from the URL.
 */

import { PLACE_VARIABLES } from "../place-variables.ts";
import { checkQueryNames, cleanPath, type StoreUrl } from "../store-url.ts";
import type { Environment } from "../system.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import type { S3StoreOptions } from "./s3-options.ts";

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

/** The names of the variables that hold a pair of keys, and the token that belongs to it. */
export interface KeyVariables {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** What URLs of one scheme mean: how hosts are read, and which variables say the rest. */
export interface S3Dialect {
  /** Tried in this order; the first that fits says where the bucket is. */
  readonly hostForms: readonly HostRule[];
  /** An endpoint of one's own is spoken to in path style, unless told otherwise. */
  readonly isEndpointPathStyle: boolean;
  /** The first of each that is set counts; of the keys, the first whole pair. */
  readonly endpointVariables: readonly string[];
  readonly regionVariables: readonly string[];
  readonly keyVariables: readonly KeyVariables[];
}

/** No bucket has such a name, and one host or another would be made up out of the rest of it. */
const SERVER = /^(localhost:\d+|\d+(\.\d+){3}(:\d+)?|\[[\da-f:]+\](:\d+)?)$/i;

type HostRule = readonly [RegExp, (match: readonly string[]) => HostForm];

interface HostForm {
  readonly bucket: string;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly pathStyle?: boolean | undefined;
}

export const AWS_KEYS: KeyVariables = {
  accessKeyId: "AWS_ACCESS_KEY_ID",
  secretAccessKey: "AWS_SECRET_ACCESS_KEY",
  sessionToken: "AWS_SESSION_TOKEN",
};

export const LITESTREAM_KEYS: KeyVariables = {
  accessKeyId: "LITESTREAM_ACCESS_KEY_ID",
  secretAccessKey: "LITESTREAM_SECRET_ACCESS_KEY",
};

const HOST_FORMS: readonly HostRule[] = [
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

/** Also spelt with hyphens. The last two say nothing here, and stand in URLs of Litestream's. */
const QUERY_NAMES = [
  "endpoint",
  "region",
  "forcePathStyle",
  "skipVerify",
  "signPayload",
  "requireContentMD5",
  "storageClass",
  "sseCustomerAlgorithm",
  "sseCustomerKey",
  "sseCustomerKeyMD5",
  "sseKmsKeyId",
  "partSize",
  "concurrency",
] as const;

type QueryName = (typeof QUERY_NAMES)[number];

const S3_DIALECT: S3Dialect = {
  hostForms: HOST_FORMS,
  isEndpointPathStyle: true,
  endpointVariables: PLACE_VARIABLES.s3,
  regionVariables: ["AWS_REGION", "AWS_DEFAULT_REGION"],
  keyVariables: [AWS_KEYS, LITESTREAM_KEYS],
};

export function parseS3Url(
  url: StoreUrl,
  env: Environment,
  overrides: S3Overrides,
  dialect: S3Dialect = S3_DIALECT,
): S3Location {
  const { query } = url;
  const known = QUERY_NAMES.flatMap((name) => [name, hyphened(name)]);
  checkQueryNames(query, QUERY_NAMES, known);
  const form = hostForm(url.host, dialect);
  const named = overrides.endpoint ?? query.get("endpoint") ?? undefined;
  const isOpen = named === undefined && form.endpoint === undefined;
  const fromEnv = isOpen ? firstOf(env, dialect.endpointVariables) : undefined;
  const endpoint = named ?? form.endpoint ?? fromEnv;
  const isOwn = named !== undefined || fromEnv !== undefined;
  const pathStyle =
    overrides.forcePathStyle ??
    booleanOf(query, "forcePathStyle") ??
    (isOwn && dialect.isEndpointPathStyle ? true : form.pathStyle);
  const region = overrides.region ?? textOf(query, "region") ?? form.region;
  return {
    path: cleanPath(url.path),
    options: {
      bucket: form.bucket,
      region: region ?? firstOf(env, dialect.regionVariables),
      endpoint: endpoint === undefined ? undefined : withScheme(endpoint),
      forcePathStyle: pathStyle,
      credentials: credentialsOf(env, overrides, dialect),
      skipVerify: booleanOf(query, "skipVerify"),
      signPayload: booleanOf(query, "signPayload"),
      requireContentMd5: booleanOf(query, "requireContentMD5"),
      storageClass: textOf(query, "storageClass"),
      encryption: {
        customerAlgorithm: textOf(query, "sseCustomerAlgorithm"),
        customerKey: textOf(query, "sseCustomerKey"),
        customerKeyMd5: textOf(query, "sseCustomerKeyMD5"),
        kmsKeyId: textOf(query, "sseKmsKeyId"),
      },
    },
  };
}

/** "sse-customer-key-md5" of "sseCustomerKeyMD5". */
function hyphened(name: QueryName): string {
  return name.replace(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`);
}

function hostForm(host: string, { hostForms }: S3Dialect): HostForm {
  if (SERVER.test(host)) {
    const right = "s3://BUCKET/PATH?endpoint=http://HOST:PORT";
    throw new RangeError(`the URL has a server where the name of the bucket belongs: ${right}`);
  }
  // arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME
  if (host.startsWith("arn:")) return { bucket: host, region: host.split(":")[3] || undefined };
  for (const [pattern, read] of hostForms) {
    const match = pattern.exec(host);
    if (match !== null) return read(match);
  }
  return { bucket: host };
}

function at(bucket: string, region = "us-east-1", host: string, pathStyle: boolean): HostForm {
  return { bucket, region, endpoint: `https://${host}`, pathStyle };
}

function credentialsOf(
  env: Environment,
  overrides: S3Overrides,
  { keyVariables }: S3Dialect,
): S3Credentials | undefined {
  if (overrides.accessKeyId !== undefined && overrides.secretAccessKey !== undefined) {
    const { accessKeyId, secretAccessKey, sessionToken } = overrides;
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  for (const names of keyVariables) {
    const accessKeyId = env[names.accessKeyId];
    const secretAccessKey = env[names.secretAccessKey];
    if (!accessKeyId || !secretAccessKey) continue;
    // A token belongs to the keys it was issued with.
    const sessionToken = (names.sessionToken && env[names.sessionToken]) || undefined;
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  return undefined;
}

function firstOf(env: Environment, names: readonly string[]): string | undefined {
  const name = names.find((each) => env[each]);
  return name === undefined ? undefined : env[name];
}

function textOf(query: URLSearchParams, name: QueryName): string | undefined {
  return query.get(name) || query.get(hyphened(name)) || undefined;
}

/** Litestream's booleans: these four words are true, anything else that is there is false. */
function booleanOf(query: URLSearchParams, name: QueryName): boolean | undefined {
  const value = textOf(query, name);
  return value === undefined ? undefined : /^(true|1|t|yes)$/i.test(value);
}

function withScheme(endpoint: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint)) return endpoint;
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
