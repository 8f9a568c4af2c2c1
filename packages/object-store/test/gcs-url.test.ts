import { describe, expect, it } from "vitest";
import { gcsOptionsProblem, isAnonymous } from "../src/gcs/gcs-options.ts";
import { type GcsOverrides, parseGcsUrl } from "../src/gcs/gcs-url.ts";
import { parseStoreUrl } from "../src/store-url.ts";

function parse(url: string, env: Record<string, string> = {}, overrides: GcsOverrides = {}) {
  const parsed = parseStoreUrl(url);
  if (parsed === undefined) throw new Error(`not a URL: ${url}`);
  const { options, path } = parseGcsUrl(parsed, env, overrides);
  return { ...options, path, isAnonymous: isAnonymous(options) };
}

describe("gs: URL", () => {
  it("names a bucket of Google's and a path, with Google's credentials", () => {
    expect(parse("gs://bucket/my/db")).toEqual({
      bucket: "bucket",
      path: "my/db",
      endpoint: undefined,
      anonymous: undefined,
      credentials: undefined,
      keyFilename: undefined,
      isAnonymous: false,
    });
    expect(parse("gs://my.dotted.bucket").path).toBe("");
    expect(parse("gs://bucket/").path).toBe("");
  });

  it.each([
    ["localhost:9000", "http://localhost:9000"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
    ["https://gcs.example.com/base", "https://gcs.example.com/base"],
  ])("takes the endpoint %s for an emulator, without credentials", (endpoint, expected) => {
    const read = parse(`gs://b/db?endpoint=${encodeURIComponent(endpoint)}`);
    expect(read).toMatchObject({ endpoint: expected, isAnonymous: true });
  });

  it("sends credentials to Google's other names too", () => {
    const url = "gs://b/db?endpoint=https://storage-eu.p.googleapis.com";
    expect(parse(url).isAnonymous).toBe(false);
    expect(parse("gs://b/db?endpoint=https://notgoogleapis.com").isAnonymous).toBe(true);
    expect(parse("gs://b/db?endpoint=http://storage.googleapis.com").isAnonymous).toBe(true);
  });

  it("takes no keys from the URL", () => {
    expect(JSON.stringify(parse("gs://mail:secret@bucket/db"))).not.toMatch(/secret/);
    const keys = () => parse("gs://bucket/db?privateKey=secret");
    expect(keys).toThrow(/a name "privateKey" that means nothing; there is endpoint/);
    expect(keys).not.toThrow(/secret/);
  });

  it("refuses a misspelt endpoint, which would be Google", () => {
    expect(() => parse("gs://bucket/db?endpiont=http://localhost:4443")).toThrow(RangeError);
  });
});

describe("gs: environment", () => {
  it.each([
    ["127.0.0.1:9399", "http://127.0.0.1:9399"],
    ["http://emulator:80", "http://emulator:80"],
    ["https://emulator", "https://emulator"],
  ])("STORAGE_EMULATOR_HOST=%s is an emulator, and gets no credentials", (host, endpoint) => {
    const overrides = { keyFilename: "key.json" };
    const read = parse("gs://b/db", { STORAGE_EMULATOR_HOST: host }, overrides);
    expect(read).toMatchObject({ endpoint, anonymous: true, isAnonymous: true });
    expect(gcsOptionsProblem(read)).toBeUndefined();
  });

  it("comes after the URL, and both after options of the call", () => {
    const env = { STORAGE_EMULATOR_HOST: "emulator:1" };
    expect(parse("gs://b?endpoint=http://url:2", env).endpoint).toBe("http://url:2");
    const overrides = { endpoint: "http://option:3", anonymous: true };
    expect(parse("gs://b?endpoint=http://url:2", env, overrides)).toMatchObject({
      endpoint: "http://option:3",
      anonymous: true,
    });
    expect(parse("gs://b", { STORAGE_EMULATOR_HOST: "" }).endpoint).toBeUndefined();
  });
});

describe("gs: options", () => {
  it("make a service account of two", () => {
    const read = parse("gs://b", {}, { clientEmail: "a@b", privateKey: "k" });
    expect(read.credentials).toEqual({ client_email: "a@b", private_key: "k" });
    expect(read.isAnonymous).toBe(false);
    expect(() => parse("gs://b", {}, { clientEmail: "a@b" })).toThrow(RangeError);
    expect(() => parse("gs://b", {}, { privateKey: "k" })).toThrow(RangeError);
  });

  it.each([
    [{ bucket: "" }, /bucket name is empty/],
    [{ bucket: "has space" }, /no bucket name/],
    [{ bucket: "host:80" }, /no bucket name/],
    [{ bucket: "b", endpoint: "ftp://host" }, /no http: or https: URL/],
    [{ bucket: "b", endpoint: "localhost:9000" }, /no http: or https: URL/],
    [{ bucket: "b", keyFilename: "" }, /name of the key file is empty/],
    [{ bucket: "b", keyFilename: "k", anonymous: true }, /one of anonymous and keyFilename/],
    [{ bucket: "b", credentials: { client_email: "a", private_key: "" } }, /is empty/],
    [{ bucket: "b", endpoint: "http://far", keyFilename: "k" }, /to far unprotected/],
  ])("%j are refused", (options, message) => {
    expect(gcsOptionsProblem(options)).toMatch(message);
  });

  it.each([
    [{ bucket: "b" }],
    [{ bucket: "b", keyFilename: "k" }],
    [{ bucket: "b", endpoint: "http://127.0.0.1:9", keyFilename: "k" }],
    [{ bucket: "b", endpoint: "http://[::1]:9", keyFilename: "k" }],
    [{ bucket: "b", endpoint: "http://far" }],
    [{ bucket: "b", endpoint: "https://far", keyFilename: "k", anonymous: false }],
  ])("%j make sense", (options) => {
    expect(gcsOptionsProblem(options)).toBeUndefined();
  });
});
