/** Answers to a get of Azure that something on the way has cut or replaced. */

import type { ByteRange } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { failureOf, withServer } from "./scripted-azure.ts";
import type { Answer } from "./scripted-server.ts";

const ETAG = { etag: '"v"' };

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

async function refusal(answer: Answer, range?: ByteRange): Promise<string> {
  const script = () => answer;
  const { code } = await withServer(script, {}, (store) => failureOf(store.get("k", { range })));
  return code;
}

const part = (contentRange: string, body: string): Answer => {
  const length = String(body.length);
  const headers = { ...ETAG, "content-range": contentRange, "content-length": length };
  return { status: 206, headers, body };
};

describe("a part of a blob", () => {
  it.each<readonly [ByteRange, string, string]>([
    [{ offset: 2, length: 3 }, "bytes 2-4/10", "234"],
    [{ offset: 7, length: 100 }, "bytes 7-9/10", "789"],
    [{ offset: 7 }, "bytes 7-9/10", "789"],
    [{ offset: 0, length: 2 }, "bytes 0-1/10", "01"],
  ])("is taken for %j when it is that part: %s", async (range, contentRange, body) => {
    expect(await read(part(contentRange, body), range)).toBe(`${body} of 10`);
  });

  it.each<readonly [string, string, string]>([
    ["other bytes", "bytes 3-5/10", "345"],
    ["fewer bytes than there are", "bytes 2-3/10", "23"],
    ["fewer bytes than it says", "bytes 2-4/10", "23"],
    ["more bytes than were asked for", "bytes 2-9/10", "23456789"],
    ["no bytes of a range that has some", "bytes 2-4/10", ""],
    ["an object of unknown size", "bytes 2-4/*", "234"],
    ["a range past the end", "bytes 2-4/3", "234"],
    ["something else", "pages 2-4/10", "234"],
  ])("is refused when it holds %s", async (_name, contentRange, body) => {
    expect(await refusal(part(contentRange, body), { offset: 2, length: 3 })).toBe("UNAVAILABLE");
  });

  it("is refused when it does not say which, or the whole was asked for", async () => {
    const silent = { status: 206, headers: { ...ETAG, "content-length": "3" }, body: "234" };
    expect(await refusal(silent, { offset: 2, length: 3 })).toBe("UNAVAILABLE");
    expect(await refusal(part("bytes 0-4/10", "01234"))).toBe("UNAVAILABLE");
  });

  it("is cut out of the whole blob if that is what came", async () => {
    const headers = { ...ETAG, "content-length": "10" };
    const whole = { status: 200, headers, body: "0123456789" };
    expect(await read(whole, { offset: 2, length: 3 })).toBe("234 of 10");
    expect(await refusal(whole, { offset: 10 })).toBe("RANGE_UNSATISFIABLE");
  });
});
