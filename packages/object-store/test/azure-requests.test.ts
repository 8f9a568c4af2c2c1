import type { ObjectMeta } from "@headwater/object-store";
import type { AzureStoreOptions } from "@headwater/object-store/azure";
import { describe, expect, it, vi } from "vitest";
import {
  BODY,
  type Call,
  DATE,
  errorAnswer,
  failure,
  failureOf,
  get,
  IF_ABSENT,
  keysOf,
  list,
  put,
  removeVersion,
  type Script,
  swap,
  withServer,
  XML,
} from "./scripted-azure.ts";
import type { Answer, SeenRequest } from "./scripted-server.ts";

describe("requests", () => {
  const ok: Answer = { status: 201, headers: { etag: '"v2"', date: DATE } };

  async function sent(
    call: Call,
    options: Partial<AzureStoreOptions> = {},
    status = 201,
  ): Promise<SeenRequest> {
    return withServer(
      () => ({ ...ok, status }),
      options,
      async (store, seen) => {
        await call(store);
        expect(seen).toHaveLength(1);
        return seen[0] as SeenRequest;
      },
    );
  }

  it("of a put carry condition and timestamp, in one piece", async () => {
    const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 638);
    const request = await sent((store) =>
      store.put("db/ltx/0/a b.ltx", BODY, { ...IF_ABSENT, timestampMs, noCache: true }),
    );
    expect(request).toMatchObject({ method: "PUT", path: "/account/container/db/ltx/0/a%20b.ltx" });
    expect(request.body.toString()).toBe("body");
    expect(request.headers).toMatchObject({
      "if-none-match": "*",
      "x-ms-meta-litestreamtimestamp": "2026-01-15T10:30:25.638Z",
      "x-ms-blob-cache-control": "no-store",
      "x-ms-blob-content-type": "application/octet-stream",
      "x-ms-blob-type": "BlockBlob",
      "x-ms-access-tier": "Hot",
      "content-length": "4",
    });
    expect(request.headers.authorization).toMatch(/^SharedKey account:/);
    expect((await sent(swap)).headers["if-match"]).toBe('"v1"');
    expect((await sent(removeVersion, {}, 202)).headers["if-match"]).toBe('"v1"');
    const plain = await sent(put, { accessTier: "" });
    expect(plain.headers).not.toHaveProperty("x-ms-access-tier");
    expect(plain.headers).not.toHaveProperty("if-match");
    expect(plain.headers).not.toHaveProperty("if-none-match");
  });

  it("carry a SAS token instead of a key where there is one", async () => {
    const { headers, query } = await sent(put, { sasToken: "?sv=2026&sp=rw&sig=a%2Bb%3D" });
    expect(headers).not.toHaveProperty("authorization");
    expect(query.get("sig")).toBe("a+b=");
    expect(query.get("sp")).toBe("rw");
  });

  it("tell the store's clock and what it says of the object", async () => {
    const headers = {
      etag: '"v3"',
      date: DATE,
      "last-modified": "Thu, 15 Jan 2026 10:30:20 GMT",
      "x-ms-meta-Litestreamtimestamp": "2026-01-15T10:29:00.5Z",
      "content-range": "bytes 90-99/100",
      "content-length": "10",
    };
    const script: Script = () => ({ status: 206, headers, body: "0123456789" });
    await withServer(script, {}, async (store, seen) => {
      const { meta, body } = await store.get("k", { range: { offset: 90, length: 20 } });
      expect(seen[0]?.headers["x-ms-range"] ?? seen[0]?.headers.range).toBe("bytes=90-109");
      expect(body.byteLength).toBe(10);
      expect(meta).toEqual({
        key: "k",
        size: 100,
        version: '"v3"',
        lastModifiedMs: Date.parse(headers["last-modified"]),
        timestampMs: Date.UTC(2026, 0, 15, 10, 29, 0, 500),
        serverDateMs: Date.parse(DATE),
      });
    });
  });

  it("for a range are cut here when the server sends the whole object", async () => {
    const script: Script = () => ({ status: 200, headers: { etag: '"v"' }, body: "0123456789" });
    const withLength: Script = () => ({
      status: 200,
      headers: { etag: '"v"', "content-length": "10" },
      body: "0123456789",
    });
    await withServer(withLength, {}, async (store) => {
      const { meta, body } = await store.get("k", { range: { offset: 2, length: 3 } });
      expect(meta.size).toBe(10);
      expect(new TextDecoder().decode(body)).toBe("234");
      const beyond = store.get("k", { range: { offset: 10, length: 1 } });
      expect((await failureOf(beyond)).code).toBe("RANGE_UNSATISFIABLE");
    });
    expect((await failure(script, get)).code).toBe("CONFIG_INVALID");
  });

  it("for a range at the end are refused, although the answer is a success", async () => {
    const headers = { etag: '"v"', "content-length": "0", "content-range": "bytes 10-9/10" };
    const script: Script = () => ({ status: 206, headers });
    const call: Call = (store) => store.get("k", { range: { offset: 10, length: 5 } });
    expect((await failure(script, call)).code).toBe("RANGE_UNSATISFIABLE");
  });

  it("for a suffix are not sent", async () => {
    await withServer(
      () => ok,
      {},
      async (store, seen) => {
        const call = store.get("k", { range: { suffix: 10 } });
        expect((await failureOf(call)).code).toBe("UNSUPPORTED");
        expect(seen).toHaveLength(0);
      },
    );
  });

  it("share connections, also after errors, and never have more than allowed", async () => {
    const script: Script = (_, count) =>
      count % 2 === 0 ? errorAnswer(412, "ConditionNotMet") : ok;
    await withServer(script, {}, async (store, seen, server) => {
      for (let count = 0; count < 20; count += 1) await swap(store).catch(() => undefined);
      expect(seen).toHaveLength(20);
      expect(server.connectionCount()).toBe(1);
    });
    await withServer(script, { socketsMax: 3 }, async (store, seen, server) => {
      const calls = Array.from({ length: 64 }, () => swap(store).catch(() => undefined));
      await Promise.all(calls);
      expect(seen).toHaveLength(64);
      expect(server.connectionCount()).toBe(3);
      await store.close();
      await vi.waitUntil(async () => (await server.openSockets()) === 0);
    });
  });
});

