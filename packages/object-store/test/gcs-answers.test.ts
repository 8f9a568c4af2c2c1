import { type ObjectMeta, type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { type GcsStoreOptions, openGcsStore } from "@headwater/object-store/gcs";
import { describe, expect, it, vi } from "vitest";
import {
  type Answer,
  errorAnswer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from "./scripted-server.ts";

const ALWAYS = { condition: { type: "none" } } as const;
const IF_ABSENT = { condition: { type: "if-absent" } } as const;
const IF_VERSION = { condition: { type: "if-version", version: "1712" } } as const;
const BODY = new TextEncoder().encode("body");
const DATE = "Thu, 15 Jan 2026 10:30:25 GMT";
const RESOURCE = {
  name: "k",
  size: "4",
  generation: "1713",
  timeCreated: "2026-01-15T10:30:20.123Z",
};

type Script = (request: SeenRequest, count: number) => Answer;
type Call = (store: ObjectStore) => Promise<unknown>;

const get: Call = (store) => store.get("k");
const head: Call = (store) => store.head("k");
const list: Call = (store) => keysOf(store.list("p/"));
const put: Call = (store) => store.put("k", BODY, ALWAYS);
const create: Call = (store) => store.put("k", BODY, IF_ABSENT);
const swap: Call = (store) => store.put("k", BODY, IF_VERSION);
const remove: Call = (store) => store.delete("k");
const removeVersion: Call = (store) => store.delete("k", IF_VERSION);
const removeMany: Call = (store) => store.deleteMany(["k"]);

async function keysOf(listed: AsyncIterable<ObjectMeta>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listed) keys.push(key);
  return keys;
}

function json(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers: { date: DATE, ...headers }, body: JSON.stringify(value) };
}

/** An error as the JSON API writes it. */
function jsonError(status: number, reason: string, message = "told"): Answer {
  const errors = [{ message, domain: "global", reason }];
  return { ...json({ error: { code: status, message, errors } }), status };
}

async function withServer<Result>(
  script: Script,
  options: Partial<GcsStoreOptions>,
  work: (store: ObjectStore, server: ScriptedServer) => Promise<Result>,
): Promise<Result> {
  await using server = await startScriptedServer(script);
  const { endpoint } = server;
  await using store = await openGcsStore({ bucket: "bucket", endpoint, ...options });
  return await work(store, server);
}

async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure)) return failure;
  throw new Error(`expected an error of the store, not ${failure}`);
}

const failure = (script: Script, call: Call, options: Partial<GcsStoreOptions> = {}) =>
  withServer(script, options, (store) => failureOf(call(store)));

const NO_BUCKET = "The specified bucket does not exist.";

