/**
 * An S3 store that stops answering when a test wants it to, for programs in other processes.
 */

import { randomUUID } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { startLatencyProxy } from "@headwater/servers";
import { useServer } from "@headwater/servers/testing";
import { onTestFinished } from "vitest";
import type { Place } from "./stores.ts";

const FOREVER_MS = 1_000_000_000;

export interface SlowStore {
  readonly options: Place["options"];
  /** Requests so far, answered or not. */
  requestCount(): number;
  /** Requests that come from now on get no answer. */
  freeze(): void;
  /** Requests that come from now on are answered late. */
  delay(latencyMs: number): void;
  /** Answers again. Requests from before stay without one. */
  thaw(): void;
}

/** Undefined when there is no server to be slow. */
export async function slowStore(part: string): Promise<SlowStore | undefined> {
  const server = await useServer("miniflare", part);
  if (!server.available) return undefined;
  const { bucket, endpoint, accessKeyId, secretAccessKey, region } = server.connection;
  const { origin, pathname } = new URL(endpoint);
  const proxy = await startLatencyProxy({ target: origin, latencyMs: 0 });
  onTestFinished(() => proxy.stop());
  return {
    options: {
      url: `s3://${bucket}/${randomUUID()}/app.db`,
      storeOptions: {
        endpoint: proxy.endpoint + pathname.replace(/\/$/, ""),
        accessKeyId,
        secretAccessKey,
        region,
      },
    },
    requestCount: () => proxy.counts().requestsTotal,
    freeze() {
      proxy.latencyMs = FOREVER_MS;
    },
    delay(latencyMs) {
      proxy.latencyMs = latencyMs;
    },
    thaw() {
      proxy.latencyMs = 0;
    },
  };
}

/** The endpoint of a server that accepts connections and never says anything. */
export async function silentEndpoint(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
