/** A connection that breaks below TLS once a request went out: what its error says. */

import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { ObjectStore } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { openGcsStore } from "@headwater/object-store/gcs";
import { openS3Store } from "@headwater/object-store/s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CREDENTIALS, create, failureOf, get } from "./scripted-s3.ts";
import { tlsIdentity } from "./tls-identity.ts";

const identity = tlsIdentity();

const trusted = getCACertificates();

beforeAll(() => setDefaultCACertificates(identity === undefined ? [] : [identity.cert]));
afterAll(() => setDefaultCACertificates(trusted));

const OPENERS: Readonly<Record<string, (endpoint: string) => Promise<ObjectStore>>> = {
  s3: (endpoint) =>
    openS3Store({ bucket: "bucket", endpoint, region: "r", credentials: CREDENTIALS }),
  gcs: (endpoint) => openGcsStore({ bucket: "bucket", endpoint, anonymous: true }),
  azure: (endpoint) =>
    openAzureStore({ account: "account", container: "container", endpoint, accountKey: "abcd" }),
};

/** Reads a request, and answers with what is no TLS. */
async function withGarbler(work: (endpoint: string) => Promise<void>): Promise<void> {
  const raw = new Map<number | undefined, Socket>();
  const server = createServer({ ...identity }, (request) => {
    request.resume().on("end", () => {
      raw.get(request.socket.remotePort)?.write("something between has lost a byte or two");
    });
  });
  server.on("connection", (socket: Socket) => raw.set(socket.remotePort, socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`https://localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    for (const socket of raw.values()) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a connection that ends before TLS is there", () => {
  it.each(Object.keys(OPENERS))("was sent nothing, says %s", async (name) => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
    const store = await (OPENERS[name] as (typeof OPENERS)[string])(endpoint);
    const failed = await failureOf(create(store));
    expect(failed.code).toBe("UNAVAILABLE");
    expect(failed.message).toContain("cannot reach localhost");
    await store.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe.skipIf(identity === undefined)("a TLS connection that breaks after the request", () => {
  it.each(Object.keys(OPENERS))("may have done it, says %s", async (name) => {
    await withGarbler(async (endpoint) => {
      await using store = await (OPENERS[name] as (typeof OPENERS)[string])(endpoint);
      expect((await failureOf(create(store))).code).toBe("OUTCOME_UNKNOWN");
      expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
    });
  });
});
