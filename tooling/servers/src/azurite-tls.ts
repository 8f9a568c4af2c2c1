/**
 * Azurite as it looks from outside: `https://ACCOUNT.blob.core.windows.net`, for clients that know
 * no other place. They come through a CONNECT proxy, which is the other end of their TLS and hands
 * on what they say to a plain Azurite. So both kinds of clients see one set of blobs.
 *
 * The proxy leads to Azurite and nowhere else. Its certificate is made for each start, by openssl.
 */

import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { AZURITE_ACCOUNT, startAzurite } from "./azurite.ts";
import { makeRunFolder } from "./folders.ts";
import {
  type AzureTlsConnection,
  type RunningServer,
  ServerUnavailable,
  type StartOptions,
} from "./server.ts";

const PUBLIC_HOST = `${AZURITE_ACCOUNT}.blob.core.windows.net`;

export async function startAzuriteTls(
  options: StartOptions = {},
): Promise<RunningServer<AzureTlsConnection>> {
  const folder = await makeRunFolder("azurite-tls");
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const { certificatePath, context } = await makeCertificate(folder);
    const azurite = await startAzurite(options);
    const port = Number(new URL(azurite.endpoint).port);
    const proxy = await startProxy(port, context).catch(async (error: unknown) => {
      await azurite.stop();
      throw error;
    });
    return {
      ...azurite,
      name: "azurite-tls",
      proxyUrl: proxy.url,
      certificatePath,
      async stop() {
        await proxy.stop();
        await azurite.stop();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function makeCertificate(folder: string) {
  const certificatePath = join(folder, "certificate.pem");
  const keyPath = join(folder, "key.pem");
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  const files = ["-keyout", keyPath, "-out", certificatePath];
  const subject = ["-subj", "/CN=headwater-test", "-addext", `subjectAltName=DNS:${PUBLIC_HOST}`];
  try {
    await promisify(execFile)("openssl", [...request, ...files, ...subject]);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const problem = missing ? "openssl is not installed" : `openssl failed: ${cause}`;
    throw new ServerUnavailable(`no certificate for Azurite: ${problem}`, { cause });
  }
  const [cert, key] = await Promise.all([readFile(certificatePath), readFile(keyPath)]);
  return { certificatePath, context: createSecureContext({ cert, key }) };
}

async function startProxy(port: number, context: SecureContext) {
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(501).end());
  server.on("connect", (request, client: Socket, head: Buffer) => {
    if (request.url !== `${PUBLIC_HOST}:443`) {
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    if (head.byteLength > 0) client.unshift(head);
    const outside = new TLSSocket(client, { isServer: true, secureContext: context });
    const inside = connect(port, "127.0.0.1");
    joinSockets(outside, inside);
    for (const socket of [client, inside]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What comes in at one goes out at the other, and both end together. */
function joinSockets(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.once("close", () => to.destroy());
  }
}
