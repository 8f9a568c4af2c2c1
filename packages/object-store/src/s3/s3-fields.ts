/**
 * Parts of S3 requests that several of them share.
 */

import type * as Sdk from "@aws-sdk/client-s3";
import { formatTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
import type { PutCondition, PutOptions } from "../object-store.ts";
import type { S3EncryptionOptions, S3StoreOptions } from "./s3-options.ts";

/** What a new object is to be beside its bytes. */
export function objectFieldsOf(
  { contentType, noCache, timestampMs }: PutOptions,
  { encryption, storageClass }: S3StoreOptions,
) {
  return {
    ContentType: contentType ?? "application/octet-stream",
    ...(noCache ? { CacheControl: "no-cache" } : {}),
    ...(timestampMs === undefined
      ? {}
      : { Metadata: { [TIMESTAMP_METADATA]: formatTimestamp(timestampMs) } }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as Sdk.StorageClass }),
    ...customerKeyOf(encryption),
    ...kmsKeyOf(encryption),
  };
}

export function conditionOf(condition: PutCondition) {
  return {
    ...(condition.type === "if-absent" ? { IfNoneMatch: "*" } : {}),
    ...(condition.type === "if-version" ? { IfMatch: condition.version } : {}),
  };
}

export function customerKeyOf(encryption: S3EncryptionOptions | undefined) {
  const { customerAlgorithm, customerKey, customerKeyMd5 } = encryption ?? {};
  if (customerKey === undefined) return {};
  return {
    SSECustomerAlgorithm: customerAlgorithm ?? "AES256",
    SSECustomerKey: customerKey,
    ...(customerKeyMd5 === undefined ? {} : { SSECustomerKeyMD5: customerKeyMd5 }),
  };
}

function kmsKeyOf(encryption: S3EncryptionOptions | undefined) {
  if (encryption?.kmsKeyId === undefined) return {};
  return { ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId: encryption.kmsKeyId };
}
