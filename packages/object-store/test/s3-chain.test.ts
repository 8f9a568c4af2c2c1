/** Keys that are neither in the options nor in the environment, as AWS's own tools find them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@headwater/object-store";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withEnvironment } from "../src/s3/s3-options.ts";
import { CREDENTIALS, failureOf } from "./scripted-s3.ts";
import { type Answer, startScriptedServer } from "./scripted-server.ts";

const folder = mkdtempSync(join(tmpdir(), "s3-chain-"));
afterAll(() => rmSync(folder, { recursive: true }));

const NONE = join(folder, "none");
const OBJECT: Answer = { status: 200, headers: { etag: '"v"' } };

beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (/^(AWS|LITESTREAM)_/.test(name)) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", NONE);
  vi.stubEnv("AWS_CONFIG_FILE", NONE);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** `head` sends one request, and gives the key that it was signed with, and its token. */
async function withHeads(work: (head: () => Promise<string>) => Promise<void>): Promise<void> {
  await using server = await startScriptedServer(() => OBJECT);
  const { endpoint } = server;
  await using store = await openS3Store({ bucket: "b", endpoint, region: "us-east-1" });
  await work(async () => {
    await store.head("k");
    const { authorization, "x-amz-security-token": token } = server.seen.at(-1)?.headers ?? {};
    return `${/Credential=(\w+)\//.exec(authorization ?? "")?.[1]} ${token ?? "-"}`;
  });
}

async function signers(count: number): Promise<string[]> {
  const found: string[] = [];
  await withHeads(async (head) => {
    for (let call = 0; call < count; call += 1) found.push(await head());
  });
  return found;
}

function profile(name: string, id: string): void {
  const file = join(folder, `credentials of ${id}`);
  writeFileSync(file, `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key = s\n`);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file);
}

describe("the environment", () => {
  const open = (env: Record<string, string>, options: Partial<S3StoreOptions> = {}) => {
    return openS3Store({ bucket: "b", credentials: CREDENTIALS, ...options, env });
  };

  it("names an endpoint where the options name none", async () => {
    await using server = await startScriptedServer(() => OBJECT);
    const { endpoint } = server;
    const nowhere = "http://no-such-host.invalid";
    for (const [env, options] of [
      [{ AWS_ENDPOINT_URL_S3: endpoint, AWS_ENDPOINT_URL: nowhere }, {}],
      [{ AWS_ENDPOINT_URL_S3: "", AWS_ENDPOINT_URL: endpoint }, {}],
      [{ AWS_ENDPOINT_URL_S3: nowhere }, { endpoint }],
    ] as const) {
      await using store = await open(env, options);
      await store.head("k");
    }
    expect(server.seen.map(({ path }) => path)).toEqual(["/b/k", "/b/k", "/b/k"]);
  });

  it("asks for hosts of other kinds", () => {
    const env = { AWS_USE_FIPS_ENDPOINT: "true", AWS_USE_DUALSTACK_ENDPOINT: "true" };
    expect(withEnvironment({ bucket: "b" }, env)).toMatchObject({ fips: true, dualStack: true });
    expect(withEnvironment({ bucket: "b", fips: false }, env).fips).toBe(false);
    expect(withEnvironment({ bucket: "b" }, {})).toMatchObject({ fips: false, dualStack: false });
  });
});

describe("keys for S3", () => {
  it("come from the environment, with their token", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "ENV");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s");
    expect(await signers(1)).toEqual(["ENV -"]);
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    expect(await signers(1)).toEqual(["ENV token"]);
  });

  it("come from the profile that is named, before the environment", async () => {
    profile("own", "PROFILE");
    vi.stubEnv("AWS_PROFILE", "own");
    vi.stubEnv("AWS_ACCESS_KEY_ID", "ENV");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s");
    const silent = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(await signers(1)).toEqual(["PROFILE -"]);
    silent.mockRestore();
  });

  it("come from the default profile", async () => {
    profile("default", "DEFAULT");
    expect(await signers(2)).toEqual(["DEFAULT -", "DEFAULT -"]);
  });

  it("come from the container, and again before they expire", async () => {
    let asked = 0;
    await using box = await startScriptedServer(() => {
      asked += 1;
      const Expiration = new Date(Date.now() + (asked === 1 ? 60_000 : 3_600_000)).toISOString();
      const body = { AccessKeyId: `BOX${asked}`, SecretAccessKey: "s", Token: "t", Expiration };
      const headers = { "content-type": "application/json" };
      return { status: 200, headers, body: JSON.stringify(body) };
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `${box.endpoint}/keys`);
    await withHeads(async (head) => {
      expect(await head()).toBe("BOX1 t");
      // The old ones are good until the new ones are there.
      await vi.waitFor(async () => expect(await head()).toBe("BOX2 t"));
      for (let call = 0; call < 3; call += 1) expect(await head()).toBe("BOX2 t");
      expect(asked).toBe(2);
    });
  });

  it("come from a web identity, at the STS of the store's region", async () => {
    const token = join(folder, "token");
    writeFileSync(token, "a.b.c");
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const inner =
      "<Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>" +
      `<SessionToken>t</SessionToken><Expiration>${end}</Expiration></Credentials>`;
    const result = `<AssumeRoleWithWebIdentityResult>${inner}</AssumeRoleWithWebIdentityResult>`;
    const body =
      '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
      `${result}</AssumeRoleWithWebIdentityResponse>`;
    const headers = { "content-type": "text/xml" };
    await using sts = await startScriptedServer(() => ({ status: 200, headers, body }));
    vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.endpoint);
    vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader");
    expect(await signers(2)).toEqual(["ROLE t", "ROLE t"]);
    expect(sts.seen).toHaveLength(1);
    expect(sts.seen[0]?.body.toString()).toContain("a.b.c");
  });

  it("are looked for again by the next request, when there were none", async () => {
    await using server = await startScriptedServer(() => OBJECT);
    const { store } = await openStore("s3://b/db", { endpoint: server.endpoint });
    const failure = await failureOf(store.head("k"));
    expect(failure.code).toBe("UNAUTHENTICATED");
    expect(failure.message).toContain("AWS_ACCESS_KEY_ID");
    expect(server.seen).toEqual([]);
    await store.close();
  });
});
