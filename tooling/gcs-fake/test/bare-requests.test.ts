import { startGcsFake } from "@headwater/gcs-fake";
import { afterAll, describe, expect, it } from "vitest";

const fake = await startGcsFake({ buckets: ["bucket"] });

afterAll(() => fake.stop());

const upload = async (name: string, body: string, endpoint = fake.endpoint) => {
  const query = new URLSearchParams({ uploadType: "media", name });
  const url = `${endpoint}/upload/storage/v1/b/bucket/o?${query}`;
  return fetch(url, { method: "POST", body });
};

/** As Google's client for Go reads. */
describe("reads of the XML API", () => {
  it("give the bytes, and tell generation, dates and metadata in headers", async () => {
    const { generation } = (await (await upload("dir/a b", "hello")).json()) as {
      readonly generation: string;
    };
    const metadata = JSON.stringify({ metadata: { "litestream-timestamp": "then" } });
    const resource = `${fake.endpoint}/storage/v1/b/bucket/o/dir%2Fa%20b`;
    await fetch(resource, { method: "PATCH", body: metadata });
    const answer = await fetch(`${fake.endpoint}/bucket/dir/a%20b`, {
      headers: { range: "bytes=1-3" },
    });
    expect([answer.status, await answer.text()]).toEqual([206, "ell"]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-range": "bytes 1-3/5",
      "x-goog-generation": generation,
      "x-goog-meta-litestream-timestamp": "then",
      "x-goog-stored-content-length": "5",
    });
    expect(Date.parse(answer.headers.get("date") ?? "")).not.toBeNaN();
    expect(Date.parse(answer.headers.get("last-modified") ?? "")).not.toBeNaN();
    const media = await fetch(`${resource}?alt=media`);
    expect(await media.text()).toBe("hello");
    expect(media.headers.get("x-goog-meta-litestream-timestamp")).toBeNull();
    const head = await fetch(`${fake.endpoint}/bucket/dir/a%20b`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "5"]);
  });

  it.each([
    ["/bucket/none", {}, 404, "NoSuchKey"],
    ["/none/key", {}, 404, "NoSuchBucket"],
    ["/bucket/short", { range: "bytes=9-" }, 416, "InvalidRange"],
    ["/bucket/short", { "x-goog-if-generation-match": "1" }, 412, "PreconditionFailed"],
  ])("say no in XML: %s", async (path, headers, status, code) => {
    await upload("short", "123");
    const answer = await fetch(`${fake.endpoint}${path}`, { headers });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain(`<Code>${code}</Code>`);
  });

  it("know what the fake does not", async () => {
    const answer = await fetch(`${fake.endpoint}/storage/v1/b/bucket/acl`);
    expect(answer.status).toBe(501);
    const error = (await answer.json()) as { readonly error: { readonly code: number } };
    expect(error.error.code).toBe(501);
  });
});

describe("lists", () => {
  it("take an empty parameter for none, as Google's client for Go sends them", async () => {
    await upload("listed/1", "1");
    const empty = "delimiter=&endOffset=&startOffset=&pageToken=&matchGlob=&versions=false";
    const answer = await fetch(`${fake.endpoint}/storage/v1/b/bucket/o?prefix=listed%2F&${empty}`);
    expect(await answer.json()).toMatchObject({ items: [{ name: "listed/1" }] });
  });
});

describe("writesPerObjectPerSecond", () => {
  it("answers 429 to more writes of one object, and lets others through", async () => {
    const { endpoint, stop } = await startGcsFake({
      buckets: ["bucket"],
      writesPerObjectPerSecond: 0.001,
    });
    expect((await upload("a", "1", endpoint)).status).toBe(200);
    const second = await upload("a", "2", endpoint);
    expect(second.status).toBe(429);
    expect(JSON.stringify(await second.json())).toContain("rateLimitExceeded");
    const resource = `${endpoint}/storage/v1/b/bucket/o/a`;
    expect((await fetch(resource, { method: "DELETE" })).status).toBe(429);
    expect((await fetch(`${resource}?alt=media`)).status).toBe(200);
    expect((await upload("b", "1", endpoint)).status).toBe(200);
    await stop();
  });
});