describe("deleteMany", () => {
  const keys = Array.from({ length: 100 }, (_, count) => `k${count}`);

  it("goes on after a key that cannot be deleted", async () => {
    const script: Script = ({ path }) => {
      if (path.endsWith("/k5")) return errorAnswer(409, "SnapshotsPresent");
      return path.endsWith("/k6") ? errorAnswer(404, "BlobNotFound") : { status: 202 };
    };
    await withServer(script, {}, async (store, seen) => {
      const error = await failureOf(store.deleteMany(keys));
      expect(error).toMatchObject({ code: "FORBIDDEN", key: "k5" });
      expect(seen).toHaveLength(100);
    });
  });

  it("asks a store in trouble no further", async () => {
    const script: Script = () => errorAnswer(503, "ServerBusy");
    await withServer(script, {}, async (store, seen) => {
      expect((await failureOf(store.deleteMany(keys))).code).toBe("THROTTLED");
      expect(seen.length).toBeLessThanOrEqual(16);
    });
  });
});

describe("list", () => {
  const modified = "<Last-Modified>Thu, 15 Jan 2026 10:30:20 GMT</Last-Modified>";
  const page = (keys: readonly string[], marker = "", metadata = ""): Answer => {
    const blobs = keys
      .map((key) => {
        const facts = `<Etag>0x8D</Etag><Content-Length>1</Content-Length>${modified}`;
        const properties = `<Properties>${facts}</Properties>`;
        return `<Blob><Name>${key}</Name>${properties}<Metadata>${metadata}</Metadata></Blob>`;
      })
      .join("");
    const start = '<EnumerationResults ServiceEndpoint="http://h/" ContainerName="container">';
    const rest = `<Blobs>${blobs}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`;
    const body = `${start}${rest}`;
    return { status: 200, headers: { ...XML, date: DATE }, body };
  };

  it("goes from page to page by the store's marker, and starts after a key", async () => {
    const script: Script = (_, count) =>
      count === 1 ? page(["a", "b"], "2!opaque/=") : page(["c", "d"]);
    await withServer(script, { listPageKeys: 2 }, async (store, seen) => {
      expect(await keysOf(store.list("", { startAfter: "b" }))).toEqual(["c", "d"]);
      expect(seen.map(({ query }) => query.get("marker"))).toEqual([null, "2!opaque/="]);
      expect(seen[0]?.query.get("include")).toBe("metadata");
      expect(seen[0]?.query.get("maxresults")).toBe("2");
    });
  });

  it("tells timestamp and version as get does, and leaves out folders", async () => {
    const stamp = "<litestreamTimestamp>2026-01-15T10:29:00.5Z</litestreamTimestamp>";
    const script: Script = (_, count) => {
      return count === 1
        ? page(["f"], "m", "<hdi_isfolder>true</hdi_isfolder>")
        : page(["f/a"], "", stamp);
    };
    const metas = await withServer(script, {}, async (store) => {
      const all: ObjectMeta[] = [];
      for await (const meta of store.list("f")) all.push(meta);
      return all;
    });
    expect(metas).toEqual([
      {
        key: "f/a",
        size: 1,
        version: '"0x8D"',
        lastModifiedMs: Date.UTC(2026, 0, 15, 10, 30, 20),
        timestampMs: Date.UTC(2026, 0, 15, 10, 29, 0, 500),
        serverDateMs: Date.parse(DATE),
      },
    ]);
  });

  it("is sorted where the store has another order, and is never out of order", async () => {
    const mendable: Script = (_, count) =>
      [page(["a"], "1"), page(["c/d", "c-d"], "2"), page(["b"])][count - 1] ?? page([]);
    await withServer(mendable, {}, async (store) => {
      expect(await keysOf(store.list(""))).toEqual(["a", "b", "c-d", "c/d"]);
    });
    const given: string[] = [];
    const late: Script = (_, count) => (count === 1 ? page(["a", "c"], "1") : page(["b"]));
    const error = await failure(late, async (store) => {
      for await (const { key } of store.list("")) given.push(key);
    });
    expect(error.code).toBe("UNSUPPORTED");
    expect(given).toEqual(["a", "c"]);
  });

  it("ends when the store goes in circles", async () => {
    const error = await failure(() => page([], "same"), list);
    expect(error.code).toBe("UNAVAILABLE");
  });
});
