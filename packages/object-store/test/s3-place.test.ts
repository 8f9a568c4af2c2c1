/** Where requests go: to the same hosts and paths as those of AWS's own client. */

import { GetObjectCommand, S3Client as SdkClient } from "@aws-sdk/client-s3";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { quirksOf } from "../src/s3/quirks.ts";
import { S3Client } from "../src/s3/s3-client.ts";
import { placeOf } from "../src/s3/s3-place.ts";
import { getRequest } from "../src/s3/s3-requests.ts";
import { encodePath } from "../src/s3/s3-signature.ts";
import { HOSTILE_KEYS } from "./hostile-keys.ts";
import { CREDENTIALS, failure, failureOf, get } from "./scripted-s3.ts";
import { errorAnswer, startScriptedServer } from "./scripted-server.ts";

const POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/point";

/** Host and path that the SDK gives a request for a key. */
async function sdkPlace(options: S3StoreOptions, key = "k"): Promise<string> {
  const { bucket, dualStack, endpoint, fips, forcePathStyle, region } = options;
  let found = "";
  const client = new SdkClient({
    region: region ?? "us-east-1",
    credentials: CREDENTIALS,
    disableS3ExpressSessionAuth: true,
    useDualstackEndpoint: dualStack ?? false,
    useFipsEndpoint: fips ?? false,
    forcePathStyle: forcePathStyle ?? quirksOf(endpoint, bucket).pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  client.middlewareStack.add(
    () => async (args) => {
      const { hostname, path, port, protocol } = args.request as Record<string, string>;
      found = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`;
      throw new Error("not sent");
    },
    { step: "finalizeRequest", priority: "low", name: "stop" },
  );
  const command = new GetObjectCommand({ Bucket: bucket, Key: key });
  await expect(client.send(command)).rejects.toThrow("not sent");
  client.destroy();
  return found;
}

function ourPlace(options: S3StoreOptions, key = "k"): string {
  const { host, path } = placeOf(options, quirksOf(options.endpoint, options.bucket));
  return `${host.protocol}//${host.host}${path}/${encodePath(key)}`;
}

describe("a bucket is asked for where the SDK asks for it", () => {
  it.each<readonly [S3StoreOptions]>([
    [{ bucket: "bucket" }],
    [{ bucket: "bucket", region: "eu-west-1" }],
    [{ bucket: "bucket", region: "cn-north-1" }],
    [{ bucket: "bucket", region: "us-gov-west-1" }],
    [{ bucket: "bucket", region: "us-iso-east-1" }],
    [{ bucket: "bucket", region: "us-isob-east-1" }],
    [{ bucket: "bucket", region: "eu-isoe-west-1" }],
    [{ bucket: "bucket", region: "us-isof-south-1" }],
    [{ bucket: "bucket", region: "eusc-de-east-1" }],
    [{ bucket: "my.dotted.bucket", region: "eu-west-1" }],
    [{ bucket: "Old_Bucket", region: "us-east-1" }],
    [{ bucket: "bucket", forcePathStyle: true, region: "eu-west-1" }],
    [{ bucket: POINT, region: "eu-west-1" }],
    [{ bucket: POINT.replace("arn:aws:", "arn:aws-cn:").replace("eu-west", "cn-north") }],
    [{ bucket: "bucket", region: "us-east-2", fips: true }],
    [{ bucket: "bucket", region: "us-east-2", dualStack: true }],
    [{ bucket: "my.dotted.bucket", region: "us-east-2", fips: true, dualStack: true }],
    [{ bucket: POINT, region: "eu-west-1", dualStack: true }],
    [{ bucket: POINT.replace("eu-west", "ca-central"), region: "ca-central-1", fips: true }],
    [{ bucket: "b--use1-az4--x-s3", region: "us-east-1" }],
    [{ bucket: "b--use1-az4--x-s3", region: "us-east-1", fips: true }],
    [{ bucket: "b--use1-az4--x-s3", region: "us-east-1", dualStack: true }],
    [{ bucket: "bucket", endpoint: "http://127.0.0.1:9000" }],
    [{ bucket: "bucket", endpoint: "http://127.0.0.1:9000", forcePathStyle: false }],
    [{ bucket: "bucket", endpoint: "http://[::1]:9000/base", forcePathStyle: false }],
    [{ bucket: "bucket", endpoint: "https://s3.example.com/base/" }],
    [{ bucket: "bucket", endpoint: "https://s3.example.com:8443", forcePathStyle: false }],
    [{ bucket: "my.bucket", endpoint: "https://s3.example.com", forcePathStyle: false }],
    [{ bucket: "my.bucket", endpoint: "http://s3.example.com", forcePathStyle: false }],
    [{ bucket: "bucket", endpoint: "https://nyc3.digitaloceanspaces.com" }],
    [{ bucket: "bucket", endpoint: "https://account.r2.cloudflarestorage.com" }],
    [{ bucket: "bucket", endpoint: "https://t3.storage.dev" }],
    [{ bucket: "bucket", endpoint: "https://s3.eu-west-1.amazonaws.com" }],
  ])("%j", async (options) => {
    const region = options.bucket.includes("cn-north") ? "cn-north-1" : options.region;
    expect(ourPlace(options)).toBe(await sdkPlace({ ...options, region }));
  });

  it.each(HOSTILE_KEYS)("by a path that holds the key %j", async (key) => {
    const options = { bucket: "bucket", endpoint: "http://localhost:9000" };
    expect(ourPlace(options, key)).toBe(await sdkPlace(options, key));
  });

  it("below the path of an endpoint, by the name of its host", async () => {
    await using server = await startScriptedServer(() => ({
      status: 200,
      headers: { etag: '"v"' },
    }));
    const endpoint = `${server.endpoint}/base/`;
    await using store = await openS3Store({ bucket: "b", endpoint, credentials: CREDENTIALS });
    await store.head("k");
    expect(server.seen[0]?.path).toBe("/base/b/k");
    expect(server.seen[0]?.headers.host).toBe(new URL(endpoint).host);
  });

  it.each([
    "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
    "arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/point",
    "arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/accesspoint/point",
    "arn:aws:s3:::bucket",
  ])("but %s is refused: it is no bucket", async (bucket) => {
    const opened = openS3Store({ bucket, credentials: CREDENTIALS });
    expect((await failureOf(opened)).code).toBe("CONFIG_INVALID");
  });

  it("and never at a host that a region's name makes up", async () => {
    const region = "evil.example/";
    const opened = openS3Store({ bucket: "bucket", region, credentials: CREDENTIALS });
    expect((await failureOf(opened)).code).toBe("CONFIG_INVALID");
  });
});

describe("a server that sends everybody elsewhere", () => {
  it("is not taken for a bucket in another region", async () => {
    const location = "https://minio.example:9443/bucket?token=secret";
    const failed = await failure(() => ({ status: 301, headers: { location } }), get);
    expect(failed.code).toBe("CONFIG_INVALID");
    expect(failed.message).toContain("redirects (301) to https://minio.example:9443, and not as");
    expect(failed.message).not.toContain("secret");
  });
});

describe("a bucket in a region that nobody named", () => {
  const RIGHT = "eu-west-1";
  const where = { "x-amz-bucket-region": RIGHT };

  /** Regions that gets were signed for, at a server that wants the right one. */
  async function regionsOf(
    calls: number,
    refusal: ReturnType<typeof errorAnswer>,
    region?: string,
  ): Promise<string[]> {
    await using server = await startScriptedServer(({ headers }) => {
      const isRight = headers.authorization?.includes(`/${RIGHT}/`);
      return isRight ? { status: 200, headers: { etag: '"v"' } } : refusal;
    });
    const options = { bucket: "bucket", region, credentials: CREDENTIALS };
    const quirks = quirksOf(undefined, "bucket");
    const client = new S3Client(options, quirks, (found) => {
      return { ...placeOf(options, quirks, found), host: new URL(server.endpoint) };
    });
    const request = getRequest("k", undefined, undefined);
    await Promise.allSettled(Array.from({ length: calls }, () => client.send(request)));
    await client.send(request).catch(() => undefined);
    client.close();
    return server.seen.map(({ headers }) => {
      return /\/([\w-]+)\/s3\//.exec(headers.authorization ?? "")?.[1] ?? "";
    });
  }

  it.each([
    ["301 without a body, as for a HEAD", { status: 301, headers: where }],
    ["301", errorAnswer(301, "PermanentRedirect", where)],
    ["307", errorAnswer(307, "TemporaryRedirect", where)],
    ["400", errorAnswer(400, "AuthorizationHeaderMalformed", where)],
    [
      "400 that says it in its body",
      {
        status: 400,
        body: `<Error><Code>AuthorizationHeaderMalformed</Code><Region>${RIGHT}</Region></Error>`,
      },
    ],
  ])("is found by a %s, once for all calls", async (_name, refusal) => {
    expect(await regionsOf(1, refusal)).toEqual(["us-east-1", RIGHT, RIGHT]);
    const together = await regionsOf(5, refusal);
    expect(together.filter((region) => region === RIGHT)).toHaveLength(6);
  });

  it("is not looked for when a region was named", async () => {
    const refusal = errorAnswer(301, "PermanentRedirect", where);
    expect(await regionsOf(1, refusal, "us-east-1")).toEqual(["us-east-1", "us-east-1"]);
  });

  it("is not followed in circles, nor to what is no region", async () => {
    const here = errorAnswer(301, "PermanentRedirect", { "x-amz-bucket-region": "us-east-1" });
    expect(await regionsOf(1, here)).toEqual(["us-east-1", "us-east-1"]);
    const evil = errorAnswer(301, "PermanentRedirect", { "x-amz-bucket-region": "evil.example/" });
    expect(await regionsOf(1, evil)).toEqual(["us-east-1", "us-east-1"]);
    const elsewhere = errorAnswer(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-x-1" });
    expect(await regionsOf(1, elsewhere)).toEqual(["us-east-1", "eu-x-1", "eu-x-1"]);
  });
});
