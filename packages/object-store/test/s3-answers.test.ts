import { crc32 } from "node:zlib";
import { compareKeys } from "@headwater/object-store";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { XMLParser } from "fast-xml-parser";
import { describe, expect, it } from "vitest";
import { encodeText } from "../src/s3/s3-xml.ts";
import { HOSTILE_KEYS } from "./hostile-keys.ts";
import {
  ALWAYS,
  BODY,
  type Call,
  CREDENTIALS,
  create,
  failure,
  failureOf,
  get,
  head,
  IF_ABSENT,
  keysOf,
  list,
  listAnswer,
  put,
  remove,
  removeMany,
  removeVersion,
  type Script,
  swap,
  withServer,
} from "./scripted-s3.ts";
import {
  type Answer,
  errorAnswer,
  type SeenRequest,
  startScriptedServer,
} from "./scripted-server.ts";

const DATE = "Thu, 15 Jan 2026 10:30:25 GMT";

describe("answers of S3 that name an error", () => {
  it.each<readonly [number, string, Call, string]>([
    [404, "NoSuchKey", get, "OBJECT_NOT_FOUND"],
    [404, "NoSuchKey", swap, "OBJECT_CHANGED"],
    [404, "NoSuchBucket", get, "CONFIG_INVALID"],
    [404, "NoSuchBucket", create, "CONFIG_INVALID"],
    [404, "NoSuchBucket", list, "CONFIG_INVALID"],
    [404, "NoSuchBucket", remove, "CONFIG_INVALID"],
    [412, "PreconditionFailed", create, "OBJECT_EXISTS"],
    [412, "PreconditionFailed", swap, "OBJECT_CHANGED"],
    [412, "PreconditionFailed", removeVersion, "OBJECT_CHANGED"],
    [409, "ConditionalRequestConflict", create, "UNAVAILABLE"],
    [409, "ConditionalRequestConflict", swap, "UNAVAILABLE"],
    [409, "OperationAborted", put, "UNAVAILABLE"],
    [416, "InvalidRange", get, "RANGE_UNSATISFIABLE"],
    [403, "AccessDenied", get, "FORBIDDEN"],
    [403, "AccessDenied", put, "FORBIDDEN"],
    [403, "InvalidAccessKeyId", get, "UNAUTHENTICATED"],
    [403, "SignatureDoesNotMatch", put, "UNAUTHENTICATED"],
    [400, "ExpiredToken", get, "UNAUTHENTICATED"],
    [403, "RequestTimeTooSkewed", get, "UNAUTHENTICATED"],
    [301, "PermanentRedirect", get, "CONFIG_INVALID"],
    [307, "TemporaryRedirect", create, "UNAVAILABLE"],
    [404, "NoSuchBucket", removeMany, "CONFIG_INVALID"],
    [400, "AuthorizationHeaderMalformed", get, "CONFIG_INVALID"],
    [400, "SomethingNew", put, "CONFIG_INVALID"],
    [501, "NotImplemented", create, "UNSUPPORTED"],
    [503, "SlowDown", create, "THROTTLED"],
    [429, "TooManyRequests", get, "THROTTLED"],
    [503, "ServiceUnavailable", create, "UNAVAILABLE"],
    [400, "RequestTimeout", create, "UNAVAILABLE"],
    [500, "InternalError", get, "UNAVAILABLE"],
    [500, "InternalError", put, "UNAVAILABLE"],
    [500, "InternalError", create, "OUTCOME_UNKNOWN"],
    [500, "InternalError", swap, "OUTCOME_UNKNOWN"],
    [500, "InternalError", removeVersion, "OUTCOME_UNKNOWN"],
    [504, "GatewayTimeout", create, "OUTCOME_UNKNOWN"],
  ])("%i %s", async (status, name, call, code) => {
    expect((await failure(() => errorAnswer(status, name), call)).code).toBe(code);
  });

  it("say in words what to do about it", async () => {
    const noBucket = await failure(() => errorAnswer(404, "NoSuchBucket"), get);
    expect(noBucket.message).toMatch(/bucket bucket does not exist at 127\.0\.0\.1:\d+$/);
    const denied = await failure(() => errorAnswer(403, "AccessDenied"), get);
    expect(denied.message).toContain("s3:ListBucket");
    const elsewhere = { "x-amz-bucket-region": "eu-west-1" };
    const region = await failure(() => errorAnswer(301, "PermanentRedirect", elsewhere), get);
    expect(region.message).toContain("region eu-west-1, not in us-east-1");
    const moved = await failure(() => errorAnswer(307, "TemporaryRedirect", elsewhere), get);
    expect(moved.code).toBe("CONFIG_INVALID");
    expect(moved.message).toContain("region eu-west-1");
    const busy = await failure(() => errorAnswer(503, "SlowDown", { "retry-after": "7" }), get);
    expect(busy.retryAfterMs).toBe(7_000);
  });

  it("never show a key or a signature", async () => {
    const leak = "https://h/k?X-Amz-Signature=abcdef&X-Amz-Credential=verysecretkey";
    const message = `see ${leak.replaceAll("&", "&amp;")}`;
    const body = `<Error><Code>Odd</Code><Message>${message}</Message></Error>`;
    const headers = { "content-type": "application/xml" };
    const error = await failure(() => ({ status: 400, headers, body }), get);
    expect(error.message).toContain("Odd");
    expect(error.message).not.toMatch(/secret|abcdef|AKID/);
  });
});

