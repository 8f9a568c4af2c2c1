/**
 * Requests to one host, each sent once.
 *
 * Not by the SDK: its uploads, listings and deletes cannot be stopped once they are on their way,
 * and a small object costs it two to five times the work (docs/decisions/0005-gcs-client.md).
 *
 * Always true:
 *   - An aborted request is torn off, on its way out as on its way back, and so is its socket.
 *   - Every body is read to its end or torn off.
 *   - Sockets are kept between requests, and there are never more than so many.
 *   - A host that stays silent ends the request: `TIMEOUT_CONNECT` before it was sent, else
 *     `TIMEOUT_IDLE`, as the `code` of the error.
 */

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { readBody } from "../http-body.ts";
import { GCS_CONNECT_MS_MAX, GCS_IDLE_MS_MAX, GCS_SOCKETS_MAX } from "../limits.ts";
import { type GcsStoreOptions, GOOGLE_ENDPOINT } from "./gcs-options.ts";

export interface GcsRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Percent-encoded, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent one after another. */
  readonly body?: readonly Uint8Array[] | undefined;
}

export interface GcsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export class GcsHttp {
  readonly #base: URL;
  readonly #agent: HttpAgent;
  /** Sockets that have been connected. */
  readonly #ready = new WeakSet<Socket>();
  readonly #connectMsMax: number;
  readonly #idleMsMax: number;

  constructor(options: GcsStoreOptions) {
    this.#base = new URL(options.endpoint ?? GOOGLE_ENDPOINT);
    this.#connectMsMax = options.connectMsMax ?? GCS_CONNECT_MS_MAX;
    this.#idleMsMax = options.idleMsMax ?? GCS_IDLE_MS_MAX;
    const agent = { keepAlive: true, maxSockets: options.socketsMax ?? GCS_SOCKETS_MAX };
    this.#agent = this.#base.protocol === "https:" ? new HttpsAgent(agent) : new HttpAgent(agent);
  }

  /** `host` or `host:port`, for messages. */
  get host(): string {
    return this.#base.host;
  }

  /** The whole answer, whatever its status. Rejects with what went wrong on the way. */
  async send(request: GcsRequest, signal: AbortSignal | undefined): Promise<GcsAnswer> {
    signal?.throwIfAborted();
    const sent = this.#start(request);
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        const error = new Error("aborted");
        sent.destroy(error);
        // A request that waits for a socket would tell nobody before it gets one.
        reject(error);
      };
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    const unwatch = this.#watchSilence(sent);
    try {
      const answer = await Promise.race([answerTo(sent, request.body ?? []), aborted]);
      const { headers, statusCode: status = 0 } = answer;
      const size = headers["content-length"];
      const body = await readBody(answer, size === undefined ? undefined : Number(size));
      return { status, headers, body };
    } finally {
      unwatch();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #start({ body = [], headers, method, path }: GcsRequest): ClientRequest {
    const { hostname, pathname, port, protocol } = this.#base;
    const size = body.reduce((sum, part) => sum + part.byteLength, 0);
    const start = protocol === "https:" ? httpsRequest : httpRequest;
    return start({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      method,
      path: `${pathname.replace(/\/+$/, "")}${path}`,
      headers: {
        "user-agent": "headwater",
        ...(method === "POST" || method === "PUT" ? { "content-length": String(size) } : {}),
        ...headers,
      },
    });
  }

  /** Silence is judged by the socket, which belongs to this request until it has its answer. */
  #watchSilence(sent: ClientRequest): () => void {
    let socket: Socket | undefined;
    let code = "TIMEOUT_CONNECT";
    const onTimeout = () => sent.destroy(Object.assign(new Error("no answer"), { code }));
    const onReady = () => {
      code = "TIMEOUT_IDLE";
      if (socket === undefined) return;
      socket.setTimeout(this.#idleMsMax);
      this.#ready.add(socket);
    };
    const event = this.#base.protocol === "https:" ? "secureConnect" : "connect";
    sent.once("socket", (given) => {
      socket = given;
      socket.on("timeout", onTimeout);
      if (this.#ready.has(socket)) {
        onReady();
      } else {
        socket.setTimeout(this.#connectMsMax);
        socket.once(event, onReady);
      }
    });
    return () => {
      socket?.off("timeout", onTimeout);
      socket?.off(event, onReady);
    };
  }
}

function answerTo(sent: ClientRequest, body: readonly Uint8Array[]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve);
    // Stays for errors after the answer, which its body tells too.
    sent.on("error", reject);
    sent.cork();
    for (const part of body) sent.write(part);
    sent.end();
  });
}
