/** Answers to a get that something on the way has cut, replaced or compressed. */

import { gzipSync } from "node:zlib";
import type { ByteRange } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { failureOf, type Script, withServer } from "./scripted-s3.ts";
import type { Answer } from "./scripted-server.ts";

const ETAG = { etag: '"v"' };
const TEXT = "0123456789";

async function read(answer: Answer, range?: ByteRange): Promise<string> {
  return withServer(
    () => answer,
    {},
    async (store) => {
      const { meta, body } = await store.get("k", { range });
      return `${new TextDecoder().decode(body)} of ${meta.size}`;
    },
  );
}

async function refusal(answer: Answer, range?: ByteRange) {
  const script: Script = () => answer;
  return withServer(script, {}, async (store) => failureOf(store.get("k", { range })));
}

const part = (contentRange: string, body: string): Answer => {
  return { status: 206, headers: { ...ETAG, "content-range": contentRange }, body };
};

describe("a part of an object", () => {
  it.each<readonly [ByteRange, string, string]>([
    [{ offset: 2, length: 3 }, "bytes 2-4/10", "234"],
    [{ offset: 7, length: 100 }, "bytes 7-9/10", "789"],
    [{ offset: 7 }, "bytes 7-9/10", "789"],
    [{ suffix: 2 }, "bytes 8-9/10", "89"],
    [{ suffix: 100 }, "bytes 0-9/10", TEXT],
  ])("is taken for %j when it is that part: %s", async (range, contentRange, body) => {
    expect(await read(part(contentRange, body), range)).toBe(`${body} of 10`);
  });

  it.each<readonly [string, string, string]>([
    ["other bytes", "bytes 3-5/10", "345"],
    ["fewer bytes than there are", "bytes 2-3/10", "23"],
    ["fewer bytes than it says", "bytes 2-4/10", "23"],
    ["more bytes than were asked for", "bytes 2-9/10", "23456789"],
    ["an object of unknown size", "bytes 2-4/*", "234"],
    ["a range that ends before it begins", "bytes 4-2/10", "234"],
    ["a range past the end", "bytes 2-4/3", "234"],
    ["no range", "", "234"],
    ["something else", "pages 2-4/10", "234"],
  ])("is refused when it holds %s", async (_name, contentRange, body) => {
    const answer = part(contentRange, body);
    const { code } = await refusal(answer, { offset: 2, length: 3 });
    expect(code).toBe("UNAVAILABLE");
  });

  it("is refused when the whole was asked for", async () => {
    expect((await refusal(part("bytes 0-4/10", "01234"))).code).toBe("UNAVAILABLE");
    expect(await read(part("bytes 0-9/10", TEXT))).toBe(`${TEXT} of 10`);
  });
});

describe("a body without its end", () => {
  it.each<readonly [string, Readonly<Record<string, string>>]>([
    ["announced size", { ...ETAG, "content-length": "100" }],
    ["unknown size", ETAG],
  ])("is no body, of %s", async (_name, headers) => {
    const answer: Answer = { status: 200, headers, body: TEXT, instead: "tear" };
    expect((await refusal(answer)).code).toBe("UNAVAILABLE");
  });

  it("is no error message either", async () => {
    const answer: Answer = { status: 404, body: "<Error><Code>NoSuchK", instead: "tear" };
    expect((await refusal(answer)).code).not.toBe("OBJECT_NOT_FOUND");
  });
});

describe("a Content-Encoding", () => {
  const gzipped = gzipSync(TEXT);
  const gzip = { "content-encoding": "gzip" };

  it.each<readonly [string, Answer]>([
    ["without a length", { status: 200, headers: { ...ETAG, ...gzip }, body: gzipped }],
    [
      "with a weak ETag",
      {
        status: 200,
        headers: { ...gzip, etag: 'W/"v"', "content-length": `${gzipped.byteLength}` },
        body: gzipped,
      },
    ],
  ])("by something on the way is refused, in words: %s", async (_name, answer) => {
    const { code, message } = await refusal(answer);
    expect(code).toBe("CONFIG_INVALID");
    expect(message).toContain("compresses");
  });

  it("of the object itself leaves its bytes as they are", async () => {
    const headers = { ...ETAG, ...gzip, "content-length": `${gzipped.byteLength}` };
    await withServer(
      () => ({ status: 200, headers, body: gzipped }),
      {},
      async (store) => {
        expect(Buffer.from((await store.get("k")).body)).toEqual(gzipped);
      },
    );
  });

  it.each(["aws-chunked", "identity", "AWS-Chunked, identity", ""])(
    "that says nothing of the bytes is no matter: %j",
    async (encoding) => {
      const headers = { ...ETAG, "content-encoding": encoding };
      expect(await read({ status: 200, headers, body: TEXT })).toBe(`${TEXT} of 10`);
    },
  );
});