describe("answers of GCS that name an error", () => {
  it.each<readonly [number, string, Call, string]>([
    [404, "notFound", head, "OBJECT_NOT_FOUND"],
    [404, "notFound", swap, "OBJECT_CHANGED"],
    [404, "notFound", create, "CONFIG_INVALID"],
    [404, "notFound", put, "CONFIG_INVALID"],
    [404, "notFound", list, "CONFIG_INVALID"],
    [412, "conditionNotMet", create, "OBJECT_EXISTS"],
    [412, "conditionNotMet", swap, "OBJECT_CHANGED"],
    [412, "conditionNotMet", removeVersion, "OBJECT_CHANGED"],
    [401, "required", head, "UNAUTHENTICATED"],
    [401, "authError", put, "UNAUTHENTICATED"],
    [403, "forbidden", head, "FORBIDDEN"],
    [403, "forbidden", create, "FORBIDDEN"],
    [403, "rateLimitExceeded", put, "THROTTLED"],
    [429, "rateLimitExceeded", put, "THROTTLED"],
    [429, "rateLimitExceeded", create, "THROTTLED"],
    [429, "tooManyRequests", removeVersion, "THROTTLED"],
    [400, "userProjectMissing", list, "CONFIG_INVALID"],
    [400, "somethingNew", put, "CONFIG_INVALID"],
    [409, "conflict", create, "UNAVAILABLE"],
    [501, "notImplemented", create, "UNSUPPORTED"],
    [503, "backendError", head, "UNAVAILABLE"],
    [503, "backendError", put, "UNAVAILABLE"],
    [503, "backendError", create, "OUTCOME_UNKNOWN"],
    [500, "internalError", list, "UNAVAILABLE"],
    [500, "internalError", removeMany, "UNAVAILABLE"],
    [500, "internalError", swap, "OUTCOME_UNKNOWN"],
    [502, "badGateway", removeVersion, "OUTCOME_UNKNOWN"],
    [408, "uploadBrokenConnection", create, "OUTCOME_UNKNOWN"],
    [408, "uploadBrokenConnection", put, "UNAVAILABLE"],
  ])("%i %s", async (status, reason, call, code) => {
    expect((await failure(() => jsonError(status, reason), call)).code).toBe(code);
  });

  it.each<readonly [number, string, string]>([
    [404, "NoSuchKey", "OBJECT_NOT_FOUND"],
    [404, "NoSuchBucket", "CONFIG_INVALID"],
    [416, "InvalidRange", "RANGE_UNSATISFIABLE"],
    [401, "AuthenticationRequired", "UNAUTHENTICATED"],
    [403, "AccessDenied", "FORBIDDEN"],
    [429, "SlowDown", "THROTTLED"],
    [400, "UserProjectMissing", "CONFIG_INVALID"],
    [400, "SomethingNew", "CONFIG_INVALID"],
    [500, "InternalError", "UNAVAILABLE"],
    [503, "ServiceUnavailable", "UNAVAILABLE"],
  ])("%i %s, to a get", async (status, name, code) => {
    expect((await failure(() => errorAnswer(status, name), get)).code).toBe(code);
  });

  it("tell a bucket that is missing from an object that is", async () => {
    const noBucket = () => jsonError(404, "notFound", NO_BUCKET);
    for (const call of [head, remove, removeVersion, removeMany, swap]) {
      const error = await failure(noBucket, call);
      expect(error.code).toBe("CONFIG_INVALID");
      expect(error.message).toMatch(/bucket bucket does not exist at 127\.0\.0\.1:\d+$/);
    }
    const noObject = () => jsonError(404, "notFound", "No such object: bucket/k");
    for (const call of [remove, removeVersion, removeMany]) {
      await withServer(noObject, {}, (store) => call(store));
    }
  });

  it("say in words what to do about it", async () => {
    const denied = await failure(() => errorAnswer(403, "AccessDenied"), get);
    expect(denied.message).toContain("storage.objects.list");
    const busy = { ...jsonError(429, "rateLimitExceeded"), headers: { "retry-after": "7" } };
    expect((await failure(() => busy, create)).retryAfterMs).toBe(7_000);
    expect((await failure(() => jsonError(429, "x"), create)).retryAfterMs).toBeUndefined();
  });

  it("never show a token or a signature", async () => {
    const message = "see https://h/k?X-Goog-Signature=abcdef&X-Goog-Credential=verysecret";
    const accessToken = async () => "verysecret";
    const error = await failure(() => jsonError(400, "odd", message), put, { accessToken });
    expect(error.message).toContain("odd");
    expect(error.message).not.toMatch(/secret|abcdef/);
  });
});

describe("answers that are not those of GCS", () => {
  const headers = { "content-type": "text/html" };
  const page = (status: number): Answer => ({ status, headers, body: "<html>Hello</html>" });

  it.each<readonly [string, Call]>([
    ["get", get],
    ["head", head],
    ["put", put],
    ["list", list],
  ])("to %s are a mistake of the configuration, not an empty store", async (_name, call) => {
    for (const status of [200, 302, 404]) {
      expect((await failure(() => page(status), call)).code).toBe("CONFIG_INVALID");
    }
  });

  it("do not pass for another object", async () => {
    const other = () => json({ ...RESOURCE, name: "other" });
    expect((await failure(other, head)).code).toBe("CONFIG_INVALID");
  });
});

