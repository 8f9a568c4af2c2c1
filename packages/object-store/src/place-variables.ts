/**
 * The environment variables that say which server or account a URL of a scheme means, where neither
 * the URL nor options do: of each scheme, the first that is set counts.
 *
 * Plain data apart from the adapters, for those who have to tell places apart without opening them.
 */

export const PLACE_VARIABLES = {
  s3: ["LITESTREAM_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
  // Fly sets the second.
  tigris: ["TIGRIS_STORAGE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
  gs: ["STORAGE_EMULATOR_HOST"],
  abs: ["AZURE_STORAGE_ACCOUNT"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