describe("answers that are not S3's", () => {
  const page = "<html><body>Not here</body></html>";
  const html = { "content-type": "text/html" };

  it.each<readonly [string, Call, Answer]>([
    ["404 page for get", get, { status: 404, headers: html, body: page }],
    ["404 page for put", put, { status: 404, headers: html, body: page }],
    ["404 page for list", list, { status: 404, headers: html, body: page }],
    ["200 page for list", list, { status: 200, headers: html, body: page }],
    ["200 page for get", get, { status: 200, headers: html, body: page }],
    ["200 page for head", head, { status: 200, headers: html }],
    ["200 page for put", put, { status: 200, headers: html, body: page }],
    ["200 page for create", create, { status: 200, headers: { ...html, etag: '"v"' }, body: page }],
    ["200 page for delete", remove, { status: 200, headers: html, body: page }],
    ["200 page for deleteMany", removeMany, { status: 200, headers: html, body: page }],
    ["redirect to a page for get", get, { status: 302, headers: { location: "/login" } }],
    ["redirect to a page for create", create, { status: 307, headers: { location: "/login" } }],
    ["redirect to a page for list", list, { status: 303, headers: { location: "/login" } }],
  ])("%s is a mistake of the configuration, not an empty store", async (_name, call, answer) => {
    const { code } = await failure(() => answer, call);
    expect(["CONFIG_INVALID", "UNAVAILABLE"]).toContain(code);
    if (answer.status === 404) expect(code).toBe("CONFIG_INVALID");
  });

  it("a bare 404 for head asks once whether there is a bucket", async () => {
    const bare: Answer = { status: 404 };
    const noBucket = await failure(() => bare, head);
    expect(noBucket.code).toBe("CONFIG_INVALID");
    const script: Script = ({ path }) => (path.endsWith("/k") ? bare : { status: 200 });
    await withServer(script, {}, async (store, seen) => {
      for (let count = 0; count < 3; count += 1) {
        expect((await failureOf(head(store))).code).toBe("OBJECT_NOT_FOUND");
      }
      expect(seen).toHaveLength(4);
    });
  });

  it("a bare 404 for delete means that nothing is there", async () => {
    await withServer(
      () => ({ status: 404 }),
      {},
      (store) => store.delete("k"),
    );
  });
});

describe("a 200 that is an error", () => {
  const xml = { "content-type": "application/xml" };
  const inner = "<Code>InternalError</Code><Message>We failed</Message>";
  const body = `<?xml version="1.0"?>\n<Error>${inner}</Error>`;

  it.each<readonly [string, Call, Answer]>([
    ["put", put, { status: 200, headers: xml, body }],
    ["create", create, { status: 200, headers: xml, body }],
    ["list", list, { status: 200, headers: xml, body }],
    ["deleteMany", removeMany, { status: 200, headers: xml, body }],
    ["deleteMany, without a word", removeMany, { status: 200, headers: xml }],
  ])("of a %s is not taken for success", async (_name, call, answer) => {
    const { code } = await failure(() => answer, call);
    expect(["UNAVAILABLE", "OUTCOME_UNKNOWN", "CONFIG_INVALID"]).toContain(code);
  });
});

