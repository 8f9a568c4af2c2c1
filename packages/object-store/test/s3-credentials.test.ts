import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, ObjectStoreError, openStore } from "@headwater/object-store";
import { openS3Store, type S3Credentials } from "@headwater/object-store/s3";
import { afterAll, describe, expect, it } from "vitest";
import { type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const folder = mkdtempSync(join(tmpdir(), "s3-credentials-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KEYS = `accessKeyId: "ID" + calls, secretAccessKey: "s"`;
const HOUR_MS = 3_600_000;
let count = 0;

function moduleOf(code: string): string {
  count += 1;
  const path = join(folder, `credentials-${count}.mjs`);
  writeFileSync(path, `let calls = 0; ${code}`);
  return path;
}

const computing = (fields: string) =>
  moduleOf(`export default async (options) => { calls += 1; return { ${KEYS}, ${fields} } }`);

/** The key that each request was signed with, and the token that came with it. */
function signers(seen: readonly SeenRequest[]): string[] {
  return seen.map(({ headers }) => {
    const id = /Credential=(\w+)\//.exec(headers.authorization ?? "")?.[1];
    return `${id} ${headers["x-amz-security-token"] ?? "-"}`;
  });
}

async function withStore<Result>(
  module: string,
  work: (store: ObjectStore, seen: readonly SeenRequest[]) => Promise<Result>,
  scheme = "s3",
): Promise<Result> {
  const headers = { etag: '"v"' };
  await using server = await startScriptedServer(() => ({ status: 200, headers }));
  const { endpoint } = server;
  const credentials = { module, options: { token: "T" } };
  const env = { AWS_ACCESS_KEY_ID: "never", AWS_SECRET_ACCESS_KEY: "never" };
  const options = { endpoint, credentials, region: "r", forcePathStyle: true, env };
  const { store } = await openStore(`${scheme}://bucket/db`, options);
  await using opened = store;
  return await work(opened, server.seen);
}

async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure)) return failure;
  throw new Error(`expected an error of the store, not ${failure}`);
}

describe("computed credentials", () => {
  it.each(["s3", "tigris"])("of a module sign the requests of %s:", async (scheme) => {
    await withStore(
      computing("sessionToken: options.token"),
      async (store, seen) => {
        for (let call = 0; call < 3; call += 1) await store.head("k");
        expect(signers(seen)).toEqual(["ID1 T", "ID1 T", "ID1 T"]);
      },
      scheme,
    );
  });

  it("are asked for again when they are about to expire, and not before", async () => {
    const later = computing(`expiration: new Date(Date.now() + ${HOUR_MS})`);
    await withStore(later, async (store, seen) => {
      for (let call = 0; call < 3; call += 1) await store.head("k");
      expect(signers(seen)).toEqual(["ID1 -", "ID1 -", "ID1 -"]);
    });
    await withStore(computing("expiration: new Date(Date.now() + 60_000)"), async (store, seen) => {
      for (let call = 0; call < 3; call += 1) await store.head("k");
      const ids = signers(seen).map((signer) => Number(/\d+/.exec(signer)?.[0]));
      expect(new Set(ids).size).toBe(3);
    });
  });

  it("that cannot be had count as a request that was not sent", async () => {
    const module = moduleOf("export default () => { throw new Error('the vault is shut') }");
    await withStore(module, async (store, seen) => {
      const condition = { type: "if-absent" } as const;
      for (const call of [store.head("k"), store.put("k", new Uint8Array(1), { condition })]) {
        const error = await failureOf(call);
        expect(error.code).toBe("UNAVAILABLE");
        expect(error.message).toMatch(/credentials for bucket bucket could not be had: the vault/);
      }
      expect(seen).toEqual([]);
    });
  });

  it("of a function that failed are asked for again by the next request", async () => {
    let calls = 0;
    const headers = { etag: '"v"' };
    await using server = await startScriptedServer(() => ({ status: 200, headers }));
    await using store = await openS3Store({
      bucket: "bucket",
      endpoint: server.endpoint,
      credentials: async () => {
        calls += 1;
        if (calls === 1) throw new Error("not yet");
        return { accessKeyId: "ID2", secretAccessKey: "s", expiration: undefined };
      },
    });
    expect((await failureOf(store.head("k"))).code).toBe("UNAVAILABLE");
    await store.head("k");
    expect(signers(server.seen)).toEqual(["ID2 -"]);
  });

  it("are computed once for all who wait, of whom one may stop waiting", async () => {
    let calls = 0;
    let give: (keys: S3Credentials) => void = () => undefined;
    const headers = { etag: '"v"' };
    await using server = await startScriptedServer(() => ({ status: 200, headers }));
    await using store = await openS3Store({
      bucket: "bucket",
      endpoint: server.endpoint,
      credentials: () => {
        calls += 1;
        return new Promise((resolve) => {
          give = resolve;
        });
      },
    });
    const stop = new AbortController();
    const stopped = store.head("k", { signal: stop.signal });
    const others = Array.from({ length: 5 }, () => store.head("k"));
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    expect(server.seen).toEqual([]);
    give({ accessKeyId: "ID7", secretAccessKey: "s" });
    await Promise.all(others);
    expect(calls).toBe(1);
    expect(signers(server.seen)).toEqual(Array.from({ length: 5 }, () => "ID7 -"));
  });

  it.each([
    "7",
    "null",
    "{}",
    '{ accessKeyId: "a" }',
    '{ accessKeyId: "a", secretAccessKey: "" }',
    '{ accessKeyId: "a", secretAccessKey: "s", sessionToken: 7 }',
    '{ accessKeyId: "a", secretAccessKey: "s", expiration: "2030-01-01" }',
    '{ accessKeyId: "a", secretAccessKey: "s", expiration: new Date(NaN) }',
  ])("in the shape %s are refused, with the right one", async (value) => {
    await withStore(moduleOf(`export default () => (${value})`), async (store, seen) => {
      const error = await failureOf(store.head("k"));
      expect(error.code).toBe("CONFIG_INVALID");
      expect(error.message).toContain(
        "{ accessKeyId, secretAccessKey, sessionToken?, expiration? }",
      );
      expect(seen).toEqual([]);
    });
  });

  it("of a module that cannot be loaded are refused at once", async () => {
    const call = withStore(join(folder, "missing.mjs"), async () => undefined);
    expect((await failureOf(call)).message).toMatch(/missing\.mjs cannot be used: it cannot be/);
  });
});
