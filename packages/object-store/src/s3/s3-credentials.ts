/**
 * Keys for S3: given, or computed by a function. How long they are used is s3-keys.ts.
 */

import {
  loadModule,
  type ModuleReference,
  moduleProblem,
  resolveModule,
} from "../module-reference.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end, if they do; new ones are asked for five minutes earlier. */
  readonly expiration?: Date | undefined;
}

/**
 * Called before the first request, again when what it gave is about to expire, and with
 * `forceRefresh` when the store says that it has expired. What it throws counts as a store that is
 * not reached, unless the last keys are still good: the request was not sent, and may be tried
 * again. Only the SDK's CredentialsProviderError says that there are no credentials.
 */
export type S3CredentialsProvider = (options?: {
  readonly forceRefresh?: boolean;
}) => Promise<S3Credentials>;

/** Loads the module at once, so that a mistake in it shows at once. */
export async function loadS3Credentials(
  reference: ModuleReference,
): Promise<S3CredentialsProvider> {
  const module = resolveModule(reference);
  const compute = await loadModule(module);
  return async () => {
    const credentials = await compute();
    if (isCredentials(credentials)) return credentials;
    const shape = "{ accessKeyId, secretAccessKey, sessionToken?, expiration? }";
    throw moduleProblem(module, `its function must give ${shape}, with a Date as expiration`);
  };
}

function isCredentials(value: unknown): value is S3Credentials {
  if (typeof value !== "object" || value === null) return false;
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = value as S3Credentials;
  return (
    isText(accessKeyId) &&
    isText(secretAccessKey) &&
    (sessionToken === undefined || isText(sessionToken)) &&
    (expiration === undefined || isDate(expiration))
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** Also a Date of another copy of the world, such as a test runner's. */
function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN(Number(value));
}
