/** Connections to S3: none is lost, whatever becomes of a call, and few are enough for many. */

import { type AddressInfo, createServer } from "node:net";
import { deadlined, limited, type ObjectStore, retrying } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { describe, expect, it, vi } from "vitest";
import {
  ALWAYS,
  BODY,
  type Call,
  CREDENTIALS,
  create,
  failureOf,
  get,
  IF_ABSENT,
  list,
  put,
  type Script,
  withServer,
} from "./scripted-s3.ts";
import { type Answer, errorAnswer } from "./scripted-server.ts";

const MANY = 300;
const SOCKETS = 8;
const BIG = "x".repeat(200_000);
const OBJECT: Answer = { status: 200, headers: { etag: '"v"' }, body: "0123456789" };

/** So many calls, never more than there are sockets for at a time. */
async function callMany(store: ObjectStore, call: (index: number) => Promise<unknown>) {
  let next = 0;
  const worker = async () => {
    while (next < MANY) {
      next += 1;
      await call(next);
    }
  };
  await Promise.all(Array.from({ length: SOCKETS }, worker));
  return store;
}

describe("sockets", () => {
  it.each<readonly [string, Answer]>([
    ["an answer that never comes", { status: 0, instead: "silent" }],
    [
      "a body that never ends",
      { status: 200, headers: { etag: '"v"' }, body: BIG, instead: "stall" },
    ],
    [
      "a body of announced size that never ends",
      {
        status: 200,
        headers: { etag: '"v"', "content-length": "900000" },
        body: BIG,
        instead: "stall",
      },
    ],
  ])("are given back by gets that are aborted in %s", async (_name, answer) => {
    await withServer(
      () => answer,
      { socketsMax: SOCKETS },
      async (store, seen, server) => {
        await callMany(store, async () => {
          const stop = new AbortController();
          const count = seen.length;
          const getting = store.get("k", { signal: stop.signal });
          await vi.waitFor(() => expect(seen.length).toBeGreaterThan(count), { interval: 1 });
          stop.abort();
          await expect(getting).rejects.toBe(stop.signal.reason);
        });
        await vi.waitFor(async () => expect(await server.openSockets()).toBe(0));
      },
    );
  });

  it.each<readonly [string, Call, Answer]>([
    ["errors", get, errorAnswer(403, "AccessDenied")],
    ["errors of puts", put, errorAnswer(503, "SlowDown")],
    ["errors with long bodies", get, { status: 500, body: BIG }],
    ["pages that are no listing", list, { status: 200, body: "<html></html>" }],
    ["objects that are none", get, { status: 200, body: BIG }],
  ])("are used again after %s", async (_name, call, answer) => {
    await withServer(
      () => answer,
      { socketsMax: SOCKETS },
      async (store, _seen, server) => {
        await callMany(store, () => failureOf(call(store)));
        expect(await server.openSockets()).toBeLessThanOrEqual(SOCKETS);
        expect(server.connectionCount()).toBeLessThanOrEqual(SOCKETS);
      },
    );
  });

  it("are given back by gets of objects that are too large to be got at once", async () => {
    const headers = { etag: '"v"', "content-length": "9000000000" };
    await withServer(
      () => ({ status: 200, headers, body: BIG, instead: "stall" }),
      {},
      async (store, _seen, server) => {
        for (let count = 0; count < 20; count += 1) {
          expect((await failureOf(store.get("k"))).code).toBe("UNSUPPORTED");
        }
        await vi.waitFor(async () => expect(await server.openSockets()).toBe(0));
      },
    );
  });

  it("may be far fewer than the calls: each is answered, none counts as unreached", async () => {
    const script: Script = ({ method }) =>
      method === "GET"
        ? { ...OBJECT, delayMs: 60 }
        : { status: 200, headers: { etag: '"v"' }, delayMs: 60 };
    // All together wait in line for longer than a connection, or an answer, may take.
    const options = { socketsMax: 2, connectMsMax: 250, idleMsMax: 250 };
    await withServer(script, options, async (store, seen, server) => {
      const calls = Array.from({ length: 30 }, (_, index) =>
        index % 2 === 0 ? store.get("k") : store.put(`k${index}`, BODY, IF_ABSENT),
      );
      await Promise.all(calls);
      expect(seen).toHaveLength(30);
      expect(server.connectionCount()).toBe(2);
    });
  });

  it("are waited for before any deadline begins, with as many calls at a time", async () => {
    const script: Script = () => ({ ...OBJECT, delayMs: 60 });
    await withServer(script, { socketsMax: 2 }, async (store, seen) => {
      const calls = (layered: ObjectStore) =>
        Promise.allSettled(Array.from({ length: 30 }, () => layered.head("k")));
      const inTime = deadlined(store, { requestMs: 400 });
      const limitedFirst = await calls(limited(inTime, { parallelMax: 2 }));
      expect(limitedFirst.filter(({ status }) => status === "rejected")).toEqual([]);
      expect(seen).toHaveLength(30);
      // Without the limit the wait counts, and the last of them are late.
      expect((await calls(inTime)).at(-1)?.status).toBe("rejected");
    });
  });

  it("are waited for in the order of the calls, and not by those that were aborted", async () => {
    const script: Script = () => ({ status: 200, headers: { etag: '"v"' }, delayMs: 50 });
    await withServer(script, { socketsMax: 1 }, async (store, seen) => {
      const stop = new AbortController();
      const first = store.put("first", BODY, ALWAYS);
      const second = store.put("second", BODY, { ...ALWAYS, signal: stop.signal });
      const third = store.put("third", BODY, ALWAYS);
      stop.abort();
      await expect(second).rejects.toBe(stop.signal.reason);
      await Promise.all([first, third]);
      expect(seen.map(({ path }) => path)).toEqual(["/bucket/first", "/bucket/third"]);
    });
  });

  it("that a server takes for another protocol are given up, and the call with them", async () => {
    const server = createServer((socket) => {
      const status = "HTTP/1.1 101 Switching Protocols";
      const answer = `${status}\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n`;
      socket.on("error", () => undefined).on("data", () => socket.write(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = await openS3Store({ bucket: "bucket", endpoint, credentials: CREDENTIALS });
    expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
    expect((await failureOf(create(store))).code).toBe("OUTCOME_UNKNOWN");
    await store.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it("of a server that ends idle connections are replaced, without an error", async () => {
    const script: Script = () => ({ ...OBJECT, headers: { etag: '"v"', connection: "close" } });
    await withServer(script, {}, async (plain, seen) => {
      const store = retrying(plain);
      for (let count = 0; count < 20; count += 1) await store.get("k");
      expect(seen).toHaveLength(20);
    });
  });
});
