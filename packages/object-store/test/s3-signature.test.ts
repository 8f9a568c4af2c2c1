/** Signatures: those that AWS publishes, and those that its own client makes of a request. */

import { GetObjectCommand, S3Client as SdkClient } from "@aws-sdk/client-s3";
import { describe, expect, it, vi } from "vitest";
import { quirksOf } from "../src/s3/quirks.ts";
import { S3Client } from "../src/s3/s3-client.ts";
import {
  deleteManyRequest,
  deleteRequest,
  getRequest,
  headRequest,
  listRequest,
  openUploadRequest,
  putPartRequest,
  putRequest,
  type S3Request,
} from "../src/s3/s3-requests.ts";
import { queryOf, S3Signer, sha256Of } from "../src/s3/s3-signature.ts";
import { HOSTILE_KEYS } from "./hostile-keys.ts";
import { IF_ABSENT } from "./scripted-s3.ts";
import { type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const EMPTY = new Uint8Array();

describe("the examples in AWS's documentation", () => {
  const credentials = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  };
  const date = "20130524T000000Z";
  const scope = { credentials, date, region: "us-east-1", service: "s3" };
  const TEXT = new TextEncoder().encode("Welcome to Amazon S3.");
  const PUT = {
    date: "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
  };

  it.each<readonly [string, string, string, string, Record<string, string>, Uint8Array]>([
    [
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
      ...(["GET", "/test.txt", "", { range: "bytes=0-9" }, EMPTY] as const),
    ],
    [
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
      ...(["PUT", "/test%24file.text", "", PUT, TEXT] as const),
    ],
    [
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
      ...(["GET", "/", queryOf([["lifecycle", ""]]), {}, EMPTY] as const),
    ],
    [
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
      ...([
        "GET",
        "/",
        queryOf([
          ["prefix", "J"],
          ["max-keys", "2"],
        ]),
        {},
        EMPTY,
      ] as const),
    ],
  ])("have the signature %s", (expected, method, path, query, headers, body) => {
    const request = {
      method,
      path,
      query,
      headers: {
        ...headers,
        host: "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": sha256Of(body),
        "x-amz-date": date,
      },
    };
    const [, signature] = new S3Signer().sign(request, scope).split("Signature=");
    expect(signature).toBe(expected);
  });
});

type Middleware = Parameters<SdkClient["middlewareStack"]["addRelativeTo"]>[0];
type Next = (args: Arguments) => Promise<object>;

interface Arguments {
  readonly request: object;
}

describe("a request", () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "s+/=", sessionToken: "t/+=" };

  /** What the SDK's signer makes of this very request. */
  async function signedBySdk({
    headers,
    method,
    path,
    query,
    body,
  }: SeenRequest): Promise<unknown> {
    const { authorization, connection, "user-agent": agent, ...signed } = headers;
    const { "content-length": length, ...told } = signed as Record<string, string>;
    let found: unknown;
    const client = new SdkClient({ region: "eu-west-1", credentials, maxAttempts: 1 });
    const ours = (next: Next) => (args: Arguments) => {
      const asked = { method, path, query: Object.fromEntries(query), headers: told, body };
      return next({ ...args, request: Object.assign(args.request, asked) });
    };
    client.middlewareStack.addRelativeTo(ours as unknown as Middleware, {
      relation: "before",
      toMiddleware: "httpSigningMiddleware",
      name: "ours",
    });
    client.middlewareStack.add(
      () => async (args) => {
        found = (args.request as { headers: Record<string, string> }).headers.authorization;
        throw new Error("not sent");
      },
      { step: "finalizeRequest", priority: "low", name: "stop" },
    );
    const command = new GetObjectCommand({ Bucket: "bucket", Key: "k" });
    await expect(client.send(command)).rejects.toThrow("not sent");
    client.destroy();
    return found;
  }

  async function expectSameSignature(request: S3Request, signPayload = true): Promise<void> {
    await using server = await startScriptedServer(() => ({ status: 200 }));
    const { endpoint } = server;
    const options = { bucket: "bucket", endpoint, region: "eu-west-1", credentials, signPayload };
    const client = new S3Client(options, quirksOf(endpoint, "bucket"));
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      await client.send(request);
      const [seen] = server.seen;
      if (seen === undefined) throw new Error("nothing was sent");
      expect(await signedBySdk(seen)).toBe(seen.headers.authorization);
    } finally {
      vi.useRealTimers();
      client.close();
    }
  }

  it.each(HOSTILE_KEYS)("for the key %j is signed as the SDK would", async (key) => {
    await expectSameSignature(getRequest(key, { offset: 1, length: 2 }, undefined));
  });

  it.each(HOSTILE_KEYS)("for a list of %j is signed as the SDK would", async (key) => {
    await expectSameSignature(listRequest({ prefix: key, startAfter: key, token: key }));
  });

  const STORE = {
    bucket: "bucket",
    storageClass: "STANDARD_IA",
    encryption: { customerKey: "x".repeat(32), kmsKeyId: "arn:aws:kms:id" },
  };
  const PUT = { ...IF_ABSENT, timestampMs: 0, noCache: true, contentType: "text/plain;  a=b " };
  const TARGET = { key: "a b", uploadId: "u/+=%&", encryption: STORE.encryption };

  it.each<readonly [string, S3Request | Promise<S3Request>]>([
    ["head", headRequest("k", STORE.encryption)],
    ["put", putRequest("k", new Uint8Array(100), PUT, STORE)],
    ["empty put", putRequest("k", EMPTY, PUT, STORE)],
    ["delete", deleteRequest("k", { type: "if-version", version: '"v"' })],
    ["openUpload", openUploadRequest("k", PUT, STORE)],
    ["putPart", putPartRequest(TARGET, 7, new Uint8Array(10))],
    ["deleteMany", deleteManyRequest(HOSTILE_KEYS)],
  ])("for a %s is signed as the SDK would", async (_name, request) => {
    await expectSameSignature(await request);
    await expectSameSignature(await request, false);
  });

  it("of the next day is signed with that day's key", () => {
    const signer = new S3Signer();
    const request = { method: "GET", path: "/", query: "", headers: { host: "h" } };
    const sign = (by: S3Signer, date: string, region = "r") =>
      by.sign(request, { credentials, date, region, service: "s3" });
    const first = sign(signer, "20260115T235959Z");
    for (const [date, region] of [
      ["20260116T000000Z", "r"],
      ["20260116T000000Z", "q"],
      ["20260115T235959Z", "r"],
    ] as const) {
      expect(sign(signer, date, region)).toBe(sign(new S3Signer(), date, region));
    }
    expect(sign(signer, "20260115T235959Z")).toBe(first);
  });
});
