/** S3 over TLS, and over IPv6: whom requests trust, and what counts as a connection. */

import { createServer as createHttpsServer } from "node:https";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { CREDENTIALS, create, failureOf, get } from "./scripted-s3.ts";
import { tlsIdentity } from "./tls-identity.ts";

const identity = tlsIdentity();

async function withServer<Result>(
  server: Server,
  host: string,
  work: (port: number, sockets: ReadonlySet<Socket>) => Promise<Result>,
): Promise<Result> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  try {
    return await work((server.address() as AddressInfo).port, sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

function open(endpoint: string, options: Partial<S3StoreOptions> = {}) {
  return openS3Store({ bucket: "b", endpoint, region: "r", credentials: CREDENTIALS, ...options });
}

describe.skipIf(identity === undefined)("a store over TLS", () => {
  const serve = () =>
    createHttpsServer({ ...identity }, (request, response) => {
      request.resume();
      response.writeHead(200, { etag: '"v"' }).end("body");
    });

  it("is not trusted with a certificate of nobody's, and says so", async () => {
    await withServer(serve(), "127.0.0.1", async (port) => {
      await using store = await open(`https://127.0.0.1:${port}`);
      const failure = await failureOf(create(store));
      expect(failure.code).toBe("CONFIG_INVALID");
      expect(failure.message).toContain(`no trusted TLS connection to 127.0.0.1:${port}`);
    });
  });

  it("is trusted when told to, and keeps its connection", async () => {
    await withServer(serve(), "127.0.0.1", async (port, sockets) => {
      await using store = await open(`https://127.0.0.1:${port}`, { skipVerify: true });
      for (let call = 0; call < 5; call += 1) await get(store);
      expect(sockets.size).toBe(1);
    });
  });

  it("may have an IPv6 address", async () => {
    await withServer(serve(), "::1", async (port) => {
      await using store = await open(`https://[::1]:${port}`, { skipVerify: true });
      expect((await store.get("k")).meta.size).toBe(4);
    });
  });
});

describe("a host that takes connections and says nothing", () => {
  it("was sent nothing while there is no TLS: it counts as not reached", async () => {
    await withServer(createTcpServer(), "127.0.0.1", async (port) => {
      const limits = { connectMsMax: 100, idleMsMax: 60_000 };
      await using store = await open(`https://127.0.0.1:${port}`, limits);
      const failure = await failureOf(create(store));
      expect(failure.code).toBe("UNAVAILABLE");
      expect(failure.message).toContain("no connection in time");
    });
  });

  it("may have done what it was sent without TLS", async () => {
    await withServer(createTcpServer(), "127.0.0.1", async (port) => {
      const limits = { connectMsMax: 60_000, idleMsMax: 100 };
      await using store = await open(`http://127.0.0.1:${port}`, limits);
      expect((await failureOf(create(store))).code).toBe("OUTCOME_UNKNOWN");
      expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
    });
  });
});
