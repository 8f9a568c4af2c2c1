import { describe, expect, it } from "vitest";
import { quirksOf } from "../src/s3/quirks.ts";
import type { S3Overrides } from "../src/s3/s3-url.ts";
import { parseS3Url } from "../src/s3/s3-url.ts";
import { parseStoreUrl } from "../src/store-url.ts";

function parse(url: string, env: Record<string, string> = {}, overrides: S3Overrides = {}) {
  const parsed = parseStoreUrl(url);
  if (parsed === undefined) throw new Error(`not a URL: ${url}`);
  const { options, path } = parseS3Url(parsed, env, overrides);
  return { ...options, path };
}

describe("s3: URL", () => {
  it("refuses a name in its query that means nothing, and shows no value", () => {
    const misspelt = () => parse("s3://bucket/db?endpont=https://minio.example/secret");
    expect(misspelt).toThrow(RangeError);
    expect(misspelt).toThrow(/a name "endpont" that means nothing; there are endpoint, region, /);
    expect(misspelt).not.toThrow(/secret/);
    const key = () => parse("s3://bucket/db?wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    expect(key).toThrow(/has a name that means nothing/);
    expect(() => parse("s3://bucket/db?part-size=5242880&concurrency=4")).not.toThrow();
  });

  it.each(["localhost:9000", "1.2.3.4:9000", "10.0.0.1", "[::1]:9000"])(
    "refuses the server %s in place of a bucket, and says where it belongs",
    (host) => expect(() => parse(`s3://${host}/bucket/db`)).toThrow(/BUCKET\/PATH\?endpoint=/),
  );

  it("leaves an endpoint with a scheme as it is, for the adapter to refuse", () => {
    const { endpoint } = parse("s3://bucket/db?endpoint=ftp://server");
    expect(endpoint).toBe("ftp://server");
  });

  it("names a bucket of AWS and a path", () => {
    expect(parse("s3://bucket/my/db")).toMatchObject({
      bucket: "bucket",
      path: "my/db",
      endpoint: undefined,
      region: undefined,
      forcePathStyle: undefined,
      credentials: undefined,
    });
    expect(parse("s3://bucket").path).toBe("");
    expect(parse("s3://bucket/").path).toBe("");
  });

  it.each([
    ["b.s3.amazonaws.com", "b", undefined, undefined, undefined],
    ["b.s3.eu-west-1.amazonaws.com", "b", "eu-west-1", undefined, undefined],
    ["b.s3-eu-west-1.amazonaws.com", "b", "eu-west-1", undefined, undefined],
    ["b.nyc3.digitaloceanspaces.com", "b", "nyc3", "https://nyc3.digitaloceanspaces.com", false],
    [
      "b.s3.us-west-000.backblazeb2.com",
      "b",
      "us-west-000",
      "https://s3.us-west-000.backblazeb2.com",
      true,
    ],
    ["b.s3.filebase.com", "b", "us-east-1", "https://s3.filebase.com", true],
    ["b.s3.fr-par.scw.cloud", "b", "fr-par", "https://s3.fr-par.scw.cloud", false],
    ["b.localhost:9000", "b", "us-east-1", "http://localhost:9000", true],
    ["b.minio.lan:9000", "b", "us-east-1", "http://minio.lan:9000", true],
    ["my.dotted.bucket", "my.dotted.bucket", undefined, undefined, undefined],
  ])("reads the host %s", (host, bucket, region, endpoint, forcePathStyle) => {
    const read = parse(`s3://${host}/db`);
    expect(read).toMatchObject({ bucket, region, endpoint, forcePathStyle, path: "db" });
  });

  it("takes the region out of an access point's ARN", () => {
    const arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/point";
    expect(parse(`s3://${arn}/db`)).toMatchObject({ bucket: arn, region: "eu-west-1", path: "db" });
  });

  it.each([
    ["localhost:9000", "http://localhost:9000"],
    ["127.0.0.1:9000", "http://127.0.0.1:9000"],
    ["192.168.1.5:9000", "http://192.168.1.5:9000"],
    ["172.20.0.2", "http://172.20.0.2"],
    ["172.40.0.2", "https://172.40.0.2"],
    ["minio.local", "http://minio.local"],
    ["s3.example.com", "https://s3.example.com"],
    ["http://s3.example.com/base", "http://s3.example.com/base"],
  ])("gives the endpoint %s its scheme, and path style", (endpoint, expected) => {
    const read = parse(`s3://b/db?endpoint=${encodeURIComponent(endpoint)}`);
    expect(read).toMatchObject({ endpoint: expected, forcePathStyle: true });
  });

  it("reads both spellings of each parameter", () => {
    const camel =
      "forcePathStyle=false&skipVerify=yes&signPayload=0&requireContentMD5=1&storageClass=IA" +
      "&sseCustomerAlgorithm=AES256&sseCustomerKey=k&sseCustomerKeyMD5=m&sseKmsKeyId=id";
    const kebab =
      "force-path-style=false&skip-verify=T&sign-payload=no&require-content-md5=true" +
      "&storage-class=IA&sse-customer-algorithm=AES256&sse-customer-key=k" +
      "&sse-customer-key-md5=m&sse-kms-key-id=id";
    for (const query of [camel, kebab]) {
      expect(parse(`s3://b/db?endpoint=h&${query}`)).toMatchObject({
        forcePathStyle: false,
        skipVerify: true,
        signPayload: false,
        requireContentMd5: true,
        storageClass: "IA",
        encryption: {
          customerAlgorithm: "AES256",
          customerKey: "k",
          customerKeyMd5: "m",
          kmsKeyId: "id",
        },
      });
    }
  });

  it("takes no keys from the URL", () => {
    expect(parse("s3://AKIA:secret@bucket/db").credentials).toBeUndefined();
  });
});

describe("s3: environment", () => {
  const aws = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" };
  const litestream = { LITESTREAM_ACCESS_KEY_ID: "la", LITESTREAM_SECRET_ACCESS_KEY: "ls" };

  it("gives keys by AWS's names before Litestream's, with the session token", () => {
    const token = { AWS_SESSION_TOKEN: "t" };
    expect(parse("s3://b", { ...aws, ...litestream, ...token }).credentials).toEqual({
      accessKeyId: "a",
      secretAccessKey: "s",
      sessionToken: "t",
    });
    // The token of other keys is not ours.
    expect(parse("s3://b", { ...litestream, ...token }).credentials).toEqual({
      accessKeyId: "la",
      secretAccessKey: "ls",
      sessionToken: undefined,
    });
    expect(parse("s3://b", { AWS_ACCESS_KEY_ID: "a" }).credentials).toBeUndefined();
  });

  it("gives the region, after the URL", () => {
    const env = { AWS_REGION: "eu-north-1", AWS_DEFAULT_REGION: "eu-south-1" };
    expect(parse("s3://b", env).region).toBe("eu-north-1");
    expect(parse("s3://b", { AWS_DEFAULT_REGION: "eu-south-1" }).region).toBe("eu-south-1");
    expect(parse("s3://b?region=sa-east-1", env).region).toBe("sa-east-1");
    expect(parse("s3://b.s3.us-west-2.amazonaws.com", env).region).toBe("us-west-2");
  });

  it("gives an endpoint when the URL does not, in path style", () => {
    const env = { LITESTREAM_S3_ENDPOINT: "localhost:9000", AWS_ENDPOINT_URL: "http://other" };
    const expected = { endpoint: "http://localhost:9000", forcePathStyle: true };
    expect(parse("s3://b", env)).toMatchObject(expected);
    expect(parse("s3://b?endpoint=https://x", env).endpoint).toBe("https://x");
    expect(parse("s3://b", { AWS_ENDPOINT_URL_S3: "http://y" }).endpoint).toBe("http://y");
  });

  it("comes after options of the call", () => {
    const overrides = {
      accessKeyId: "oa",
      secretAccessKey: "os",
      region: "auto",
      endpoint: "http://o",
      forcePathStyle: false,
    };
    expect(parse("s3://b?region=r&endpoint=http://e", aws, overrides)).toMatchObject({
      credentials: { accessKeyId: "oa", secretAccessKey: "os", sessionToken: undefined },
      region: "auto",
      endpoint: "http://o",
      forcePathStyle: false,
    });
  });
});

describe("s3: quirks", () => {
  it.each([
    [undefined, "b", { provider: "aws", pathStyle: false, orderedList: true }],
    [undefined, "b--use1-az4--x-s3", { provider: "s3-express", orderedList: false }],
    ["https://s3.cn-north-1.amazonaws.com.cn", "b", { provider: "aws" }],
    ["https://a.r2.cloudflarestorage.com", "b", { provider: "r2", conditionalDelete: false }],
    ["http://127.0.0.1:1/cdn-cgi/local/r2/s3", "b", { provider: "r2", region: "auto" }],
    ["https://t3.storage.dev", "b", { headers: { "X-Tigris-Consistent": "true" } }],
    ["https://storage.googleapis.com", "b", { conditionalCreate: false }],
    ["http://localhost:9000", "b", { provider: "s3-compatible", pathStyle: true }],
    ["https://fake-amazonaws.com", "b", { provider: "s3-compatible" }],
  ])("of %s for bucket %s", (endpoint, bucket, expected) => {
    expect(quirksOf(endpoint, bucket)).toMatchObject(expected);
  });
});
