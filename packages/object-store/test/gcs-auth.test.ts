import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { ObjectStoreError } from "@headwater/object-store";
import { type GcsStoreOptions, openGcsStore } from "@headwater/object-store/gcs";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type Answer, type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const IF_ABSENT = { condition: { type: "if-absent" } } as const;
const RESOURCE = { name: "k", size: "1", generation: "1", timeCreated: "2026-01-15T10:30:20Z" };
const OK: Answer = { status: 200, body: JSON.stringify(RESOURCE) };
const TOKEN = { access_token: "from-the-exchange", token_type: "Bearer", expires_in: 3600 };

const folder = await mkdtemp(join(tmpdir(), "gcs-auth-"));

afterAll(() => rm(folder, { recursive: true }));

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.doUnmock("#gcs-sdk");
  vi.resetModules();
});

async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure)) return failure;
  throw new Error(`expected an error of the store, not ${failure}`);
}

/** A store, and a place that exchanges tokens, both in one server. */
async function start(token: (count: number) => Answer = () => json(TOKEN)) {
  const exchanges: SeenRequest[] = [];
  const server = await startScriptedServer((request) => {
    if (request.path !== "/token") return OK;
    exchanges.push(request);
    return token(exchanges.length);
  });
  return { ...server, exchanges, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
}

function json(value: unknown, status = 200): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** The one kind of key file that names the server to ask: that of a workload's identity. */
async function keyFile(endpoint: string): Promise<string> {
  const subject = join(folder, "subject");
  await writeFile(subject, "the workload's own token");
  const path = join(folder, `${new URL(endpoint).port}.json`);
  const key = {
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: `${endpoint}/token`,
    credential_source: { file: subject },
  };
  await writeFile(path, JSON.stringify(key));
  return path;
}

describe("credentials of GCS", () => {
  it("come from a key file, and are exchanged once", async () => {
    // Google's library warns of key files that name a server.
    vi.spyOn(console, "warn").mockReturnValue();
    await using server = await start();
    const { endpoint, exchanges, seen } = server;
    const keyFilename = await keyFile(endpoint);
    await using store = await openGcsStore({ bucket: "b", endpoint, keyFilename });
    await Promise.all([store.head("k"), store.head("k")]);
    await store.put("k", new Uint8Array(1), IF_ABSENT);
    expect(exchanges).toHaveLength(1);
    const requests = seen.filter(({ path }) => path !== "/token");
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(
      Array.from({ length: 3 }, () => "Bearer from-the-exchange"),
    );
  });

  it("come from GOOGLE_APPLICATION_CREDENTIALS otherwise, and nothing is printed", async () => {
    const warn = vi.spyOn(console, "warn");
    const emitWarning = vi.spyOn(process, "emitWarning");
    await using server = await start();
    const { endpoint, exchanges, seen } = server;
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", await keyFile(endpoint));
    // Loopback stands for Google here, which would be asked with credentials.
    await using store = await openGcsStore({ bucket: "b", endpoint, anonymous: false });
    await store.head("k");
    expect(exchanges).toHaveLength(1);
    expect(seen.at(-1)?.headers.authorization).toBe("Bearer from-the-exchange");
    expect(warn).not.toHaveBeenCalled();
    expect(emitWarning).not.toHaveBeenCalled();
  });

  it("do not go to an emulator, also if STORAGE_EMULATOR_HOST names it", async () => {
    await using server = await start();
    const { endpoint, exchanges, seen } = server;
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", await keyFile(endpoint));
    vi.stubEnv("STORAGE_EMULATOR_HOST", new URL(endpoint).host);
    const { openStore } = await import("@headwater/object-store");
    const { path, store } = await openStore("gs://b/my/db");
    expect([path, store.name, store.keyLayout]).toEqual(["my/db", "gs://b", "path"]);
    await store.head("k");
    await store.close();
    expect(exchanges).toHaveLength(0);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.path).toBe("/storage/v1/b/b/o/k");
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it("can be computed", async () => {
    await using server = await start();
    const { endpoint, seen } = server;
    let count = 0;
    const accessToken = async () => {
      count += 1;
      return `computed ${count}`;
    };
    await using store = await openGcsStore({ bucket: "b", endpoint, accessToken });
    await store.head("k");
    await store.head("k");
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer computed 1",
      "Bearer computed 2",
    ]);
  });

  it("that are refused are UNAUTHENTICATED, and no request goes out", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const refusal = { error: "invalid_grant", error_description: "not yours" };
    await using server = await start(() => json(refusal, 400));
    const { endpoint, seen } = server;
    const keyFilename = await keyFile(endpoint);
    await using store = await openGcsStore({ bucket: "b", endpoint, keyFilename });
    const error = await failureOf(store.put("k", new Uint8Array(1), IF_ABSENT));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).toContain("invalid_grant");
    expect(seen.every(({ path }) => path === "/token")).toBe(true);
  });

  it("that cannot be had just now are UNAVAILABLE, also for a conditional call", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    await using server = await start();
    const keyFilename = await keyFile("http://127.0.0.1:1");
    const { endpoint, seen } = server;
    await using store = await openGcsStore({ bucket: "b", endpoint, keyFilename });
    const error = await failureOf(store.put("k", new Uint8Array(1), IF_ABSENT));
    expect(error.code).toBe("UNAVAILABLE");
    expect(error.message).toContain("ECONNREFUSED");
    expect(seen).toHaveLength(0);
  });

  it("are in no error either, however deep one looks into it", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    for (const status of [400, 503]) {
      await using server = await start(() => json({}, status));
      const keyFilename = await keyFile(server.endpoint);
      await using store = await openGcsStore({
        bucket: "b",
        endpoint: server.endpoint,
        keyFilename,
      });
      const shown = inspect(await failureOf(store.head("k")), { depth: 20 });
      expect(shown).toContain("no token");
      expect(shown).not.toContain("the workload's own token");
    }
  });

  it("that cannot be renewed are used to their end", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const briefly = json({ ...TOKEN, expires_in: 60 });
    await using server = await start((count) => (count === 1 ? briefly : json({}, 400)));
    const { endpoint, exchanges, seen } = server;
    const keyFilename = await keyFile(endpoint);
    await using store = await openGcsStore({ bucket: "b", endpoint, keyFilename });
    for (let call = 0; call < 3; call += 1) await store.head("k");
    expect(exchanges.length).toBeGreaterThan(1);
    const later = Date.now() + 61_000;
    vi.spyOn(Date, "now").mockReturnValue(later);
    expect((await failureOf(store.head("k"))).code).toBe("UNAUTHENTICATED");
    expect(seen.filter(({ path }) => path !== "/token")).toHaveLength(3);
  });

  it("that do not come do not hold back an abort", async () => {
    const accessToken = () => new Promise<string>(() => undefined);
    const options: GcsStoreOptions = { bucket: "b", accessToken };
    await using store = await openGcsStore(options);
    const controller = new AbortController();
    const reason = new Error("stop");
    const outcome = store.head("k", { signal: controller.signal });
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
  });

  it("that are nowhere to be found say where they may come from", async () => {
    const accessToken = async () => {
      throw new Error("Could not load the default credentials. Browse to https://... for more.");
    };
    await using store = await openGcsStore({ bucket: "b", accessToken });
    const error = await failureOf(store.head("k"));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).toContain("GOOGLE_APPLICATION_CREDENTIALS");
  });
});

