/**
 * What a meter is told, against what a server has really got.
 */

import { metered, type ObjectStore, putStream, retrying } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { openGcsStore } from "@headwater/object-store/gcs";
import { describe, expect, it } from "vitest";
import { CountingMeter } from "./counting-meter.ts";
import { ManualClock } from "./manual-clock.ts";
import {
  ALWAYS,
  BODY,
  keysOf,
  listAnswer,
  removeMany,
  type Script,
  withServer,
} from "./scripted-s3.ts";
import {
  type Answer,
  errorAnswer,
  type SeenRequest,
  startScriptedServer,
} from "./scripted-server.ts";

const OBJECT: Answer = { status: 200, headers: { etag: '"v"' }, body: "0123456789" };
const BUSY = errorAnswer(503, "SlowDown");

async function meterS3(script: Script, call: (store: ObjectStore) => Promise<unknown>) {
  const meter = new CountingMeter();
  const seen = await withServer(script, {}, async (opened, requests) => {
    const store = metered(retrying(opened, { clock: new ManualClock() }), meter);
    await call(store).catch(() => undefined);
    return [...requests];
  });
  return { meter, seen };
}

function expectAllCounted(meter: CountingMeter, seen: readonly SeenRequest[]): void {
  expect(meter.kinds).toHaveLength(seen.length);
  expect(meter.endedCount).toBe(seen.length);
  expect(meter.bytesSent).toBe(seen.reduce((sum, { body }) => sum + body.byteLength, 0));
}

describe("the meter of S3", () => {
  it("counts each kind of request, and the bytes of bodies both ways", async () => {
    const script: Script = ({ method, query }) => {
      if (query.has("list-type")) return listAnswer(["p/a", "p/b"]);
      if (query.has("delete")) return { status: 200, body: "<DeleteResult/>" };
      if (method === "DELETE") return { status: 204 };
      return method === "HEAD" ? { ...OBJECT, body: "" } : OBJECT;
    };
    const { meter, seen } = await meterS3(script, async (store) => {
      await store.get("k");
      await store.head("k");
      await store.put("k", BODY, ALWAYS);
      await keysOf(store.list("p/"));
      await store.delete("k");
      await removeMany(store);
    });
    expect(meter.kinds).toEqual(["get", "head", "put", "list", "delete", "deleteMany"]);
    expectAllCounted(meter, seen);
    const page = listAnswer(["p/a", "p/b"]).body as string;
    // The get, the answer to the put, the page, and the answer about several keys.
    expect(meter.bytesReceived).toBe(10 + 10 + page.length + "<DeleteResult/>".length);
    expect(meter).toMatchObject({ failed: 0, retries: 0 });
  });

  it("counts each page of a listing", async () => {
    const script: Script = ({ query }) =>
      query.has("continuation-token") ? listAnswer(["p/b"]) : listAnswer(["p/a"], "more");
    const { meter, seen } = await meterS3(script, (store) => keysOf(store.list("p/")));
    expect(meter.kinds).toEqual(["list", "list"]);
    expectAllCounted(meter, seen);
  });

  it("counts each attempt, and tells those that failed from answers that say no", async () => {
    const busyTwice: Script = (_, count) => (count <= 2 ? BUSY : OBJECT);
    const { meter, seen } = await meterS3(busyTwice, (store) => store.get("k"));
    expect(meter).toMatchObject({ kinds: ["get", "get", "get"], failed: 2, retries: 2 });
    expectAllCounted(meter, seen);
    const missing: Script = () => errorAnswer(404, "NoSuchKey");
    const none = await meterS3(missing, (store) => store.get("k"));
    expect(none.meter).toMatchObject({ kinds: ["get"], failed: 0, retries: 0 });
  });

  it("counts a request whose answer is torn, with the bytes that came", async () => {
    const size = 300_000;
    const large = { ...OBJECT, body: new Uint8Array(size) };
    const announced = { etag: '"v"', "content-length": String(size + 1) };
    const torn: Script = (_, count) => (count === 1 ? { ...large, headers: announced } : large);
    const { meter, seen } = await meterS3(torn, (store) => store.get("k"));
    expect(meter).toMatchObject({ failed: 1, retries: 1, bytesReceived: 2 * size });
    expectAllCounted(meter, seen);
  });

  it("counts what looks up a put whose answer got lost", async () => {
    const lost: Script = ({ method }, count) => {
      if (count === 1) return { status: 200, instead: "reset" };
      return method === "GET" ? errorAnswer(404, "NoSuchKey") : OBJECT;
    };
    const create = { condition: { type: "if-absent" } } as const;
    const { meter, seen } = await meterS3(lost, (store) => store.put("k", BODY, create));
    expect(meter.kinds).toEqual(["put", "get", "put"]);
    expect(meter).toMatchObject({ failed: 1, retries: 1 });
    expectAllCounted(meter, seen);
  });

  it("counts the listing that stands in for a denied get", async () => {
    const denied: Script = ({ query }) =>
      query.has("list-type") ? listAnswer([]) : errorAnswer(403, "AccessDenied");
    const { meter, seen } = await meterS3(denied, (store) => store.get("k"));
    expect(meter.kinds).toEqual(["get", "list"]);
    expectAllCounted(meter, seen);
  });

  it("counts a request that is aborted on its way, and none that never had a socket", async () => {
    const meter = new CountingMeter();
    await withServer(
      () => ({ status: 200, instead: "silent" }),
      { socketsMax: 1 },
      async (store) => {
        const ends = [new AbortController(), new AbortController()] as const;
        const calls = ends.map(({ signal }) => store.get("k", { signal, meter }));
        for (const call of calls) call.catch(() => undefined);
        await expect.poll(() => meter.kinds.length).toBe(1);
        for (const end of ends) end.abort(new Error("enough"));
        await Promise.allSettled(calls);
      },
    );
    expect(meter).toMatchObject({ kinds: ["get"], endedCount: 1, failed: 1 });
  });

  it("counts each step of an upload", async () => {
    const xml = (text: string): Answer => {
      const headers = { "content-type": "application/xml" };
      return { status: 200, headers, body: `<?xml version="1.0"?>${text}` };
    };
    const script: Script = ({ method, query }) => {
      if (query.has("uploads")) {
        return xml(
          "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>",
        );
      }
      if (method === "PUT") return { status: 200, headers: { etag: '"part"' } };
      return xml(
        '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>',
      );
    };
    const { meter, seen } = await meterS3(script, (store) => putStream(store, "k", body(), UPLOAD));
    expect(meter.kinds).toEqual(["openUpload", "putPart", "putPart", "completeUpload"]);
    expectAllCounted(meter, seen);
  });
});