describe("lost connections", () => {
  const reset: Script = () => ({ status: 0, instead: "reset" });
  const silent: Script = () => ({ status: 0, instead: "silent" });

  it("after the request went out leave the outcome of a conditional call unknown", async () => {
    expect((await failure(reset, create)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(reset, swap)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(reset, removeVersion)).code).toBe("OUTCOME_UNKNOWN");
    for (const call of [get, head, list, put, remove]) {
      expect((await failure(reset, call)).code).toBe("UNAVAILABLE");
    }
  });

  it("that stay silent are ended, with the same distinction", async () => {
    const options = { idleMsMax: 150 };
    expect((await failure(silent, create, options)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(silent, get, options)).code).toBe("UNAVAILABLE");
  });

  it("before the request went out mean that nothing happened, and name the host", async () => {
    const { endpoint } = await startScriptedServer(reset).then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    const refused = await failure(reset, create, { endpoint });
    expect(refused.code).toBe("UNAVAILABLE");
    expect(refused.message).toContain(new URL(endpoint).host);
    const unknown = await failure(reset, create, { endpoint: "http://no-such-host.invalid" });
    expect(unknown.code).toBe("UNAVAILABLE");
    expect(unknown.message).toContain("no-such-host.invalid");
  });

  it("in the middle of a body are no shorter body", async () => {
    const headers = { "content-length": "100", etag: '"v"' };
    const script: Script = () => ({ status: 200, headers, body: "only this" });
    expect((await failure(script, get)).code).toBe("UNAVAILABLE");
  });

  it("do not matter to a call that was aborted: it gives the reason", async () => {
    const headers = { "content-length": "100000", etag: '"v"' };
    const stall: Script = () => ({ status: 200, headers, body: "begun", instead: "stall" });
    for (const script of [silent, stall]) {
      await withServer(script, {}, async (store) => {
        for (const call of [
          (signal: AbortSignal) => store.put("k", BODY, { ...IF_ABSENT, signal }),
          (signal: AbortSignal) => store.get("k", { signal }),
        ]) {
          const reason = new Error("stop");
          const controller = new AbortController();
          setTimeout(() => controller.abort(reason), 50);
          await expect(call(controller.signal)).rejects.toBe(reason);
        }
      });
    }
  });
});

