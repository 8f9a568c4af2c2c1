/**
 * What an Azure store needs to know, and the check that it makes sense.
 */

import type { Clock } from "../clock.ts";

export interface AzureStoreOptions {
  readonly account: string;
  readonly container: string;
  /**
   * The blob endpoint of the account, `https://host` or `http://host:port/account`. Undefined:
   * Azure's public cloud, `https://ACCOUNT.blob.core.windows.net`.
   */
  readonly endpoint?: string | undefined;
  /** A shared access signature, for the container or the account. Used before an account key. */
  readonly sasToken?: string | undefined;
  /** With neither this nor a SAS token: `DefaultAzureCredential` of @azure/identity. */
  readonly accountKey?: string | undefined;
  /**
   * The access tier of what is put. Undefined: Hot, as Litestream has it. Empty: that of the
   * account, for accounts that know no tiers.
   */
  readonly accessTier?: string | undefined;
  readonly socketsMax?: number | undefined;
  readonly connectMsMax?: number | undefined;
  readonly idleMsMax?: number | undefined;
  /** Keys of one page of a listing, up to Azure's 5000. */
  readonly listPageKeys?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Also the names that emulators give to accounts, which may be longer than Azure's 24 letters. */
const ACCOUNT = /^[a-z0-9][a-z0-9-]{0,62}$/;
const CONTAINER = /^(\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*)$/;

/** The mistake in these options in one sentence, or undefined. */
export function azureOptionsProblem(options: AzureStoreOptions): string | undefined {
  const { account, accountKey, container, endpoint, sasToken } = options;
  if (account === "") return "the name of the storage account is missing";
  if (!ACCOUNT.test(account)) return `"${account}" is no name of a storage account`;
  if (container === "") return "the name of the container is empty";
  if (!CONTAINER.test(container)) return `"${container}" is no container name`;
  const endpointProblem = endpoint === undefined ? undefined : problemOfEndpoint(endpoint);
  if (endpointProblem !== undefined) return endpointProblem;
  if (sasToken !== undefined) {
    return isSasToken(sasToken) ? undefined : "the SAS token is no query string with a signature";
  }
  if (accountKey !== undefined && !isBase64(accountKey)) return "the account key is not Base64";
  return undefined;
}

function problemOfEndpoint(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return "the endpoint is no http: or https: URL";
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    return "the endpoint must not have credentials or a query: a SAS token is an option of its own";
  }
  return undefined;
}

function isSasToken(text: string): boolean {
  return new URLSearchParams(text).has("sig");
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
}
