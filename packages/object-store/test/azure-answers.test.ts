import { type AddressInfo, createServer } from "node:net";
import type { AzureStoreOptions } from "@headwater/object-store/azure";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  BODY,
  type Call,
  create,
  errorAnswer,
  failure,
  failureOf,
  get,
  head,
  IF_ABSENT,
  KEY,
  list,
  put,
  remove,
  removeVersion,
  type Script,
  swap,
  withServer,
  XML,
} from "./scripted-azure.ts";
import { type Answer, startScriptedServer } from "./scripted-server.ts";

describe("answers of Azure that name an error", () => {
  it.each<readonly [number, string, Call, string]>([
    [404, "BlobNotFound", get, "OBJECT_NOT_FOUND"],
    [404, "BlobNotFound", head, "OBJECT_NOT_FOUND"],
    [404, "BlobNotFound", swap, "OBJECT_CHANGED"],
    [404, "BlobNotFound", removeVersion, "OBJECT_CHANGED"],
    [404, "ContainerNotFound", get, "CONFIG_INVALID"],
    [404, "ContainerNotFound", head, "CONFIG_INVALID"],
    [404, "ContainerNotFound", create, "CONFIG_INVALID"],
    [404, "ContainerNotFound", list, "CONFIG_INVALID"],
    [404, "ContainerNotFound", remove, "CONFIG_INVALID"],
    [409, "ContainerBeingDeleted", put, "CONFIG_INVALID"],
    [400, "InvalidResourceName", get, "CONFIG_INVALID"],
    [409, "BlobAlreadyExists", create, "OBJECT_EXISTS"],
    [412, "ConditionNotMet", create, "OBJECT_EXISTS"],
    [412, "ConditionNotMet", swap, "OBJECT_CHANGED"],
    [412, "ConditionNotMet", removeVersion, "OBJECT_CHANGED"],
    [412, "LeaseIdMissing", create, "FORBIDDEN"],
    [412, "LeaseIdMissing", swap, "FORBIDDEN"],
    [412, "LeaseIdMissing", remove, "FORBIDDEN"],
    [416, "InvalidRange", get, "RANGE_UNSATISFIABLE"],
    [409, "BlobArchived", get, "UNSUPPORTED"],
    [409, "BlobBeingRehydrated", get, "UNSUPPORTED"],
    [409, "BlobImmutableDueToPolicy", remove, "FORBIDDEN"],
    [409, "SnapshotsPresent", remove, "FORBIDDEN"],
    [403, "AuthenticationFailed", get, "UNAUTHENTICATED"],
    [403, "KeyBasedAuthenticationNotPermitted", get, "UNAUTHENTICATED"],
    [401, "NoAuthenticationInformation", put, "UNAUTHENTICATED"],
    [401, "InvalidAuthenticationInfo", put, "UNAUTHENTICATED"],
    [403, "AuthorizationFailure", get, "FORBIDDEN"],
    [403, "AuthorizationPermissionMismatch", put, "FORBIDDEN"],
    [403, "AuthorizationSourceIPMismatch", list, "FORBIDDEN"],
    [403, "UnauthorizedBlobOverwrite", put, "FORBIDDEN"],
    [403, "SomethingNew", put, "FORBIDDEN"],
    [400, "SomethingNew", put, "CONFIG_INVALID"],
    [409, "SomethingNew", create, "CONFIG_INVALID"],
    [413, "RequestBodyTooLarge", put, "UNSUPPORTED"],
    [400, "Md5Mismatch", create, "UNAVAILABLE"],
    [503, "ServerBusy", create, "THROTTLED"],
    [503, "ServerBusy", get, "THROTTLED"],
    [429, "TooManyRequests", get, "THROTTLED"],
    [503, "Unnamed", create, "UNAVAILABLE"],
    [500, "OperationTimedOut", get, "UNAVAILABLE"],
    [500, "OperationTimedOut", put, "UNAVAILABLE"],
    [500, "OperationTimedOut", create, "OUTCOME_UNKNOWN"],
    [500, "InternalError", get, "UNAVAILABLE"],
    [500, "InternalError", list, "UNAVAILABLE"],
    [500, "InternalError", create, "OUTCOME_UNKNOWN"],
    [500, "InternalError", swap, "OUTCOME_UNKNOWN"],
    [500, "InternalError", removeVersion, "OUTCOME_UNKNOWN"],
    [502, "BadGateway", create, "OUTCOME_UNKNOWN"],
  ])("%i %s", async (status, name, call, code) => {
    const script: Script = () => errorAnswer(status, name);
    await withServer(script, {}, async (store, seen) => {
      expect((await failureOf(call(store))).code).toBe(code);
      // The SDK's own retries are off.
      expect(seen).toHaveLength(1);
    });
  });

  it("say in words what to do about it", async () => {
    const none = await failure(() => errorAnswer(404, "ContainerNotFound"), get);
    expect(none.message).toMatch(/container container does not exist at 127\.0\.0\.1:\d+$/);
    const late = "Server failed to authenticate.\nRequest date header too old: 'then'";
    const clock = await failure(() => errorAnswer(403, "AuthenticationFailed", late), get);
    expect(clock.message).toContain("clock of this machine");
    const key = await failure(() => errorAnswer(403, "AuthenticationFailed"), get);
    expect(key.message).toContain("account key");
    const wait = { "retry-after": "7" };
    const busy = await failure(() => errorAnswer(503, "ServerBusy", "told", wait), get);
    expect(busy.retryAfterMs).toBe(7_000);
  });

  it("that only a gateway gives say nothing of whether it happened", async () => {
    const gateway: Script = () => ({ status: 503, body: "upstream connect error or disconnect" });
    expect((await failure(gateway, create)).code).toBe("OUTCOME_UNKNOWN");
    expect((await failure(gateway, get)).code).toBe("UNAVAILABLE");
  });

  it("never show a key or a signature", async () => {
    const message = "see https://h/k?sv=2026&amp;sig=abcdef\nRequestId: 1";
    const sasToken = "?sv=2026&sig=verysecretsignature";
    for (const options of [{}, { sasToken, accountKey: undefined }]) {
      const error = await failure(() => errorAnswer(400, "Odd", message), get, options);
      expect(error.message).toContain("Odd: see https://h/k");
      expect(`${error.message} ${error.store}`).not.toMatch(/secret|abcdef|RequestId/);
      expect(error.message).not.toContain(KEY);
    }
  });
});

