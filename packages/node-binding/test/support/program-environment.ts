/**
 * A replica of a test as a program is told of it: by its environment, as in a container.
 */

import type { Place } from "./stores.ts";

const VARIABLES: Readonly<Record<string, string>> = {
  endpoint: "AWS_ENDPOINT_URL_S3",
  region: "AWS_REGION",
  accessKeyId: "AWS_ACCESS_KEY_ID",
  secretAccessKey: "AWS_SECRET_ACCESS_KEY",
};

export function programEnvironment({
  url,
  storeOptions = {},
}: Place["options"]): Record<string, string> {
  const environment: Record<string, string> = { REPLICA_URL: url };
  for (const [option, variable] of Object.entries(VARIABLES)) {
    const value = storeOptions[option];
    if (value !== undefined) environment[variable] = value;
  }
  return environment;
}
