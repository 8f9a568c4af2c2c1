import { type ObjectStore, openStore } from "@headwater/object-store";
import { openTigrisStore } from "@headwater/object-store/tigris";
import { describe, expect, it } from "vitest";
import { parseStoreUrl } from "../src/store-url.ts";
import { parseTigrisUrl } from "../src/tigris/tigris-url.ts";
import { type Answer, type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };
const BODY = new TextEncoder().encode("body");

function parse(url: string, env: Record<string, string> = {}, overrides = {}) {
  const parsed = parseStoreUrl(url);
  if (parsed === undefined) throw new Error(`not a URL: ${url}`);
  const { options, path } = parseTigrisUrl(parsed, env, overrides);
  return { ...options, path };
}

const LISTING = "<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount></ListBucketResult>";

function answer({ method, query }: SeenRequest): Answer {
  const headers = { "content-type": "application/xml", etag: '"v1"' };
  if (query.has("list-type")) return { status: 200, headers, body: LISTING };
  if (query.has("delete")) return { status: 200, headers, body: "<DeleteResult/>" };
  return { status: method === "DELETE" ? 204 : 200, headers };
}

async function everyCall(store: ObjectStore): Promise<void> {
  const condition = { type: "if-version", version: '"v1"' } as const;
  await store.put("k", BODY, { condition: { type: "if-absent" } });
  await store.put("k", BODY, { condition });
  await store.put("k", BODY, { condition: { type: "none" } });
  await store.get("k");
  await store.head("k");
  await store.delete("k", { condition });
  await store.deleteMany(["k"]);
  for await (const _ of store.list("")) throw new Error("there is nothing to list");
}

describe("tigris: URL and environment", () => {
  it("name a bucket and a path, and leave the rest to the adapter", () => {
    expect(parse("tigris://my-bucket/my/db")).toMatchObject({
      bucket: "my-bucket",
      path: "my/db",
      endpoint: undefined,
      region: undefined,
      forcePathStyle: undefined,
      credentials: undefined,
    });
  });

  it("give the endpoint: option, query, Tigris's name, Fly's name", () => {
    const fly = { AWS_ENDPOINT_URL_S3: "https://fly.storage.tigris.dev" };
    const own = { ...fly, TIGRIS_STORAGE_ENDPOINT: "https://own" };
    expect(parse("tigris://b", fly).endpoint).toBe("https://fly.storage.tigris.dev");
    expect(parse("tigris://b", own).endpoint).toBe("https://own");
    expect(parse("tigris://b?endpoint=query.dev", own).endpoint).toBe("https://query.dev");
    const overrides = { endpoint: "https://option" };
    expect(parse("tigris://b?endpoint=query.dev", own, overrides).endpoint).toBe("https://option");
    expect(parse("tigris://b", { AWS_ENDPOINT_URL: "https://any" }).endpoint).toBe("https://any");
    expect(parse("tigris://b", { LITESTREAM_S3_ENDPOINT: "https://x" }).endpoint).toBeUndefined();
  });

  it("keep the bucket in the host name, whatever the endpoint, unless told", () => {
    const fly = { AWS_ENDPOINT_URL_S3: "https://fly.storage.tigris.dev" };
    expect(parse("tigris://b", fly).forcePathStyle).toBeUndefined();
    expect(parse("tigris://b?endpoint=x.dev").forcePathStyle).toBeUndefined();
    expect(parse("tigris://b?endpoint=x.dev&forcePathStyle=true").forcePathStyle).toBe(true);
  });

  it("give keys by Tigris's names before AWS's, and no token of other keys", () => {
    const tigris = {
      TIGRIS_STORAGE_ACCESS_KEY_ID: "tid",
      TIGRIS_STORAGE_SECRET_ACCESS_KEY: "tsec",
    };
    const aws = { ...KEYS, AWS_SESSION_TOKEN: "t" };
    expect(parse("tigris://b", { ...aws, ...tigris }).credentials).toEqual({
      accessKeyId: "tid",
      secretAccessKey: "tsec",
      sessionToken: undefined,
    });
    expect(parse("tigris://b", aws).credentials).toEqual({
      accessKeyId: "a",
      secretAccessKey: "s",
      sessionToken: "t",
    });
    const half = { ...KEYS, TIGRIS_STORAGE_ACCESS_KEY_ID: "tid" };
    expect(parse("tigris://b", half).credentials).toMatchObject({ accessKeyId: "a" });
  });

  it("take a region only when it is meant for it", () => {
    expect(parse("tigris://b", { AWS_REGION: "eu-west-1" }).region).toBeUndefined();
    expect(parse("tigris://b?region=r").region).toBe("r");
  });
});

describe("a Tigris store", () => {
  it("asks for the newest state with every request, in region auto", async () => {
    await using server = await startScriptedServer(answer);
    await using store = await openTigrisStore({
      bucket: "bucket",
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: "tid", secretAccessKey: "tsec" },
    });
    await everyCall(store);
    expect(server.seen).toHaveLength(8);
    for (const { headers } of server.seen) {
      expect(headers["x-tigris-consistent"]).toBe("true");
      expect(headers.authorization).toMatch(/\/auto\/s3\/aws4_request.*x-tigris-consistent/);
    }
    const [create, swap, , , , remove] = server.seen;
    expect(create?.headers["if-none-match"]).toBe("*");
    expect(swap?.headers["if-match"]).toBe('"v1"');
    expect(remove?.headers["if-match"]).toBe('"v1"');
  });

  it("is opened by its URL, with the bucket in the host name", async () => {
    await using server = await startScriptedServer(answer);
    const endpoint = server.endpoint.replace("127.0.0.1", "localhost");
    const env = { ...KEYS, AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: "eu-west-1" };
    const { store, path } = await openStore("tigris://bucket/my/db", { env });
    await using opened = store;
    expect(path).toBe("my/db");
    expect(opened).toMatchObject({ name: "tigris://bucket", keyLayout: "s3" });
    expect(opened.supports).toMatchObject({ conditionalDelete: true, conditionsTrusted: true });
    const failure = await opened.head("k").then(
      () => undefined,
      (error: unknown) => (error as { cause: { hostname?: string } }).cause,
    );
    // Where *.localhost does not resolve, the failure names what was looked for.
    const host = server.seen[0]?.headers.host ?? failure?.hostname;
    expect(host).toMatch(/^bucket\.localhost/);
    for (const { path: key, headers } of server.seen) {
      expect(key).toBe("/k");
      expect(headers.authorization).toContain("/auto/s3/");
    }
  });

  it("is at Tigris's own endpoint unless told otherwise", async () => {
    const { store } = await openStore("tigris://bucket/db", { env: KEYS });
    expect(store.place).toBe("https://t3.storage.dev/bucket");
    await store.close();
  });
});
