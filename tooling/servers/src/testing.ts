/**
 * How a Vitest file gets a server: `const ceph = await useServer("ceph", "s3 on Ceph")`.
 *
 * Needs vitest-global-setup.ts in the configuration. A server that cannot be had is no failure: the
 * answer says why, and the run tells it by name at its end.
 */

import { inject } from "vitest";
import type { BrokerAnswer } from "./broker.ts";
import type {} from "./provided-context.ts";
import type { AzureConnection, AzureTlsConnection, GcsConnection, S3Connection } from "./server.ts";
import type { S3ServerName, ServerName } from "./servers.ts";

export type {
  AzureConnection,
  AzureTlsConnection,
  BrokerAnswer,
  GcsConnection,
  S3Connection,
  S3ServerName,
  ServerName,
};

/** `part` names what cannot run without the server. */
export async function useServer<Name extends ServerName>(
  server: Name,
  part: string,
): Promise<BrokerAnswer<Name>> {
  const broker: string | undefined = inject("headwaterServers");
  if (broker === undefined) {
    return { available: false, reason: "the Vitest configuration has no set-up for servers" };
  }
  const response = await fetch(`${broker}/${server}?for=${encodeURIComponent(part)}`);
  return (await response.json()) as BrokerAnswer<Name>;
}
