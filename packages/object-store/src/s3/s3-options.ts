/**
 * What an S3 store needs to know, and the check that it makes sense.
 */

import type { Clock } from "../clock.ts";
import type { Environment } from "../system.ts";
import { isAws, isExpress, type S3Quirks } from "./quirks.ts";
import type { S3Credentials, S3CredentialsProvider } from "./s3-credentials.ts";
import { accessPointOf } from "./s3-place.ts";

export interface S3EncryptionOptions {
  /** Keys of the customer (SSE-C), sent with every put, get and head. */
  readonly customerAlgorithm?: string | undefined;
  readonly customerKey?: string | undefined;
  readonly customerKeyMd5?: string | undefined;
  /** Key of AWS KMS, named with every put. */
  readonly kmsKeyId?: string | undefined;
}

export interface S3StoreOptions {
  readonly bucket: string;
  /** For messages. Undefined: `s3://` and the bucket. */
  readonly name?: string | undefined;
  /** Undefined: found out by following the store's redirect, starting in us-east-1. */
  readonly region?: string | undefined;
  /** `https://host[:port][/path]`. Undefined: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or AWS. */
  readonly endpoint?: string | undefined;
  /** Undefined: path style with an endpoint, the bucket in the host name without. */
  readonly forcePathStyle?: boolean | undefined;
  /**
   * Undefined: the environment's, else those of AWS's default chain (profile, SSO, web identity,
   * container, instance), which `@aws-sdk/credential-providers` looks through.
   */
  readonly credentials?: S3Credentials | S3CredentialsProvider | undefined;
  /** True: AWS's hosts that keep to FIPS 140. Undefined: as AWS_USE_FIPS_ENDPOINT says. */
  readonly fips?: boolean | undefined;
  /** True: AWS's hosts that have IPv6 too. Undefined: as AWS_USE_DUALSTACK_ENDPOINT says. */
  readonly dualStack?: boolean | undefined;
  /** True: any TLS certificate will do. */
  readonly skipVerify?: boolean | undefined;
  /** False: bodies are sent as UNSIGNED-PAYLOAD. */
  readonly signPayload?: boolean | undefined;
  /** True: deleteMany carries a Content-MD5, for stores that know no newer checksum. */
  readonly requireContentMd5?: boolean | undefined;
  readonly storageClass?: string | undefined;
  readonly encryption?: S3EncryptionOptions | undefined;
  readonly socketsMax?: number | undefined;
  readonly connectMsMax?: number | undefined;
  readonly idleMsMax?: number | undefined;
  /** Changes to what is known of the provider at this endpoint. */
  readonly quirks?: Partial<S3Quirks> | undefined;
  readonly clock?: Clock | undefined;
  /** Undefined: that of the process. */
  readonly env?: Environment | undefined;
}

/** With what the environment says where the options say nothing. */
export function withEnvironment(options: S3StoreOptions, env: Environment): S3StoreOptions {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = env;
  return {
    ...options,
    endpoint: options.endpoint ?? (AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || undefined),
    fips: options.fips ?? env.AWS_USE_FIPS_ENDPOINT === "true",
    dualStack: options.dualStack ?? env.AWS_USE_DUALSTACK_ENDPOINT === "true",
  };
}

/** The mistake in these options in one sentence, or undefined. */
export function s3OptionsProblem(options: S3StoreOptions): string | undefined {
  const { bucket, endpoint, credentials, region } = options;
  if (bucket === "") return "the bucket name is empty";
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_/-]*$/.test(bucket)) return `"${bucket}" is no bucket name`;
  if (bucket.startsWith("arn:") && accessPointOf(bucket) === undefined) {
    return `"${bucket}" is no access point of one region, and no other ARN names a bucket here`;
  }
  if (endpoint === undefined && region !== undefined && !/^[a-z0-9-]+$/.test(region)) {
    return `"${region}" is no region of AWS`;
  }
  if (endpoint !== undefined && !isHttpUrl(endpoint)) {
    return "the endpoint is no http: or https: URL";
  }
  if (endpoint !== undefined && isExpress(bucket) && !isAws(new URL(endpoint).hostname)) {
    // Requests are signed as S3 Express wants it by the name alone.
    return `"${bucket}" is a name for S3 Express, which is not at this endpoint`;
  }
  if (typeof credentials === "object") {
    if (credentials.accessKeyId === "" || credentials.secretAccessKey === "") {
      return "the access key or its secret is empty";
    }
  }
  return undefined;
}

function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}
