/** Bodies that no connection can take at once. */

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { ObjectStore } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { openS3Store } from "@headwater/object-store/s3";
import { afterEach, expect, it, vi } from "vitest";
import { DATE, KEY } from "./scripted-azure.ts";
import { ALWAYS, CREDENTIALS } from "./scripted-s3.ts";
import { tlsIdentity } from "./tls-identity.ts";

const identity = tlsIdentity();
const SIZE = 2 ** 31 + 5;
const SKIP_VERIFY = "NODE_TLS_REJECT_UNAUTHORIZED";

afterEach(() => {
  vi.unstubAllEnvs();
});

const STORES: readonly (readonly [string, (endpoint: string) => Promise<ObjectStore>])[] = [
  [
    "S3",
    (endpoint) =>
      openS3Store({
        bucket: "b",
        endpoint,
        region: "r",
        credentials: CREDENTIALS,
        signPayload: false,
      }),
  ],
  [
    "Azure",
    (endpoint) =>
      openAzureStore({
        account: "account",
        container: "container",
        endpoint: `${endpoint}/account`,
        accountKey: KEY,
      }),
  ],
];

it.skipIf(identity === undefined).each(STORES)(
  "go to %s over TLS beyond 2 GiB",
  async (_, open) => {
    vi.stubEnv(SKIP_VERIFY, "0");
    let received = 0;
    let last: number | undefined;
    const server = createServer({ ...identity }, (request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.byteLength;
        last = chunk.at(-1);
      });
      request.on("end", () =>
        response.writeHead(201, { etag: '"v"', "last-modified": DATE }).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await using store = await open(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
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
