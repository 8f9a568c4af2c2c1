/**
 * `tigris://BUCKET/PATH` and the environment, with the names of Tigris's own tools and of Fly.
 *
 * AWS_REGION is not read: programs set it for AWS, and Tigris has one region.
 */

import { PLACE_VARIABLES } from "../place-variables.ts";
import {
  AWS_KEYS,
  LITESTREAM_KEYS,
  parseS3Url,
  type S3Dialect,
  type S3Location,
  type S3Overrides,
} from "../s3/s3-url.ts";
import type { StoreUrl } from "../store-url.ts";
import type { Environment } from "../system.ts";

const TIGRIS_KEYS = {
  accessKeyId: "TIGRIS_STORAGE_ACCESS_KEY_ID",
  secretAccessKey: "TIGRIS_STORAGE_SECRET_ACCESS_KEY",
};

const TIGRIS_DIALECT: S3Dialect = {
  hostForms: [],
  isEndpointPathStyle: false,
  endpointVariables: PLACE_VARIABLES.tigris,
  regionVariables: [],
  keyVariables: [TIGRIS_KEYS, AWS_KEYS, LITESTREAM_KEYS],
};

/** The query is that of `s3:` URLs. */
export function parseTigrisUrl(
  url: StoreUrl,
  env: Environment,
  overrides: S3Overrides,
): S3Location {
  return parseS3Url(url, env, overrides, TIGRIS_DIALECT);
}
