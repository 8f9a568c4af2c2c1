/** Keys as they come out of files and secrets: with a line break at their end, or misshapen. */

import { openGcsStore } from "@headwater/object-store/gcs";
import { openS3Store } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { failure as azureFailure } from "./scripted-azure.ts";
import { create, failure, failureOf, get } from "./scripted-s3.ts";
import { errorAnswer, startScriptedServer } from "./scripted-server.ts";

const ok = () => ({ status: 200, headers: { etag: '"v"' } });

describe("what cannot be sent", () => {
  it.each<readonly [string, object]>([
    ["access key", { accessKeyId: "AKIDEXAMPLE\n", secretAccessKey: "s" }],
    ["token", { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "s", sessionToken: "T\r\n" }],
  ])("is an S3 %s with a line break: nothing happened, and nobody tries again", async (_, keys) => {
    await using server = await startScriptedServer(ok);
    for (const credentials of [keys, async () => keys]) {
      await using store = await openS3Store({
        bucket: "bucket",
        endpoint: server.endpoint,
        credentials: credentials as never,
      });
      for (const call of [get, create]) {
        const failed = await failureOf(call(store));
        expect(failed.code).toBe("CONFIG_INVALID");
        expect(failed.message).toContain("a key or token has a character that cannot be sent");
        expect(failed.message).not.toContain("AKIDEXAMPLE");
      }
    }
    expect(server.seen).toEqual([]);
  });

  it("is a token of GCS with a line break", async () => {
    await using server = await startScriptedServer(ok);
    const accessToken = async () => "ya29.secret\n";
    await using store = await openGcsStore({
      bucket: "bucket",
      endpoint: server.endpoint,
      accessToken,
    });
    const failed = await failureOf(create(store));
    expect(failed.code).toBe("CONFIG_INVALID");
    expect(failed.message).toContain("a key or token");
    expect(failed.message).not.toContain("ya29");
  });

  it("is a content type that is none, of which the header is named", async () => {
    const options = { condition: { type: "if-absent" }, contentType: "text/\u{4e2d}" } as const;
    for (const failed of [
      await failure(ok, (store) => store.put("k", new Uint8Array(1), options)),
      await azureFailure(ok, (store) => store.put("k", new Uint8Array(1), options)),
    ]) {
      expect(failed.code).toBe("CONFIG_INVALID");
      expect(failed.message).toContain("content-type has a character that cannot be sent");
    }
  });
});

describe("a signature that S3 cannot read", () => {
  it("is told in its own words, unless it names another region", async () => {
    const malformed = errorAnswer(400, "AuthorizationHeaderMalformed");
    const failed = await failure(() => malformed, get);
    expect(failed.code).toBe("CONFIG_INVALID");
    expect(failed.message).toContain(
      "the store refused it: 400 AuthorizationHeaderMalformed: told",
    );
    const region = { ...malformed.headers, "x-amz-bucket-region": "eu-north-1" };
    const elsewhere = await failure(() => ({ ...malformed, headers: region }), get);
    expect(elsewhere.message).toContain("is in region eu-north-1, not in us-east-1");
  });
});