const UPLOAD = { condition: { type: "none" }, sizeMax: 64 * 1024 * 1024 } as const;

async function* body(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(9 * 1024 * 1024);
}

it("the meter of GCS counts each request, each key that is deleted being one", async () => {
  const meter = new CountingMeter();
  await using server = await startScriptedServer((_, count) =>
    count === 1 ? { status: 503 } : { status: 204 },
  );
  const options = { bucket: "bucket", endpoint: server.endpoint };
  const opened = await openGcsStore(options);
  await using store = metered(retrying(opened, { clock: new ManualClock() }), meter);
  await store.delete("a");
  await store.deleteMany(["b", "c", "d"]);
  expect(meter.kinds).toEqual(Array.from({ length: 5 }, () => "delete"));
  expect(meter).toMatchObject({ failed: 1, retries: 1 });
  expectAllCounted(meter, server.seen);
});

it("the meter of Azure counts each request that its SDK is asked for", async () => {
  const meter = new CountingMeter();
  const etag = { etag: '"v"', "last-modified": "Thu, 15 Jan 2026 10:30:25 GMT" };
  await using server = await startScriptedServer(({ method }) => {
    if (method === "DELETE") return { status: 202 };
    return method === "PUT" ? { status: 201, headers: etag } : { status: 500 };
  });
  const opened = await openAzureStore({
    account: "account",
    container: "container",
    endpoint: `${server.endpoint}/account`,
    accountKey: Buffer.from("verysecretkey").toString("base64"),
  });
  await using store = metered(opened, meter);
  await store.put("k", BODY, ALWAYS);
  await putStream(store, "k", body(), UPLOAD);
  await store.deleteMany(["b", "c"]);
  await store.get("k").catch(() => undefined);
  expect(meter.kinds).toEqual([
    "put",
    "putPart",
    "putPart",
    "completeUpload",
    "delete",
    "delete",
    "get",
  ]);
  expect(meter.failed).toBe(1);
  expect(meter.kinds).toHaveLength(server.seen.length);
});
