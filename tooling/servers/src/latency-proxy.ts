/**
 * A proxy on loopback that makes a local S3 server as far away as one likes, and counts requests.
 *
 * Always true:
 *   - Bytes go through unchanged, the Host header included, so that signatures stay valid.
 *   - One connection of a client is one connection to the server; both stay open between requests.
 *   - Each request waits for the latency before its first byte is forwarded. Answers do not wait.
 *   - What a client sends goes on no faster than the upload rate, each connection for itself.
 *
 * It reads heads of requests and the status of answers, and nothing else.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { REQUEST_KINDS, type RequestKind } from "./request-head.ts";
import { RequestSplitter } from "./request-splitter.ts";

export interface LatencyProxyOptions {
  /** `http://host:port` of the server. */
  readonly target: string;
  readonly latencyMs: number;
  /** Towards the server. Undefined: as fast as it goes. */
  readonly uploadBytesPerSecond?: number | undefined;
  /** 0: any free one. */
  readonly port?: number | undefined;
}

export interface ProxyCounts {
  readonly requests: Readonly<Record<RequestKind, number>>;
  readonly requestsTotal: number;
  /** Answers by status, such as `{ "200": 7, "404": 1 }`. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly bytesToServer: number;
  readonly bytesToClient: number;
  readonly connections: number;
  /** The most requests that were waiting for an answer at one time. */
  readonly parallelMax: number;
}

const HTTP_STATUS_END = 12; // "HTTP/1.1 200"
/** A timer takes no less. */
const PAUSE_MS_MIN = 1;

/** What may change while connections are open. */
type Line = Pick<LatencyProxy, "latencyMs" | "uploadBytesPerSecond">;

export class LatencyProxy {
  /** For requests from now on. */
  latencyMs: number;
  /** For bytes from now on. Infinity: as fast as it goes. */
  uploadBytesPerSecond: number;
  readonly #host: string;
  readonly #port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #tally = new Tally();

  constructor(options: LatencyProxyOptions) {
    const { target, latencyMs, uploadBytesPerSecond = Number.POSITIVE_INFINITY } = options;
    const url = new URL(target);
    if (url.protocol !== "http:") throw new TypeError(`the target must be http: ${target}`);
    this.#host = url.hostname;
    this.#port = Number(url.port || 80);
    this.latencyMs = latencyMs;
    this.uploadBytesPerSecond = uploadBytesPerSecond;
    this.#server = createServer({ noDelay: true }, (client) => this.#serve(client));
  }

  /** Clients use this in place of the target; the target's path stays as it is. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
  }

  counts(): ProxyCounts {
    return this.#tally.snapshot();
  }

  resetCounts(): void {
    this.#tally.reset();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    const server = connect({ host: this.#host, port: this.#port, noDelay: true });
    const tunnel = new Tunnel(client, server, this.#tally, this);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        tunnel.destroy();
      });
      socket.on("error", () => tunnel.destroy());
    }
  }
}

export async function startLatencyProxy(options: LatencyProxyOptions): Promise<LatencyProxy> {
  const proxy = new LatencyProxy(options);
  await proxy.listen(options.port ?? 0);
  return proxy;
}

class Tunnel {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #tally: Tally;
  readonly #line: Line;
  readonly #splitter = new RequestSplitter();
  #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;
  /** For how long the bytes that went on still hold the line; what was waited too long counts. */
  #owedMs = 0;
  /** The next bytes from the server start an answer. */
  #expectsStatus = false;

  constructor(client: Socket, server: Socket, tally: Tally, line: Line) {
    this.#client = client;
    this.#server = server;
    this.#tally = tally;
    this.#line = line;
    tally.connections += 1;
    client.on("data", (bytes: Buffer) => this.#fromClient(bytes));
    client.on("end", () => server.end());
    client.on("drain", () => server.resume());
    server.on("data", (bytes: Buffer) => this.#fromServer(bytes));
    server.on("end", () => client.end());
    server.on("drain", () => {
      if (this.#timer === undefined) client.resume();
    });
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#tally.answered(this.#unanswered);
    this.#unanswered = 0;
    this.#client.destroy();
    this.#server.destroy();
  }

  #fromClient(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0; ) {
      const next = this.#splitter.next(rest);
      if (next === undefined) return;
      const { piece } = next;
      rest = next.rest;
      if (piece.head !== undefined) {
        this.#tally.started(piece.head.kind);
        this.#unanswered += 1;
        const { latencyMs } = this.#line;
        if (latencyMs > 0) {
          this.#later(latencyMs, piece.bytes, rest);
          return;
        }
        this.#expectsStatus = true;
      }
      this.#toServer(piece.bytes);
    }
    this.#holdLine();
  }

  /** Nothing more is read from the client until this request has gone out. */
  #later(latencyMs: number, head: Buffer, rest: Buffer): void {
    this.#client.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expectsStatus = true;
      this.#client.resume();
      this.#toServer(head);
      this.#fromClient(rest);
    }, latencyMs);
  }

  /** Nothing more is read from the client until the line has carried what went on. */
  #holdLine(): void {
    if (this.#owedMs < PAUSE_MS_MIN) return;
    const startedMs = performance.now();
    this.#client.pause();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#owedMs -= performance.now() - startedMs;
      if (!this.#server.writableNeedDrain) this.#client.resume();
    }, this.#owedMs);
  }

  #toServer(bytes: Buffer): void {
    this.#tally.bytesToServer += bytes.length;
    this.#owedMs += (bytes.length * 1000) / this.#line.uploadBytesPerSecond;
    if (!this.#server.write(bytes)) this.#client.pause();
  }

  #fromServer(bytes: Buffer): void {
    if (this.#expectsStatus && bytes.length >= HTTP_STATUS_END) {
      const status = bytes.toString("latin1", 9, HTTP_STATUS_END);
      // "100 Continue" comes before the answer.
      if (status !== "100") {
        this.#expectsStatus = false;
        this.#tally.status(status);
        this.#tally.answered(1);
        this.#unanswered -= 1;
      }
    }
    this.#tally.bytesToClient += bytes.length;
    if (!this.#client.write(bytes)) this.#server.pause();
  }
}

class Tally {
  bytesToServer = 0;
  bytesToClient = 0;
  connections = 0;
  #requests = noRequests();
  #statuses: Record<string, number> = {};
  #parallel = 0;
  #parallelMax = 0;

  started(kind: RequestKind): void {
    this.#requests[kind] += 1;
    this.#parallel += 1;
    this.#parallelMax = Math.max(this.#parallelMax, this.#parallel);
  }

  status(status: string): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
  }

  answered(count: number): void {
    this.#parallel -= count;
  }

  snapshot(): ProxyCounts {
    return {
      requests: { ...this.#requests },
      requestsTotal: Object.values(this.#requests).reduce((sum, count) => sum + count, 0),
      statuses: { ...this.#statuses },
      bytesToServer: this.bytesToServer,
      bytesToClient: this.bytesToClient,
      connections: this.connections,
      parallelMax: this.#parallelMax,
    };
  }

  reset(): void {
    this.bytesToServer = 0;
    this.bytesToClient = 0;
    this.connections = 0;
    this.#requests = noRequests();
    this.#statuses = {};
    this.#parallelMax = this.#parallel;
  }
}

function noRequests(): Record<RequestKind, number> {
  return Object.fromEntries(REQUEST_KINDS.map((kind) => [kind, 0])) as Record<RequestKind, number>;
}
