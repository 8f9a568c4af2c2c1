/**
 * Every server that can be started, by name.
 */

import { startCeph } from "./ceph.ts";
import { startMiniflare } from "./miniflare.ts";
import type { RunningServer, StartOptions } from "./server.ts";

export const SERVERS = {
  ceph: startCeph,
  miniflare: startMiniflare,
} satisfies Record<string, (options: StartOptions) => Promise<RunningServer>>;

export type ServerName = keyof typeof SERVERS;

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(SERVERS, name);
}
