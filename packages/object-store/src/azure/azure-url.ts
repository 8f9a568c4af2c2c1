/**
 * `abs://` URLs and the environment, read as Litestream reads them.
 *
 * Better than there: the account may be told elsewhere, and the variables of Azure's own tools are
 * used. Never read: keys from the URL.
 */

import { checkQueryNames, cleanPath, type StoreUrl } from "../store-url.ts";
import type { Environment } from "../system.ts";
import type { AzureStoreOptions } from "./azure-options.ts";
import { type AzureConnectionString, parseConnectionString } from "./connection-string.ts";

export interface AzureOverrides {
  readonly account?: string | undefined;
  readonly accountKey?: string | undefined;
  readonly sasToken?: string | undefined;
  readonly connectionString?: string | undefined;
  readonly endpoint?: string | undefined;
}

export interface AzureLocation {
  readonly options: AzureStoreOptions;
  readonly path: string;
}

type Secrets = Pick<AzureOverrides, "sasToken" | "accountKey" | "connectionString">;

/** Throws RangeError for what cannot be meant. */
export function parseAzureUrl(
  url: StoreUrl,
  env: Environment,
  overrides: AzureOverrides,
): AzureLocation {
  checkQueryNames(url.query, ["endpoint", "accessTier"]);
  const secrets = secretsOf(env, overrides);
  const told = readSecrets(secrets);
  const named = overrides.account || url.user || undefined;
  const account = named ?? told.account ?? (env.AZURE_STORAGE_ACCOUNT || undefined);
  if (account === undefined) {
    throw new RangeError("an abs: URL must name its account, as in abs://ACCOUNT@CONTAINER/PATH");
  }
  if (told.account !== undefined && told.account !== account) {
    throw new RangeError(`the connection string is not of account ${account}`);
  }
  const endpoint = overrides.endpoint ?? (url.query.get("endpoint") || undefined);
  return {
    path: cleanPath(url.path),
    options: {
      account,
      container: url.host,
      endpoint: endpoint === undefined ? told.endpoint : withAccount(endpoint, account),
      accountKey: told.accountKey,
      sasToken: told.sasToken,
      accessTier: url.query.get("accessTier") ?? undefined,
    },
  };
}

/** The first that is given: as an option, in a variable of Litestream's, in one of Azure's. */
function secretsOf(env: Environment, overrides: AzureOverrides): Secrets {
  const { accountKey, connectionString, sasToken } = overrides;
  const places: readonly Secrets[] = [
    { sasToken, accountKey, connectionString },
    {
      sasToken: env.LITESTREAM_AZURE_SAS_TOKEN,
      accountKey: env.LITESTREAM_AZURE_ACCOUNT_KEY,
    },
    {
      sasToken: env.AZURE_STORAGE_SAS_TOKEN,
      accountKey: env.AZURE_STORAGE_KEY,
      connectionString: env.AZURE_STORAGE_CONNECTION_STRING,
    },
  ];
  return places.find((place) => Object.values(place).some(Boolean)) ?? {};
}

function readSecrets({ sasToken, accountKey, connectionString }: Secrets): AzureConnectionString {
  if (sasToken) return { sasToken };
  if (accountKey) return { accountKey };
  return connectionString ? parseConnectionString(connectionString) : {};
}

/** Emulators have one host for all accounts, and the account in the path. */
function withAccount(endpoint: string, account: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !isHostOfMany(url.hostname) || url.pathname !== "/") return endpoint;
  return `${url.origin}/${account}`;
}

function isHostOfMany(hostname: string): boolean {
  return !hostname.includes(".") || /^[\d.]+$/.test(hostname);
}