describe("a service account", () => {
  it("with a key that is none is UNAUTHENTICATED, without showing or printing it", async () => {
    const warn = vi.spyOn(console, "warn");
    const credentials = { client_email: "a@b", private_key: "verysecret" };
    await using store = await openGcsStore({ bucket: "b", credentials });
    const error = await failureOf(store.head("k"));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).not.toContain("verysecret");
    expect(warn).not.toHaveBeenCalled();
  });

  it("goes to the SDK as it is, whose headers are sent, whatever their form", async () => {
    const asked: string[] = [];
    vi.doMock("#gcs-sdk", () => {
      class Storage {
        readonly authClient = {
          jsonContent: null as { readonly client_email?: string } | null,
          async getRequestHeaders() {
            asked.push(this.jsonContent?.client_email ?? "nobody");
            // As before version 10 of Google's library.
            return { Authorization: "Bearer plain" };
          },
        };
      }
      return { sdk: { Storage } };
    });
    vi.resetModules();
    const { openGcsStore: open } = await import("@headwater/object-store/gcs");
    await using server = await start();
    const { endpoint, seen } = server;
    const credentials = { client_email: "a@b", private_key: "pem" };
    await using store = await open({ bucket: "b", endpoint, credentials });
    await store.head("k");
    expect(asked).toEqual(["a@b"]);
    expect(seen[0]?.headers.authorization).toBe("Bearer plain");
  });
});

describe("openGcsStore", () => {
  it("names a key file that cannot be used, and shows nothing of it", async () => {
    const missing = join(folder, "missing.json");
    const error = await failureOf(openGcsStore({ bucket: "b", keyFilename: missing }));
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(error.message).toContain(`${missing} cannot be read`);
    const broken = join(folder, "broken.json");
    await writeFile(broken, '{"private_key": "verysecret" oops');
    const second = await failureOf(openGcsStore({ bucket: "b", keyFilename: broken }));
    expect(second.code).toBe("CONFIG_INVALID");
    expect(second.message).toContain(`${broken} is not JSON`);
    expect(`${second.message} ${second.cause}`).not.toContain("verysecret");
  });

  it("refuses options that make no sense", async () => {
    expect((await failureOf(openGcsStore({ bucket: "" }))).code).toBe("CONFIG_INVALID");
  });

  it("without the SDK says what to install, unless it is not needed", async () => {
    vi.doMock("#gcs-sdk", () => {
      throw new Error("Cannot find package");
    });
    vi.resetModules();
    const { openGcsStore: open } = await import("@headwater/object-store/gcs");
    const error = await failureOf(open({ bucket: "b" }));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain("npm install @google-cloud/storage");
    await using server = await start();
    await using store = await open({ bucket: "b", endpoint: server.endpoint });
    await store.head("k");
  });
});
