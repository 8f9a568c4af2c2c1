import { createHash, randomBytes } from "node:crypto";
import { Agent, createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { startLatencyProxy } from "@headwater/servers";
import { describe, expect, it } from "vitest";

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly bodyHash: string;
}

const hashOf = (body: Uint8Array) => createHash("sha256").update(body).digest("hex");

/** Answers with what it got; `/size/N` answers with N bytes. */
async function startOrigin() {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const size = /^\/size\/(\d+)/.exec(request.url ?? "")?.[1];
    if (size !== undefined) {
      response.end(Buffer.alloc(Number(size), "x"));
      return;
    }
    response.statusCode = request.url?.includes("missing") ? 404 : 200;
    const echo: Echo = {
      method: request.method ?? "",
      url: request.url ?? "",
      host: request.headers.host ?? "",
      bodyHash: hashOf(Buffer.concat(chunks)),
    };
    response.end(JSON.stringify(echo));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function call(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
    readonly agent?: Agent;
  } = {},
): Promise<Buffer> {
  const { agent, body, headers = {}, method = "GET" } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, ...(agent ? { agent } : {}) });
    request.once("error", reject).once("response", async (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve(Buffer.concat(chunks));
    });
    request.end(body);
  });
}

describe("latency proxy", () => {
  it("changes no byte: path, Host header and body, of known length or chunked", async () => {
    await using origin = await startOrigin();
    const proxy = await startLatencyProxy({ target: origin.target, latencyMs: 3 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = randomBytes(1_000_000);
    for (const framing of ["length", "chunked", "none", "chunked", "length"]) {
      const headers: Record<string, string> = { host: "bucket.example" };
      if (framing === "length") headers["content-length"] = `${body.length}`;
      if (framing === "chunked") headers["transfer-encoding"] = "chunked";
      const sent = framing === "none" ? {} : { body };
      const url = `${proxy.endpoint}/b/a%20b//c?x=%2F`;
      const text = await call(url, { method: "PUT", headers, agent, ...sent });
      expect(JSON.parse(text.toString())).toEqual({
        method: "PUT",
        url: "/b/a%20b//c?x=%2F",
        host: "bucket.example",
        bodyHash: hashOf(framing === "none" ? Buffer.alloc(0) : body),
      });
    }
    const counts = proxy.counts();
    expect(counts.connections).toBe(1);
    expect(counts.requests.put).toBe(5);
    expect(counts.bytesToServer).toBeGreaterThan(4_000_000);
    agent.destroy();
    await proxy.stop();
  });

  it("counts requests by what they are, and answers by status", async () => {
    await using origin = await startOrigin();
    const proxy = await startLatencyProxy({ target: origin.target, latencyMs: 0 });
    const range = { range: "bytes=0-9" };
    await call(`${proxy.endpoint}/b/key`);
    await call(`${proxy.endpoint}/b/missing`);
    await call(`${proxy.endpoint}/b/key`, { headers: range });
    await call(`${proxy.endpoint}/b?list-type=2&prefix=p`);
    await call(`${proxy.endpoint}/b?location`);
    await call(`${proxy.endpoint}/b/key`, { method: "HEAD" });
    await call(`${proxy.endpoint}/b/key?partNumber=1`, { method: "PUT" });
    await call(`${proxy.endpoint}/b/key`, { method: "DELETE" });
    await call(`${proxy.endpoint}/b?delete`, { method: "POST", body: Buffer.from("<x/>") });
    expect(proxy.counts()).toMatchObject({
      requests: {
        get: 2,
        getRange: 1,
        list: 1,
        other: 1,
        head: 1,
        put: 1,
        delete: 1,
        deleteMany: 1,
      },
      requestsTotal: 9,
      statuses: { "200": 8, "404": 1 },
    });
    proxy.resetCounts();
    expect(proxy.counts().requestsTotal).toBe(0);
    await proxy.stop();
  });

  it("makes each request wait, and requests on other connections not for one another", async () => {
    await using origin = await startOrigin();
    const proxy = await startLatencyProxy({ target: origin.target, latencyMs: 40 });
    const agent = new Agent({ keepAlive: true });
    const startMs = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => call(`${proxy.endpoint}/b/k`, { agent })));
    const onceMs = performance.now() - startMs;
    expect(onceMs).toBeGreaterThanOrEqual(39);
    expect(onceMs).toBeLessThan(400);
    expect(proxy.counts().parallelMax).toBe(20);
    for (let count = 0; count < 3; count += 1) await call(`${proxy.endpoint}/b/k`, { agent });
    expect(performance.now() - startMs - onceMs).toBeGreaterThanOrEqual(117);
    proxy.latencyMs = 0;
    agent.destroy();
    await proxy.stop();
  });

  it("holds what is sent to the upload rate, unchanged, each connection for itself", async () => {
    await using origin = await startOrigin();
    const { target } = origin;
    const uploadBytesPerSecond = 4_000_000;
    const proxy = await startLatencyProxy({ target, latencyMs: 5, uploadBytesPerSecond });
    const agent = new Agent({ keepAlive: true });
    const url = `${proxy.endpoint}/b/k`;
    const put = async (body: Buffer) => {
      const answer = await call(url, { method: "PUT", body, agent });
      expect((JSON.parse(answer.toString()) as Echo).bodyHash).toBe(hashOf(body));
    };
    const startMs = performance.now();
    let isSlowPutDone = false;
    const slowPut = put(randomBytes(1_200_000)).then(() => {
      isSlowPutDone = true;
    });
    await call(url, { agent });
    expect(isSlowPutDone).toBe(false);
    await slowPut;
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(200);
    proxy.uploadBytesPerSecond = Number.POSITIVE_INFINITY;
    await put(randomBytes(16_000_000));
    expect(proxy.counts().parallelMax).toBe(2);
    agent.destroy();
    await proxy.stop();
  });

  it("takes requests byte by byte, and one after another without waiting", async () => {
    await using origin = await startOrigin();
    const proxy = await startLatencyProxy({ target: origin.target, latencyMs: 1 });
    const socket = connect(Number(new URL(proxy.endpoint).port), "127.0.0.1");
    let answers = "";
    socket.on("data", (chunk: Buffer) => (answers += chunk.toString()));
    const requests =
      "PUT /b/1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n" +
      "PUT /b/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi" +
      "GET /b/3 HTTP/1.1\r\nHost: h\r\n\r\n";
    for (const byte of Buffer.from(requests)) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    while ((answers.match(/"bodyHash"/g)?.length ?? 0) < 3) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(answers).toContain(hashOf(Buffer.from("abc")));
    expect(answers).toContain(hashOf(Buffer.from("hi")));
    expect(proxy.counts().requests).toMatchObject({ put: 2, get: 1 });
    socket.destroy();
    await proxy.stop();
  });

  it("lets large answers through at the client's pace", async () => {
    await using origin = await startOrigin();
    const proxy = await startLatencyProxy({ target: origin.target, latencyMs: 0 });
    const size = 64 << 20;
    const body = await call(`${proxy.endpoint}/size/${size}`);
    expect(body.length).toBe(size);
    await proxy.stop();
  });
});
