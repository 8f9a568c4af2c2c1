export type { S3Quirks } from "./quirks.ts";
export type { S3Credentials, S3CredentialsProvider } from "./s3-credentials.ts";
export type { S3EncryptionOptions, S3StoreOptions } from "./s3-options.ts";
export { openS3Store } from "./s3-store.ts";
