import { createHash, randomBytes } from "node:crypto";
import { type Bucket, type File, type SaveOptions, Storage } from "@google-cloud/storage";
import { startGcsFake } from "@headwater/gcs-fake";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

const fake = await startGcsFake({ buckets: ["there"] });
const storage = new Storage({
  apiEndpoint: fake.endpoint,
  projectId: "headwater",
  retryOptions: { autoRetry: false },
});

afterAll(() => fake.stop());

let bucket: Bucket;
let count = 0;

beforeEach(async () => {
  count += 1;
  [bucket] = await storage.createBucket(`bucket-${count}`);
});

async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  return call.then(
    () => undefined,
    (error: { readonly code: number }) => error.code,
  );
}

async function namesOf(query: object): Promise<readonly string[]> {
  const [files] = await bucket.getFiles({ autoPaginate: false, ...query });
  return files.map(({ name }: File) => name);
}

const atGeneration = (generation: string | number): SaveOptions => ({
  preconditionOpts: { ifGenerationMatch: generation },
  resumable: false,
});

describe("buckets", () => {
  it("are there from the start or when they are made, and once", async () => {
    expect(await storage.bucket("there").exists()).toEqual([true]);
    expect(await storage.bucket("not-there").exists()).toEqual([false]);
    expect(await codeOf(storage.createBucket("there"))).toBe(409);
    const [buckets] = await storage.getBuckets();
    expect(buckets.map(({ name }) => name)).toContain(bucket.name);
    expect(await codeOf(storage.bucket("not-there").file("x").save("1"))).toBe(404);
    expect(await codeOf(storage.bucket("not-there").getFiles())).toBe(404);
  });
});

describe("uploads", () => {
  const body = randomBytes(300_000);

  it.each([
    ["in one request", { resumable: false }],
    ["in one resumable piece", { resumable: true }],
    ["in several resumable pieces", { resumable: true, chunkSize: 256 * 1024 }],
  ])("%s come back, with what was said of them", async (_name, options) => {
    const file = bucket.file("dir/a b+c%.bin");
    const metadata = { contentType: "text/plain", metadata: { "litestream-timestamp": "now" } };
    await file.save(body, { ...options, metadata });
    const [read] = await file.download();
    expect(Buffer.compare(read, body)).toBe(0);
    const [told] = await file.getMetadata();
    expect(told).toMatchObject({
      name: file.name,
      size: "300000",
      metageneration: "1",
      contentType: "text/plain",
      md5Hash: createHash("md5").update(body).digest("base64"),
      metadata: { "litestream-timestamp": "now" },
    });
  });

  it("are refused when they arrive damaged", async () => {
    const upload = (sums: Readonly<Record<string, string>>) =>
      bucket.file("damaged").save(body, { resumable: false, validation: false, metadata: sums });
    expect(await codeOf(upload({ md5Hash: "AAAAAAAAAAAAAAAAAAAAAA==" }))).toBe(400);
    expect(await codeOf(upload({ crc32c: "AAAAAA==" }))).toBe(400);
    expect(await bucket.file("damaged").exists()).toEqual([false]);
    // Of "123456789", as the definition of CRC-32C has it.
    await bucket
      .file("sound")
      .save("123456789", { resumable: false, metadata: { crc32c: "4waSgw==" } });
  });

  it("whose client goes away did nothing", async () => {
    const { request } = await import("node:http");
    const path = `/upload/storage/v1/b/${bucket.name}/o?uploadType=media&name=torn`;
    const headers = { "content-length": "1000" };
    const sent = request(`${fake.endpoint}${path}`, { method: "POST", headers });
    sent.on("error", () => undefined);
    await new Promise((resolve) => sent.write("begun", resolve));
    const closed = new Promise((resolve) => sent.once("close", resolve));
    sent.destroy();
    await closed;
    // What the server hears of it comes before the second of two requests that follow it.
    for (let count = 0; count < 2; count += 1) expect(await namesOf({})).toEqual([]);
  });
});