describe("answers that are not Azure's", () => {
  const page = "<html><body>Not here</body></html>";
  const html = { "content-type": "text/html" };

  it.each<readonly [string, Call, Answer]>([
    ["404 page for get", get, { status: 404, headers: html, body: page }],
    ["404 page for put", put, { status: 404, headers: html, body: page }],
    ["404 page for list", list, { status: 404, headers: html, body: page }],
    ["200 page for list", list, { status: 200, headers: html, body: page }],
    ["200 page for get", get, { status: 200, headers: html, body: page }],
    ["200 page for head", head, { status: 200, headers: html }],
    ["201 without ETag for put", put, { status: 201 }],
    ["301 to elsewhere", get, { status: 301, headers: { location: "http://h.invalid/" } }],
  ])("%s is a mistake of the configuration, not an empty store", async (_name, call, answer) => {
    expect((await failure(() => answer, call)).code).toBe("CONFIG_INVALID");
  });

  it("leave no socket open, whatever was in them", async () => {
    const answer: Answer = { status: 200, headers: html, body: page, instead: "stall" };
    await withServer(
      () => answer,
      {},
      async (store, _, server) => {
        expect((await failureOf(get(store))).code).toBe("CONFIG_INVALID");
        await vi.waitUntil(async () => (await server.openSockets()) === 0);
      },
    );
  });

  it("a listing that breaks off is not a short one", async () => {
    const cut = '<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name>a</Name></Blob>';
    const { code } = await failure(() => ({ status: 200, headers: XML, body: cut }), list);
    expect(code).toBe("UNAVAILABLE");
  });

  it("a bare 404 for delete means that nothing is there", async () => {
    await withServer(
      () => ({ status: 404 }),
      {},
      (store) => store.delete("k"),
    );
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
    const refused = await failure(reset, create, { endpoint: `${endpoint}/account` });
    expect(refused.code).toBe("UNAVAILABLE");
    expect(refused.message).toContain(new URL(endpoint).host);
    const unknown = await failure(reset, create, { endpoint: "http://no-such-host.invalid" });
    expect(unknown.code).toBe("UNAVAILABLE");
    expect(unknown.message).toContain("no-such-host.invalid");
  });

  it("that are never made end in time, and nothing happened", async () => {
    // It takes connections, and says nothing to those who would speak TLS.
    const mute = createServer((socket) => socket.on("error", () => undefined).resume());
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const endpoint = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const error = await failure(silent, create, { endpoint, connectMsMax: 150 });
    expect(error.code).toBe("UNAVAILABLE");
    expect(error.message).toContain("cannot reach");
    await new Promise((resolve) => mute.close(resolve));
  });

  it("in the middle of a body are no shorter body", async () => {
    const headers = { "content-length": "100", etag: '"v"' };
    const script: Script = () => ({ status: 200, headers, body: "only this" });
    await withServer(script, {}, async (store, seen) => {
      expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
      // The SDK would ask for the rest by itself.
      expect(seen).toHaveLength(1);
    });
  });

  it("do not matter to an aborted call: it gives the reason, and ends its socket", async () => {
    const headers = { "content-length": "100000", etag: '"v"' };
    const stall: Script = () => ({ status: 200, headers, body: "begun", instead: "stall" });
    for (const script of [silent, stall]) {
      await withServer(script, {}, async (store, _, server) => {
        for (const call of [
          (signal: AbortSignal) => store.put("k", BODY, { ...IF_ABSENT, signal }),
          (signal: AbortSignal) => store.get("k", { signal }),
          (signal: AbortSignal) => store.deleteMany(["k", "l"], { signal }),
          (signal: AbortSignal) => store.list("", { signal })[Symbol.asyncIterator]().next(),
        ]) {
          const reason = new Error("stop");
          const controller = new AbortController();
          setTimeout(() => controller.abort(reason), 50);
          await expect(call(controller.signal)).rejects.toBe(reason);
        }
        await vi.waitUntil(async () => (await server.openSockets()) === 0);
      });
    }
  });
});

