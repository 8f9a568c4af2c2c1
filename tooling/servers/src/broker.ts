/**
 * Starts servers for a test run, each when a test first asks for it: Ceph once for all tests, and
 * miniflare once for each part, since clients that are killed in the middle of a request can leave
 * it too busy to answer others.
 *
 * Tests run in processes of their own, so they ask over loopback: `GET /ceph?for=NAME`. At the end
 * everything is stopped, and what could not run is told by name.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { RunningServer } from "./server.ts";
import { type Connections, isServerName, SERVERS, type ServerName } from "./servers.ts";

export type BrokerAnswer<Name extends ServerName = ServerName> =
  | { readonly available: true; readonly connection: Connections[Name] }
  | { readonly available: false; readonly reason: string };

export interface Broker {
  readonly url: string;
  /** Stops all servers; gives one line for each part that did not run. */
  stop(): Promise<readonly string[]>;
}

export async function startBroker(): Promise<Broker> {
  const starting = new Map<string, Promise<RunningServer<Connections[ServerName]>>>();
  const notRun = new Set<string>();

  async function answer(name: ServerName, asker: string): Promise<BrokerAnswer> {
    const key = name === "miniflare" ? `${name} for ${asker}` : name;
    const server = starting.get(key) ?? SERVERS[name]({});
    starting.set(key, server);
    try {
      const { stop: _, ...connection } = await server;
      return { available: true, connection };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notRun.add(`not run: ${asker}: ${reason}`);
      return { available: false, reason };
    }
  }

  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const name = url.pathname.slice(1);
    if (!isServerName(name)) {
      response.writeHead(404).end();
      return;
    }
    const body = await answer(name, url.searchParams.get("for") ?? name);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject).listen(0, "127.0.0.1", resolve);
  });

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async stop() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      for (const server of starting.values()) {
        await server.then(({ stop }) => stop()).catch(() => undefined);
      }
      return [...notRun];
    },
  };
}
