/** Bodies that no connection can take at once. */

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { openS3Store } from "@headwater/object-store/s3";
import { expect, it } from "vitest";
import { ALWAYS, CREDENTIALS } from "./scripted-s3.ts";
import { tlsIdentity } from "./tls-identity.ts";

const identity = tlsIdentity();
const SIZE = 2 ** 31 + 5;

it.skipIf(identity === undefined)(
  "go over TLS beyond 2 GiB",
  async () => {
    let received = 0;
    let last: number | undefined;
    const server = createServer({ ...identity }, (request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.byteLength;
        last = chunk.at(-1);
      });
      request.on("end", () => response.writeHead(200, { etag: '"v"' }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await using store = await openS3Store({
        bucket: "b",
        endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        region: "r",
        credentials: CREDENTIALS,
        skipVerify: true,
        signPayload: false,
      });
      // Memory that nobody has written to is none.
      const body = new Uint8Array(SIZE);
      body[SIZE - 1] = 7;
      await store.put("k", body, ALWAYS);
      expect({ received, last }).toEqual({ received: SIZE, last: 7 });
    } finally {
      server.close();
    }
  },
  120_000,
);
