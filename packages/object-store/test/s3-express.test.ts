/** Directory buckets of S3 Express: other lists, other names, other credentials. */

import { openS3Store } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { quirksOf } from "../src/s3/quirks.ts";
import { loadS3Sdk, makeS3Client } from "../src/s3/s3-client.ts";
import { CREDENTIALS, keysOf, listAnswer, type Script, withServer } from "./scripted-s3.ts";

const BUCKET = "replica--use1-az4--x-s3";
const HOST = "https://s3express-use1-az4.us-east-1.amazonaws.com";

describe("a bucket whose name ends in --x-s3", () => {
  it("has lists of folders without an order, and conditions like any other", async () => {
    const quirks = quirksOf(undefined, BUCKET);
    expect(quirks).toEqual(quirksOf(HOST, BUCKET));
    expect(quirks).toMatchObject({ orderedList: false, startAfter: false, folderPrefixes: true });
    const store = await openS3Store({ bucket: BUCKET, credentials: CREDENTIALS });
    expect(store.supports).toMatchObject({
      conditionalCreate: true,
      conditionalUpdate: true,
      conditionalDelete: true,
      orderedList: false,
      startAfter: false,
    });
    await store.close();
  });

  it("is one only at AWS: other stores may have such names", () => {
    expect(quirksOf("http://127.0.0.1:9000", BUCKET).folderPrefixes).toBe(false);
    expect(quirksOf("https://amazonaws.com.example.org", BUCKET).folderPrefixes).toBe(false);
  });
});

describe("a request to S3 Express", () => {
  /** Where the first request of a get goes, and which query it has. */
  async function firstRequest(endpoint: string | undefined): Promise<string> {
    const options = { bucket: BUCKET, endpoint, region: "us-east-1", credentials: CREDENTIALS };
    const sdk = await loadS3Sdk("s3 express");
    const client = makeS3Client(sdk, options, quirksOf(endpoint, BUCKET));
    let first = "";
    client.middlewareStack.add(
      () => async (args) => {
        const { hostname, path, query, headers } = args.request as HttpRequest;
        const service = /us-east-1\/(\w+)\//.exec(headers.authorization ?? "")?.[1];
        first ||= `${service}: ${hostname}${path}?${Object.keys(query).join("&")}`;
        throw new Error("not sent");
      },
      { step: "finalizeRequest", priority: "low", name: "stop" },
    );
    const command = new sdk.GetObjectCommand({ Bucket: BUCKET, Key: "k" });
    await expect(client.send(command)).rejects.toThrow("not sent");
    return first;
  }

  it("goes to the bucket's zone, after one for a session", async () => {
    const host = `${BUCKET}.s3express-use1-az4.us-east-1.amazonaws.com`;
    expect(await firstRequest(undefined)).toBe(`s3express: ${host}/?session`);
    expect(await firstRequest(HOST)).toBe(`s3express: ${host}/k?x-id`);
  });
});

interface HttpRequest {
  readonly hostname: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

describe("a list where prefixes are folders", () => {
  const { orderedList, startAfter, folderPrefixes } = quirksOf(undefined, BUCKET);
  const quirks = { orderedList, startAfter, folderPrefixes };

  it.each<readonly [string, string | null, readonly string[]]>([
    ["db/00", "db/", ["db/0000/a", "db/0001/b"]],
    ["db/0000/", "db/0000/", ["db/0000/a"]],
    ["d", null, ["db/0000/a", "db/0001/b", "db/lock.json"]],
    ["", null, ["a", "db/0000/a", "db/0001/b", "db/lock.json"]],
  ])("asks for the folder of %j, and leaves out the rest here", async (prefix, sent, expected) => {
    const all = ["db/lock.json", "db/0001/b", "a", "db/0000/a"];
    const script: Script = ({ query }) =>
      listAnswer(all.filter((key) => key.startsWith(query.get("prefix") ?? "")));
    await withServer(script, { quirks }, async (store, seen) => {
      expect(await keysOf(store.list(prefix))).toEqual(expected);
      expect(seen.map(({ query }) => query.get("prefix") || null)).toEqual([sent]);
    });
  });

  it("starts after a key, on every page", async () => {
    const script: Script = (_, count) =>
      count === 1 ? listAnswer(["db/d", "db/a"], "t") : listAnswer(["db/c", "db/b"]);
    await withServer(script, { quirks }, async (store, seen) => {
      const listed = store.list("db/", { startAfter: "db/b" });
      expect(await keysOf(listed)).toEqual(["db/c", "db/d"]);
      expect(seen.map(({ query }) => query.get("start-after"))).toEqual([null, null]);
    });
  });

  it("is not asked whether a denied object is there", async () => {
    await withServer(
      () => ({ status: 403 }),
      { quirks },
      async (store, seen) => {
        await expect(store.get("db/k")).rejects.toMatchObject({ code: "FORBIDDEN" });
        expect(seen).toHaveLength(1);
      },
    );
  });
});
