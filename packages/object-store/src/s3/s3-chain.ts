/**
 * Keys for those who give none: from the environment, or from wherever AWS's own tools look.
 *
 * Always true: the SDK's part for credentials is loaded when keys are in neither the options nor
 * the environment, and not before.
 */

import { ObjectStoreError } from "../errors.ts";
import type { Environment } from "../system.ts";
import type { S3Credentials, S3CredentialsProvider } from "./s3-credentials.ts";

/**
 * Rejects with CONFIG_INVALID when the SDK would be needed, and is not installed. `region`: where
 * AWS is asked for keys, unless a profile says it.
 */
export async function defaultCredentials(
  store: string,
  region: string | undefined,
  env: Environment,
): Promise<S3Credentials | S3CredentialsProvider> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  // As with AWS's tools, a profile that is named comes before keys.
  if (accessKeyId && secretAccessKey && !env.AWS_PROFILE) {
    return { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN || undefined };
  }
  const { sdk } = await loadSdk(store);
  const provider = sdk.fromNodeProviderChain();
  if (region === undefined) return (options) => provider(options);
  const callerClientConfig = { region: async () => region };
  return (options) => provider({ ...options, callerClientConfig });
}

async function loadSdk(store: string) {
  try {
    return await import("#s3-sdk");
  } catch (cause) {
    const problem =
      "no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or, to have keys looked " +
      "for in profiles, SSO, web identity, containers and instances: " +
      "npm install @aws-sdk/credential-providers";
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
  }
}