describe("lost connections", () => {
  const reset: Script = () => ({ status: 0, instead: "reset" });
  const silent: Script = () => ({ status: 0, instead: "silent" });

  it("after the request went out leave the outcome of a conditional call unknown", async () => {
    for (const call of [create, swap, removeVersion]) {
      expect((await failure(reset, call)).code).toBe("OUTCOME_UNKNOWN");
    }
    for (const call of [get, head, list, put, remove, removeMany]) {
      expect((await failure(reset, call)).code).toBe("UNAVAILABLE");
    }
  });

  it("within the answer do so too", async () => {
    const headers = { "content-length": "1000" };
    const torn: Script = () => ({ status: 200, headers, body: '{"name":' });
    expect((await failure(torn, create)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(torn, get)).code).toBe("UNAVAILABLE");
  });

  it("that stay silent are ended, with the same distinction", async () => {
    const options = { idleMsMax: 150 };
    expect((await failure(silent, create, options)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(silent, get, options)).code).toBe("UNAVAILABLE");
  });

  it("that stay silent are ended on a socket that was used before, too", async () => {
    const script: Script = (_, count) => (count === 1 ? json(RESOURCE) : silent(_, count));
    await withServer(script, { idleMsMax: 150, socketsMax: 1 }, async (store) => {
      await store.head("k");
      expect((await failureOf(create(store))).code).toBe("OUTCOME_UNKNOWN");
    });
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
});

describe("aborted requests", () => {
  const headers = { "content-length": "100000", "x-goog-generation": "1" };
  const stall: Script = () => ({ status: 200, headers, body: "begun", instead: "stall" });
  const silent: Script = () => ({ status: 0, instead: "silent" });
  const calls: readonly ((store: ObjectStore, signal: AbortSignal) => Promise<unknown>)[] = [
    (store, signal) => store.get("k", { signal }),
    (store, signal) => store.head("k", { signal }),
    (store, signal) => store.put("k", BODY, { ...IF_ABSENT, signal }),
    (store, signal) => store.put("k", new Uint8Array(20_000_000), { ...ALWAYS, signal }),
    (store, signal) => store.delete("k", { ...IF_VERSION, signal }),
    (store, signal) => store.deleteMany(["a", "b", "c"], { signal }),
    (store, signal) => keysOf(store.list("", { signal })),
  ];

  it.each([
    ["before an answer", silent],
    ["within an answer", stall],
  ])("%s reject with the reason, and leave no socket open", async (_name, script) => {
    await withServer(script, {}, async (store, server) => {
      for (const call of calls) {
        const reason = new Error("stop");
        const controller = new AbortController();
        const seen = server.seen.length;
        const outcome = call(store, controller.signal);
        await vi.waitFor(() => expect(server.seen.length).toBeGreaterThan(seen));
        controller.abort(reason);
        await expect(outcome).rejects.toBe(reason);
        await vi.waitFor(async () => expect(await server.openSockets()).toBe(0));
      }
    });
  });

  it("that wait for a socket do not get one", async () => {
    await withServer(silent, { socketsMax: 1 }, async (store, server) => {
      const first = new AbortController();
      const second = new AbortController();
      const outcomes = [first, second].map(({ signal }) => store.head("k", { signal }));
      await vi.waitFor(() => expect(server.seen).toHaveLength(1));
      second.abort("not even an error");
      await expect(outcomes[1]).rejects.toBe("not even an error");
      first.abort();
      await expect(outcomes[0]).rejects.toBe(first.signal.reason);
      await vi.waitFor(async () => expect(await server.openSockets()).toBe(0));
      expect(server.seen).toHaveLength(1);
    });
  });
});

describe("requests", () => {
  async function sent(call: Call, answer: Answer = json(RESOURCE)): Promise<SeenRequest> {
    return withServer(
      () => answer,
      {},
      async (store, { seen }) => {
        await call(store);
        expect(seen).toHaveLength(1);
        return seen[0] as SeenRequest;
      },
    );
  }

  it("to put carry condition and timestamp, then the bytes, all in one", async () => {
    const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 630);
    const options = { ...IF_ABSENT, timestampMs, noCache: true, contentType: "text/plain" };
    const request = await sent((store) => store.put("k", BODY, options));
    expect(request).toMatchObject({ method: "POST", path: "/upload/storage/v1/b/bucket/o" });
    expect(request.query.get("uploadType")).toBe("multipart");
    expect(request.query.get("ifGenerationMatch")).toBe("0");
    const [, boundary = ""] =
      /^multipart\/related; boundary=(.+)$/.exec(request.headers["content-type"] ?? "") ?? [];
    const [before, resource, media, after] = request.body.toString().split(`--${boundary}`);
    expect([before, after]).toEqual(["", "--\r\n"]);
    expect(JSON.parse(resource?.split("\r\n\r\n")[1] ?? "")).toEqual({
      name: "k",
      contentType: "text/plain",
      cacheControl: "no-store",
      metadata: { "litestream-timestamp": "2026-01-15T10:30:25.63Z" },
    });
    expect(media).toBe("\r\ncontent-type: text/plain\r\n\r\nbody\r\n");
    expect(request.headers).toMatchObject({ "content-length": `${request.body.length}` });
    const names = Object.keys(request.headers).join(" ");
    expect(names).not.toMatch(/authorization|expect|transfer-encoding/);
    expect((await sent(swap)).query.get("ifGenerationMatch")).toBe("1712");
    expect((await sent(put)).query.get("ifGenerationMatch")).toBeNull();
  });

  it("to delete carry the condition", async () => {
    const request = await sent(removeVersion, { status: 204 });
    expect(request).toMatchObject({ method: "DELETE", path: "/storage/v1/b/bucket/o/k" });
    expect(request.query.get("ifGenerationMatch")).toBe("1712");
  });

  it("are not sent for a version that no object here can have", async () => {
    for (const version of ["0", "", '"etag"', "1x", "-1"]) {
      const condition = { type: "if-version", version } as const;
      await withServer(
        () => json(RESOURCE),
        {},
        async (store, { seen }) => {
          expect((await failureOf(store.put("k", BODY, { condition }))).code).toBe(
            "OBJECT_CHANGED",
          );
          expect((await failureOf(store.delete("k", { condition }))).code).toBe("OBJECT_CHANGED");
          expect(seen).toHaveLength(0);
        },
      );
    }
  });

  it("keep a leading slash of the key, and an endpoint's path", async () => {
    const headers = { "x-goog-generation": "1" };
    const answer: Answer = { status: 200, headers, body: "x" };
    const request = await sent((store) => store.get("/0000/a+b'.ltx"), answer);
    expect(request.path).toBe("/bucket//0000/a%2Bb%27.ltx");
    expect(request.headers["accept-encoding"]).toBe("gzip");
    await using server = await startScriptedServer(() => json({ ...RESOURCE, name: "/x" }));
    const endpoint = `${server.endpoint}/base/`;
    await using store = await openGcsStore({ bucket: "bucket", endpoint });
    await store.head("/x");
    expect(server.seen[0]?.path).toBe("/base/storage/v1/b/bucket/o/%2Fx");
    expect(store.place).toBe(`${endpoint}bucket`);
  });

  it("reuse sockets, and are never more than allowed", async () => {
    let most = 0;
    let server: ScriptedServer | undefined;
    const script: Script = () => {
      server?.openSockets().then((count) => (most = Math.max(most, count)));
      return json(RESOURCE);
    };
    await withServer(script, { socketsMax: 3 }, async (store, started) => {
      server = started;
      await Promise.all(Array.from({ length: 30 }, () => store.head("k")));
      expect(started.seen).toHaveLength(30);
      expect(most).toBe(3);
    });
  });

  it("tell the store's clock and what it says of the object", async () => {
    const headers = {
      date: DATE,
      "x-goog-generation": "1700000000000001",
      "last-modified": "Thu, 15 Jan 2026 10:30:20 GMT",
      "x-goog-meta-litestream-timestamp": "2026-01-15T10:29:00.5Z",
      "content-range": "bytes 90-99/100",
    };
    const got: Answer = { status: 206, headers, body: "0123456789" };
    const { body, meta } = await withServer(
      () => got,
      {},
      (store) => store.get("k", { range: { suffix: 10 } }),
    );
    expect(body.byteLength).toBe(10);
    const facts = {
      key: "k",
      timestampMs: Date.UTC(2026, 0, 15, 10, 29, 0, 500),
      serverDateMs: Date.parse(DATE),
    };
    expect(meta).toEqual({
      ...facts,
      size: 100,
      version: "1700000000000001",
      lastModifiedMs: Date.parse(headers["last-modified"]),
    });
    const metadata = { "litestream-timestamp": "2026-01-15T10:29:00.5Z", other: "1" };
    const resource = { ...RESOURCE, metadata };
    const fromJson = {
      ...facts,
      size: 4,
      version: "1713",
      lastModifiedMs: Date.parse(RESOURCE.timeCreated),
    };
    expect(
      await withServer(
        () => json(resource),
        {},
        (store) => store.head("k"),
      ),
    ).toEqual(fromJson);
    const page = () => json({ kind: "storage#objects", items: [resource] });
    await withServer(page, {}, async (store) => {
      for await (const listed of store.list("")) expect(listed).toEqual(fromJson);
    });
  });

  it("for a range are cut here when the server sends the whole object", async () => {
    const headers = { "x-goog-generation": "1" };
    const script: Script = () => ({ status: 200, headers, body: "0123456789" });
    await withServer(script, {}, async (store) => {
      const { meta, body } = await store.get("k", { range: { offset: 2, length: 3 } });
      expect(meta.size).toBe(10);
      expect(new TextDecoder().decode(body)).toBe("234");
      const beyond = store.get("k", { range: { offset: 10, length: 1 } });
      expect((await failureOf(beyond)).code).toBe("RANGE_UNSATISFIABLE");
    });
  });

  it.each([
    ["bytes 0-2/10", "012"],
    ["bytes 2-4/10", "0123"],
    ["bytes 2-5/10", "0123"],
    ["bytes */10", "012"],
    ["", "012"],
  ])("for a range are not answered by another, %s", async (contentRange, body) => {
    const headers = { "x-goog-generation": "1", "content-range": contentRange };
    const script: Script = () => ({ status: 206, headers, body });
    await withServer(script, {}, async (store) => {
      const got = store.get("k", { range: { offset: 2, length: 3 } });
      expect((await failureOf(got)).code).toBe("UNAVAILABLE");
    });
  });

  it("for what was unpacked on the way are refused", async () => {
    const headers = { "x-goog-generation": "1", "x-goog-stored-content-length": "5" };
    const error = await failure(() => ({ status: 200, headers, body: "0123456789" }), get);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain("10 bytes came of 5");
  });

  it("for what was stored compressed give the bytes that lie there", async () => {
    const headers = { "x-goog-generation": "1", "content-encoding": "gzip" };
    const bytes = new Uint8Array([0x1f, 0x8b, 1, 2, 3]);
    const script: Script = () => ({ status: 200, headers, body: bytes });
    const { body } = await withServer(script, {}, (store) => store.get("k"));
    expect([...body]).toEqual([...bytes]);
  });
});

describe("deleteMany", () => {
  it("goes on after a failure, and tells it", async () => {
    const keys = Array.from({ length: 100 }, (_, count) => `k${count}`);
    const script: Script = ({ path }) =>
      path.endsWith("/k5") ? jsonError(403, "forbidden") : { status: 204 };
    await withServer(script, {}, async (store, { seen }) => {
      const error = await failureOf(store.deleteMany(keys));
      expect(error).toMatchObject({ code: "FORBIDDEN", key: "k5", operation: "deleteMany" });
      expect(new Set(seen.map(({ path }) => path)).size).toBe(100);
    });
  });
});

describe("list", () => {
  const page = (keys: readonly string[], nextPageToken?: string): Answer => {
    const items = keys.map((name) => ({ ...RESOURCE, name }));
    return json({ kind: "storage#objects", items, nextPageToken });
  };

  it("starts after a key, which Google would list, and follows the pages", async () => {
    const script: Script = (_, count) => (count === 1 ? page(["b", "c"], "t") : page(["d"]));
    await withServer(script, {}, async (store, { seen }) => {
      expect(await keysOf(store.list("", { startAfter: "b" }))).toEqual(["c", "d"]);
      expect(seen.map(({ query }) => query.get("startOffset"))).toEqual(["b", "b"]);
      expect(seen.map(({ query }) => query.get("pageToken"))).toEqual([null, "t"]);
    });
  });

  it("knows an empty page from the end", async () => {
    const script: Script = (_, count) => (count === 1 ? page([], "t") : page(["d"]));
    await withServer(script, {}, async (store) => {
      expect(await keysOf(store.list(""))).toEqual(["d"]);
    });
  });

  it("ends when the store goes in circles", async () => {
    const error = await failure(() => page(["a"], "same"), list);
    expect(error.code).toBe("UNAVAILABLE");
  });
});