describe("requests", () => {
  const ok: Answer = { status: 200, headers: { etag: '"v2"', date: DATE } };

  async function sent(call: Call, options: Partial<S3StoreOptions> = {}): Promise<SeenRequest> {
    return withServer(
      () => ok,
      options,
      async (store, seen) => {
        await call(store);
        expect(seen).toHaveLength(1);
        return seen[0] as SeenRequest;
      },
    );
  }

  it("carry condition and timestamp, and nothing that servers stumble over", async () => {
    const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 638);
    const request = await sent((store) =>
      store.put("db/0000/a.ltx", BODY, { ...IF_ABSENT, timestampMs, noCache: true }),
    );
    expect(request).toMatchObject({ method: "PUT", path: "/bucket/db/0000/a.ltx" });
    expect(request.body.toString()).toBe("body");
    expect(request.headers).toMatchObject({
      "if-none-match": "*",
      "x-amz-meta-litestream-timestamp": "2026-01-15T10:30:25.638Z",
      "cache-control": "no-cache",
      "content-length": "4",
    });
    const names = Object.keys(request.headers).join(" ");
    expect(names).not.toMatch(/expect|trailer|checksum|transfer-encoding|x-amz-sdk/);
    expect((await sent(swap)).headers["if-match"]).toBe('"v1"');
  });

  it("go whole and plain, for servers that know no chunks, trailers or checksums", async () => {
    const picky: Script = ({ headers, method }) => {
      if (headers["transfer-encoding"] !== undefined)
        return errorAnswer(411, "MissingContentLength");
      const strange = Object.keys(headers).some((name) =>
        /^x-amz-(trailer|checksum|decoded)/.test(name),
      );
      const encoding = `${headers["content-encoding"]} ${headers["x-amz-content-sha256"]}`;
      if (strange || /chunked|STREAMING/.test(encoding)) return errorAnswer(501, "NotImplemented");
      if (method === "POST") {
        const inner = '<?xml version="1.0"?><DeleteResult></DeleteResult>';
        return { status: 200, headers: { "content-type": "application/xml" }, body: inner };
      }
      return ok;
    };
    const empty: Call = (store) => store.put("k", new Uint8Array(0), ALWAYS);
    const large: Call = (store) => store.put("k", new Uint8Array(9_000_000), IF_ABSENT);
    await withServer(picky, { requireContentMd5: true }, async (store, seen) => {
      for (const call of [put, create, empty, large, get, head, remove, removeMany]) {
        await call(store);
      }
      const lengths = seen.map(({ headers }) => headers["content-length"]);
      expect(lengths.slice(0, 4)).toEqual(["4", "4", "0", "9000000"]);
    });
    for (const unsigned of [false, true]) {
      await withServer(picky, { signPayload: !unsigned }, (store) => large(store));
    }
  });

  it("keep a leading slash of the key, as Litestream has with an empty path", async () => {
    expect((await sent((store) => store.put("/0000/a.ltx", BODY, ALWAYS))).path).toBe(
      "/bucket//0000/a.ltx",
    );
  });

  it("carry what the provider wants", async () => {
    const quirks = { headers: { "X-Tigris-Consistent": "true" } };
    expect((await sent(put, { quirks })).headers["x-tigris-consistent"]).toBe("true");
    const unsigned = await sent(put, { signPayload: false });
    expect(unsigned.headers["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD");
    const token = { ...CREDENTIALS, sessionToken: "token" };
    const withToken = await sent(put, { credentials: async () => token });
    expect(withToken.headers["x-amz-security-token"]).toBe("token");
    expect(withToken.headers.authorization).toContain("AKIDEXAMPLE");
    const encryption = { customerKey: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" };
    const encrypted = await sent(put, { encryption, storageClass: "STANDARD_IA" });
    expect(encrypted.headers).toMatchObject({
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-storage-class": "STANDARD_IA",
    });
  });

  it("tell the store's clock and what it says of the object", async () => {
    const headers = {
      etag: '"v3"',
      date: DATE,
      "last-modified": "Thu, 15 Jan 2026 10:30:20 GMT",
      "x-amz-meta-litestream-timestamp": "2026-01-15T10:29:00.5Z",
      "content-range": "bytes 90-99/100",
    };
    const script: Script = () => ({ status: 206, headers, body: "0123456789" });
    const { meta, body } = await withServer(script, {}, (store) =>
      store.get("k", { range: { suffix: 10 } }),
    );
    expect(body.byteLength).toBe(10);
    expect(meta).toEqual({
      key: "k",
      size: 100,
      version: '"v3"',
      lastModifiedMs: Date.parse(headers["last-modified"]),
      timestampMs: Date.UTC(2026, 0, 15, 10, 29, 0, 500),
      serverDateMs: Date.parse(DATE),
    });
  });

  it("for a range are cut here when the server sends the whole object", async () => {
    const script: Script = () => ({ status: 200, headers: { etag: '"v"' }, body: "0123456789" });
    await withServer(script, {}, async (store) => {
      const { meta, body } = await store.get("k", { range: { offset: 2, length: 3 } });
      expect(meta.size).toBe(10);
      expect(new TextDecoder().decode(body)).toBe("234");
      const beyond = store.get("k", { range: { offset: 10, length: 1 } });
      expect((await failureOf(beyond)).code).toBe("RANGE_UNSATISFIABLE");
    });
  });
});

describe("deleteMany", () => {
  const answer = (inner: string): Answer => ({
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?><DeleteResult>${inner}</DeleteResult>`,
  });

  it("sends a thousand keys at a time, and goes on after a failure", async () => {
    const failed = "<Error><Key>k5</Key><Code>AccessDenied</Code><Message>no</Message></Error>";
    const keys = Array.from({ length: 2_500 }, (_, count) => `k${count}`);
    await withServer(
      (_, count) => answer(count === 1 ? failed : ""),
      {},
      async (store, seen) => {
        const error = await failureOf(store.deleteMany(keys));
        expect(error).toMatchObject({ code: "FORBIDDEN", key: "k5" });
        expect(seen).toHaveLength(3);
        expect(seen.map(({ body }) => body.toString().match(/<Key>/g)?.length)).toEqual([
          1000, 1000, 500,
        ]);
      },
    );
  });

  it("carries the CRC-32 of its body, which names every key as it is", async () => {
    await withServer(
      () => answer(""),
      {},
      async (store, seen) => {
        await store.deleteMany(HOSTILE_KEYS);
        const { body, headers } = seen[0] as SeenRequest;
        const digest = Buffer.from(crc32(body).toString(16).padStart(8, "0"), "hex");
        expect(headers).toMatchObject({
          "x-amz-sdk-checksum-algorithm": "CRC32",
          "x-amz-checksum-crc32": digest.toString("base64"),
        });
        const asked = new XMLParser({ trimValues: false, parseTagValue: false }).parse(body);
        const objects = asked.Delete.Object as { readonly Key: string }[];
        expect(objects.map(({ Key }) => Key)).toEqual(HOSTILE_KEYS);
      },
    );
  });

  it("carries a Content-MD5 in place of newer checksums when asked to", async () => {
    const options = { requireContentMd5: true };
    await withServer(
      () => answer(""),
      options,
      async (store, seen) => {
        await store.deleteMany(["a"]);
        const { body, headers } = seen[0] as SeenRequest;
        const { createHash } = await import("node:crypto");
        expect(headers["content-md5"]).toBe(createHash("md5").update(body).digest("base64"));
        expect(Object.keys(headers).join(" ")).not.toContain("checksum");
      },
    );
  });
});

describe("list", () => {
  it.each([
    "<Contents><Key>k</Key><Size>many</Size></Contents>",
    "<Contents><Key>k</Key><Size>9007199254740993</Size></Contents>",
    "<Contents><Size>1</Size></Contents>",
    "<Contents></Contents>",
  ])("takes %s for no object", async (contents) => {
    const body = `<ListBucketResult><Name>bucket</Name>${contents}</ListBucketResult>`;
    expect((await failure(() => ({ status: 200, body }), list)).code).toBe("CONFIG_INVALID");
  });

  it("gives keys as they are, whatever has to be written in their place in XML", async () => {
    const keys = HOSTILE_KEYS.map((key) => `p/${key}`);
    const script: Script = () => listAnswer(keys.map(encodeText));
    await withServer(script, {}, async (store) => {
      expect(await keysOf(store.list("p/"))).toEqual(keys.toSorted(compareKeys));
    });
  });

  it("is sorted here where the store has no order, and starts after a key too", async () => {
    const quirks = { orderedList: false, startAfter: false };
    const script: Script = (_, count) =>
      count === 1 ? listAnswer(["c", "a"], "t") : listAnswer(["d", "b"]);
    await withServer(script, { quirks }, async (store, seen) => {
      expect(await keysOf(store.list("", { startAfter: "a" }))).toEqual(["b", "c", "d"]);
      expect(seen.map(({ query }) => query.get("start-after"))).toEqual([null, null]);
      expect(seen[1]?.query.get("continuation-token")).toBe("t");
    });
  });

  it("is in order also where a server has another, or ignores where to start", async () => {
    const pages = ["p/a-b", "p/a/b", "p/a.c"];
    const script: Script = ({ query }) =>
      query.has("continuation-token") ? listAnswer(["p/z"]) : listAnswer(pages, "next");
    await withServer(script, {}, async (store) => {
      expect(await keysOf(store.list("p/"))).toEqual(["p/a-b", "p/a.c", "p/a/b", "p/z"]);
      const after = store.list("p/", { startAfter: "p/a-b" });
      expect(await keysOf(after)).toEqual(["p/a.c", "p/a/b", "p/z"]);
    });
  });

  it("is not taken for whole when it is cut and does not say how it goes on", async () => {
    const told = "<Name>bucket</Name><IsTruncated>true</IsTruncated>";
    const contents = "<Contents><Key>p/a</Key><Size>1</Size></Contents>";
    const body = `<ListBucketResult>${told}${contents}</ListBucketResult>`;
    expect((await failure(() => ({ status: 200, body }), list)).code).toBe("CONFIG_INVALID");
  });

  it("ends when the store goes in circles", async () => {
    const error = await failure(() => listAnswer(["a"], "same"), list);
    expect(error.code).toBe("UNAVAILABLE");
  });
});

describe("openS3Store", () => {
  it.each<readonly [Partial<S3StoreOptions>]>([
    [{ bucket: "" }],
    [{ bucket: "has space" }],
    [{ endpoint: "localhost:9000" }],
    [{ endpoint: "ftp://host" }],
    [{ credentials: { accessKeyId: "", secretAccessKey: "s" } }],
    [{ bucket: "replica--use1-az4--x-s3", endpoint: "http://localhost:9000" }],
  ])("refuses %j", async (options) => {
    const opened = openS3Store({ bucket: "b", credentials: CREDENTIALS, ...options });
    expect((await failureOf(opened)).code).toBe("CONFIG_INVALID");
  });

  it("without any credentials says where they may come from", async () => {
    const credentials = async () => {
      throw Object.assign(new Error("none"), { name: "CredentialsProviderError" });
    };
    const error = await failure(() => ({ status: 200 }), get, { credentials });
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).toContain("AWS_ACCESS_KEY_ID");
  });
});