describe("openAzureStore", () => {
  afterEach(() => {
    vi.doUnmock("@azure/storage-blob");
    vi.doUnmock("@azure/identity");
    vi.resetModules();
  });

  const missing = () => {
    throw new Error("Cannot find package");
  };

  it.each<readonly [string, Partial<AzureStoreOptions>]>([
    ["@azure/storage-blob", { accountKey: KEY }],
    ["@azure/identity", {}],
  ])("without %s says what to install", async (name, options) => {
    vi.doMock(name, missing);
    vi.resetModules();
    const { openAzureStore: open } = await import("@headwater/object-store/azure");
    const error = await failureOf(open({ account: "a", container: "container", ...options }));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(`npm install ${name}`);
  });

  it("without a key or a login says what to give", async () => {
    vi.doMock("@azure/identity", () => ({
      DefaultAzureCredential: class {
        async getToken() {
          throw Object.assign(new Error("az is not there"), { name: "CredentialUnavailableError" });
        }
      },
    }));
    vi.resetModules();
    const { openAzureStore: open } = await import("@headwater/object-store/azure");
    const endpoint = "https://127.0.0.1:9";
    await using store = await open({ account: "a", container: "container", endpoint });
    const error = await failureOf(store.put("k", BODY, IF_ABSENT));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).toContain("account key");
    const plain = { account: "a", container: "container", endpoint: "http://127.0.0.1:9" };
    await using unsafe = await open(plain);
    expect(await failureOf(unsafe.head("k"))).toMatchObject({ code: "CONFIG_INVALID" });
  });
});
