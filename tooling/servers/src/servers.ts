/**
 * Every server that can be started, by name.
 */

import { startAzurite } from "./azurite.ts";
import { startAzuriteTls } from "./azurite-tls.ts";
import { startCeph } from "./ceph.ts";
import { startGcsFake } from "./gcs-fake.ts";
import { startMiniflare } from "./miniflare.ts";
import type {
  AzureConnection,
  AzureTlsConnection,
  GcsConnection,
  RunningServer,
  S3Connection,
  StartOptions,
} from "./server.ts";

/** How each of them is reached. */
export interface Connections {
  readonly azurite: AzureConnection;
  readonly "azurite-tls": AzureTlsConnection;
  readonly ceph: S3Connection;
  readonly "gcs-fake": GcsConnection;
  readonly miniflare: S3Connection;
}

export type ServerName = keyof Connections;

/** Those that speak S3. */
export type S3ServerName = "ceph" | "miniflare";

export const SERVERS: {
  readonly [Name in ServerName]: (
    options: StartOptions,
  ) => Promise<RunningServer<Connections[Name]>>;
} = {
  azurite: startAzurite,
  "azurite-tls": startAzuriteTls,
  ceph: startCeph,
  "gcs-fake": startGcsFake,
  miniflare: startMiniflare,
};

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(SERVERS, name);
}