describe("preconditions", () => {
  it("create once, and change only what was seen", async () => {
    const file = bucket.file("lock");
    await file.save("1", atGeneration(0));
    expect(await codeOf(file.save("2", atGeneration(0)))).toBe(412);
    const first = file.metadata.generation as string;
    await file.save("2", atGeneration(first));
    expect(await codeOf(file.save("3", atGeneration(first)))).toBe(412);
    expect(await codeOf(bucket.file("gone").save("1", atGeneration(first)))).toBe(412);
    expect((await file.download())[0].toString()).toBe("2");
    const second = file.metadata.generation as string;
    expect(BigInt(second)).toBeGreaterThan(BigInt(first));
  });

  it("delete only what was seen", async () => {
    const file = bucket.file("lock");
    await file.save("1", atGeneration(0));
    expect(await codeOf(file.delete({ ifGenerationMatch: 1 }))).toBe(412);
    await file.delete({ ifGenerationMatch: file.metadata.generation as string });
    expect(await codeOf(file.delete())).toBe(404);
    await file.save("again", atGeneration(0));
  });

  it("see changes of metadata", async () => {
    const file = bucket.file("lock");
    await file.save("1", atGeneration(0));
    await file.setMetadata({ metadata: { a: "1", b: "2" } }, { ifMetagenerationMatch: 1 });
    await file.setMetadata({ metadata: { a: null } });
    expect(file.metadata).toMatchObject({ metageneration: "3", metadata: { b: "2" } });
    const stale = file.setMetadata({ metadata: { c: "3" } }, { ifMetagenerationMatch: 1 });
    expect(await codeOf(stale)).toBe(412);
  });

  it("let one of many racers win", async () => {
    const racers = Array.from({ length: 20 }, (_, racer) =>
      codeOf(bucket.file("race").save(`${racer}`, atGeneration(0))),
    );
    const codes = await Promise.all(racers);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 412)).toHaveLength(19);
  });
});

describe("listings", () => {
  const names = ["a/1", "a/2/x", "a/2/y", "a/3", "b", "\ufb01", "\u{1f600}"];

  beforeEach(() =>
    Promise.all(names.map((name) => bucket.file(name).save(name, { resumable: false }))),
  );

  it("are in the order of bytes, between offsets, below a prefix", async () => {
    expect(await namesOf({})).toEqual(names);
    expect(await namesOf({ prefix: "a/2" })).toEqual(["a/2/x", "a/2/y"]);
    expect(await namesOf({ startOffset: "a/2/y" })).toEqual(names.slice(2));
    expect(await namesOf({ startOffset: "a/2", endOffset: "b" })).toEqual([
      "a/2/x",
      "a/2/y",
      "a/3",
    ]);
  });

  it("come in pages that leave nothing out", async () => {
    for (const maxResults of [1, 2, 3]) {
      const [files] = await bucket.getFiles({ maxResults, autoPaginate: true });
      // With `maxResults` the client stops there; page by page is how to get all.
      expect(files.length).toBeLessThanOrEqual(maxResults);
      const all: string[] = [];
      let query: object | null = { maxResults, autoPaginate: false };
      while (query !== null) {
        const [page, next] = (await bucket.getFiles(query)) as unknown as [File[], object | null];
        all.push(...page.map(({ name }) => name));
        query = next;
      }
      expect(all).toEqual(names);
    }
  });

  it.each([1, 100])("fold names at a delimiter, in pages of %i", async (maxResults) => {
    const prefixes: string[] = [];
    const items: string[] = [];
    let query: object | null = { prefix: "a/", delimiter: "/", maxResults, autoPaginate: false };
    while (query !== null) {
      const [page, next, answer] = (await bucket.getFiles(query)) as unknown as [
        File[],
        object | null,
        { readonly prefixes?: string[] },
      ];
      items.push(...page.map(({ name }) => name));
      prefixes.push(...(answer.prefixes ?? []));
      query = next;
    }
    expect([items, prefixes]).toEqual([["a/1", "a/3"], ["a/2/"]]);
  });
});

describe("downloads", () => {
  const body = randomBytes(1000);

  beforeEach(() => bucket.file("ranged").save(body, { resumable: false }));

  it.each([
    [{ start: 0, end: 0 }, 0, 1],
    [{ start: 100, end: 299 }, 100, 300],
    [{ start: 900, end: 5000 }, 900, 1000],
    [{ start: 400 }, 400, 1000],
    [{ end: -10 }, 990, 1000],
  ])("of the range %j", async (range, start, end) => {
    const [part] = await bucket.file("ranged").download({ ...range, validation: false });
    expect(Buffer.compare(part, body.subarray(start, end))).toBe(0);
  });

  it("of a range without a byte are refused", async () => {
    expect(await codeOf(bucket.file("ranged").download({ start: 1000 }))).toBe(416);
    await bucket.file("empty").save("", { resumable: false });
    expect(await codeOf(bucket.file("empty").download({ start: 0 }))).toBe(416);
  });
});
