/** Objects larger than one array may be: told as such by every store, and not held. */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectStore } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { FileStore } from "@headwater/object-store/file";
import { openGcsStore } from "@headwater/object-store/gcs";
import { openS3Store } from "@headwater/object-store/s3";
import { afterAll, describe, expect, it } from "vitest";
import { CREDENTIALS, failureOf } from "./scripted-s3.ts";
import { startScriptedServer } from "./scripted-server.ts";

const SIZE = 2 ** 32 + 1;

const folder = mkdtempSync(join(tmpdir(), "too-large-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADERS = {
  "content-length": String(SIZE),
  date: "Thu, 15 Jan 2026 10:30:25 GMT",
  "last-modified": "Thu, 15 Jan 2026 10:30:25 GMT",
  etag: '"v"',
  "x-goog-generation": "1",
};

const OPENERS: Readonly<Record<string, (endpoint: string) => Promise<ObjectStore>>> = {
  s3: (endpoint) => openS3Store({ bucket: "bucket", endpoint, credentials: CREDENTIALS }),
  gcs: (endpoint) => openGcsStore({ bucket: "bucket", endpoint }),
  azure: (endpoint) =>
    openAzureStore({ account: "account", container: "container", endpoint, accountKey: "abcd" }),
  file: async () => {
    writeFileSync(join(folder, "k"), "");
    truncateSync(join(folder, "k"), SIZE);
    return new FileStore({ root: folder });
  },
};

describe("an object of more than 4 GiB", () => {
  it.each(Object.keys(OPENERS))(
    "is too large for one get (%s), and its parts are not",
    async (name) => {
      const stall = { headers: HEADERS, body: "beginning", instead: "stall" } as const;
      await using server = await startScriptedServer(
        ({ headers: { range = "", "x-ms-range": same } }) =>
          range === "" && (same === undefined || same === "")
            ? { status: 200, ...stall }
            : {
                status: 206,
                headers: {
                  ...HEADERS,
                  "content-length": "4",
                  "content-range": `bytes 0-3/${SIZE}`,
                },
                body: "\0\0\0\0",
              },
      );
      await using store = await (OPENERS[name] as (typeof OPENERS)[string])(server.endpoint);
      const failed = await failureOf(store.get("k"));
      expect(failed.code).toBe("UNSUPPORTED");
      expect(failed.message).toContain("too large to be got at once");
      const { meta, body } = await store.get("k", { range: { offset: 0, length: 4 } });
      expect([meta.size, body.byteLength]).toEqual([SIZE, 4]);
    },
  );
});
