import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import {
  BlobSASPermissions,
  ContainerClient,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { describe, expect, it } from "vitest";
import { useServer } from "../src/testing.ts";

const part = "Azurite behind a CONNECT proxy";
const answer = await useServer("azurite-tls", part);

describe.skipIf(!answer.available)(part, () => {
  const connection = answer.available ? answer.connection : undefined;
  const { account = "", accountKey = "", bucket = "", endpoint = "" } = connection ?? {};
  const host = `${account}.blob.core.windows.net`;

  /** The status of the proxy's answer, and the connection behind it. */
  async function tunnel(place: string) {
    const asked = request(connection?.proxyUrl ?? "", { method: "CONNECT", path: place }).end();
    const [response, socket] = await once(asked, "connect");
    return { status: response.statusCode as number, socket: socket as Socket };
  }

  it("shows what a plain client wrote at the public address, under a trusted name", async () => {
    const credential = new StorageSharedKeyCredential(account, accountKey);
    const container = new ContainerClient(`${endpoint}/${bucket}`, credential);
    await container.getBlockBlobClient("seen/from outside").upload("hello", 5);
    const sas = generateBlobSASQueryParameters(
      {
        containerName: bucket,
        blobName: "seen/from outside",
        permissions: BlobSASPermissions.parse("r"),
        expiresOn: new Date(Date.now() + 600_000),
      },
      credential,
    );
    const { socket, status } = await tunnel(`${host}:443`);
    expect(status).toBe(200);
    const ca = readFileSync(connection?.certificatePath ?? "");
    const secure = connect({ socket, ca, servername: host });
    await once(secure, "secureConnect");
    expect(secure.authorized).toBe(true);
    const path = `/${bucket}/seen/from%20outside?${sas}`;
    const got = secureRequest({ host, path, createConnection: () => secure }).end();
    const [response] = await once(got, "response");
    expect(response.statusCode).toBe(200);
    expect(Buffer.concat(await response.toArray()).toString()).toBe("hello");
    secure.destroy();
  });

  it("leads nowhere else", async () => {
    for (const place of ["example.com:443", `${host}:80`, "127.0.0.1:443"]) {
      const { socket, status } = await tunnel(place);
      expect(status).toBe(403);
      socket.destroy();
    }
  });
});
