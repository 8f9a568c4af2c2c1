/** Directory buckets of S3 Express: other lists, other names, other credentials. */

import { openS3Store } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { quirksOf } from "../src/s3/quirks.ts";
import { S3Client } from "../src/s3/s3-client.ts";
import { placeOf } from "../src/s3/s3-place.ts";
import { getRequest } from "../src/s3/s3-requests.ts";
import { CREDENTIALS, keysOf, listAnswer, type Script, withServer } from "./scripted-s3.ts";
import { type Answer, errorAnswer, startScriptedServer } from "./scripted-server.ts";

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
  const GET = getRequest("k//l", undefined, undefined);
  const options = (endpoint?: string) => {
    const credentials = { ...CREDENTIALS, sessionToken: "own" };
    return { bucket: BUCKET, endpoint, region: "us-east-1", credentials };
  };
  const session = (id: string, endMs: number): Answer => {
    const keys = `<SessionToken>token of ${id}</SessionToken><AccessKeyId>${id}</AccessKeyId>`;
    const end = `<Expiration>${new Date(endMs).toISOString()}</Expiration>`;
    const inner = `<Credentials>${keys}<SecretAccessKey>s</SecretAccessKey>${end}</Credentials>`;
    const body = `<CreateSessionResult>${inner}</CreateSessionResult>`;
    return { status: 200, headers: { "content-type": "application/xml" }, body };
  };

  /** Requests of so many gets to a server that stands for the bucket's zone. */
  async function sentBy(count: number, answer: (session: number) => Answer): Promise<string[]> {
    let sessions = 0;
    await using server = await startScriptedServer(({ query }) => {
      if (!query.has("session")) return { status: 200, headers: { etag: '"v"' } };
      sessions += 1;
      return answer(sessions);
    });
    const quirks = quirksOf(undefined, BUCKET);
    const place = { ...placeOf(options(), quirks), host: new URL(server.endpoint) };
    const client = new S3Client(options(), quirks, () => place);
    try {
      for (let call = 0; call < count; call += 1) await client.send(GET);
    } finally {
      client.close();
    }
    return server.seen.map(({ headers, path, query }) => {
      const scope = /Credential=(\w+)\/\d+\/([\w-]+\/\w+)\//.exec(headers.authorization ?? "");
      const { "x-amz-security-token": own, "x-amz-s3session-token": token } = headers;
      return `${scope?.[1]} ${scope?.[2]} ${path}?${query} ${own ?? "-"} ${token ?? "-"}`;
    });
  }

  it("goes to the bucket's zone, which is asked for a session unless an endpoint is named", () => {
    const host = `${BUCKET}.s3express-use1-az4.us-east-1.amazonaws.com`;
    for (const endpoint of [undefined, HOST]) {
      const place = placeOf(options(endpoint), quirksOf(endpoint, BUCKET));
      expect(place).toMatchObject({ path: "", region: "us-east-1", service: "s3express" });
      expect(place.host.host).toBe(host);
      expect(place.sessions).toBe(endpoint === undefined);
    }
  });

  it("is signed with the keys of a session, which one request asks for with our own", async () => {
    const soon = Date.now() + 300_000;
    const own = "AKIDEXAMPLE us-east-1/s3express /?session= own -";
    const get = "ID1 us-east-1/s3express /k//l? - token of ID1";
    expect(await sentBy(3, (count) => session(`ID${count}`, soon))).toEqual([own, get, get, get]);
  });

  it("is signed with new ones when the session is about to end", async () => {
    const sent = await sentBy(2, (count) => session(`ID${count}`, Date.now() + 30_000));
    expect(sent.map((each) => each.split(" ")[0])).toEqual([
      ...["AKIDEXAMPLE", "ID1"],
      ...["AKIDEXAMPLE", "ID2"],
    ]);
  });

  it.each<readonly [string, Answer]>([
    ["denied", errorAnswer(403, "AccessDenied")],
    ["not told", { status: 200, body: "<CreateSessionResult/>" }],
    ["nothing", { status: 200 }],
  ])("is not sent when its session is %s", async (_name, answer) => {
    await expect(sentBy(1, () => answer)).rejects.toThrow();
  });
});

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
