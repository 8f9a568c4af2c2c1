/**
 * Every server that can be started, by name.
 */

import { startCeph } from "./ceph.ts";
import { startMiniflare } from "./miniflare.ts";
import type { RunningServer, S3Connection, StartOptions } from "./server.ts";

/** How each of them is reached. */
export interface Connections {
  readonly ceph: S3Connection;
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
  ceph: startCeph,
  miniflare: startMiniflare,
};

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(SERVERS, name);
}
