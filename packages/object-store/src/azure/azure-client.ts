/**
 * The vendor's SDK, loaded when it is needed and set up once.
 *
 * Always true of the client made here:
 *   - It sends a request once. Whether to repeat is for `retrying` to say.
 *   - Its sockets are its own, and end with it.
 *   - @azure/identity is loaded only when there is neither a SAS token nor an account key.
 */

import type { Agent } from "node:http";
import type * as Sdk from "@azure/storage-blob";
import { ObjectStoreError } from "../errors.ts";
import { AZURE_CONNECT_MS_MAX, AZURE_IDLE_MS_MAX, AZURE_SOCKETS_MAX } from "../limits.ts";
import type { AzureStoreOptions } from "./azure-options.ts";
import { makeTimedAgent } from "./timed-agent.ts";

export interface AzureClient {
  readonly container: Sdk.ContainerClient;
  /** Ends all sockets. */
  destroy(): void;
}

type AzureSdk = typeof Sdk;
type Credential = Sdk.AnonymousCredential | Sdk.StorageSharedKeyCredential | TokenCredential;
type TokenCredential = InstanceType<typeof import("@azure/identity")["DefaultAzureCredential"]>;

export async function makeAzureClient(
  options: AzureStoreOptions,
  store: string,
): Promise<AzureClient> {
  const sdk = await loadSdk(store);
  const credential = await credentialOf(sdk, options, store);
  const { container, sasToken } = options;
  const query = sasToken === undefined ? "" : `?${sasToken.replace(/^\?/, "")}`;
  const endpoint = azureEndpoint(options).replace(/\/+$/, "");
  const agent = makeTimedAgent({
    secure: /^https:/i.test(endpoint),
    socketsMax: options.socketsMax ?? AZURE_SOCKETS_MAX,
    connectMsMax: options.connectMsMax ?? AZURE_CONNECT_MS_MAX,
    idleMsMax: options.idleMsMax ?? AZURE_IDLE_MS_MAX,
  });
  const url = `${endpoint}/${encodeURIComponent(container)}${query}`;
  return {
    container: new sdk.ContainerClient(url, credential, pipelineOptions(agent)),
    destroy: () => agent.destroy(),
  };
}

/** Where the blobs of the account are. */
export function azureEndpoint({ account, endpoint }: AzureStoreOptions): string {
  return endpoint ?? `https://${account}.blob.core.windows.net`;
}

/** The agent is an option of the pipeline below, which these types leave out. */
function pipelineOptions(agent: Agent): Sdk.StoragePipelineOptions {
  const options: Sdk.StoragePipelineOptions & { readonly agent: Agent } = {
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix: "headwater" },
    agent,
  };
  return options;
}

async function loadSdk(store: string): Promise<AzureSdk> {
  try {
    return await import("@azure/storage-blob");
  } catch (cause) {
    const problem =
      "abs: stores need the package @azure/storage-blob: npm install @azure/storage-blob";
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
  }
}

async function credentialOf(
  sdk: AzureSdk,
  { account, accountKey, sasToken }: AzureStoreOptions,
  store: string,
): Promise<Credential> {
  if (sasToken !== undefined) return new sdk.AnonymousCredential();
  if (accountKey !== undefined) return new sdk.StorageSharedKeyCredential(account, accountKey);
  try {
    const { DefaultAzureCredential } = await import("@azure/identity");
    return new DefaultAzureCredential();
  } catch (cause) {
    const problem =
      "without an account key or a SAS token, abs: stores need the package @azure/identity: " +
      "npm install @azure/identity";
    throw new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
  }
}
