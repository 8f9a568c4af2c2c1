/**
 * Requests over HTTP and TLS, each sent once.
 *
 * Always true:
 *   - An aborted request is torn off, on its way out as on its way back, and so is its socket.
 *   - Every body is read to its end or torn off.
 *   - Sockets are kept between requests, and there are never more than so many to one host. What
 *     may be gone is not used again (kept-sockets.ts).
 *   - A host that stays silent ends the request (silence-watch.ts): `TIMEOUT_CONNECT` before it was
 *     sent, else `TIMEOUT_IDLE`, as the `code` of the error.
 *   - No redirect is followed, and no proxy is asked.
 *   - A meter hears of a request when it has a connected socket, and once more when it is over.
 */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { createRequire } from "node:module";
import type { Clock } from "./clock.ts";
import { readBody } from "./http-body.ts";
import { KeptSockets } from "./kept-sockets.ts";
import type { CallOptions } from "./object-store.ts";
import { type CountedCall, RequestCount } from "./request-count.ts";
import { sharedLookup } from "./shared-lookup.ts";
import { type SilenceLimits, SilenceWatch } from "./silence-watch.ts";
import { systemClock } from "./system.ts";
import { writeBody } from "./write-body.ts";

/**
 * An import would ask for each of its exports, and some of them load a client for the whole web: 17
 * ms of a cold start, on two slow cores. The second way is for Node.js before 22.3.
 */
const { Agent: HttpAgent, request: httpRequest } = (
  process.getBuiltinModule ?? createRequire(import.meta.url)
)("node:http") as typeof import("node:http");

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Percent-encoded, with the query. It is sent as it stands. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent one after another. */
  readonly body?: readonly Uint8Array[] | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export type HttpCall = CountedCall & CallOptions;

export interface HttpLimits extends SilenceLimits {
  readonly socketsMax: number;
  /** True: any TLS certificate will do. */
  readonly skipVerify?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

export class HttpClient {
  readonly #isTls: boolean;
  readonly #agent: InstanceType<typeof HttpAgent>;
  readonly #kept: KeptSockets;
  readonly #limits: HttpLimits;

  constructor(protocol: string, limits: HttpLimits) {
    const agent = { keepAlive: true, maxSockets: limits.socketsMax, lookup: sharedLookup() };
    this.#limits = limits;
    this.#isTls = protocol === "https:";
    this.#agent = this.#isTls
      ? new HttpsAgent({ ...agent, ...(limits.skipVerify ? { rejectUnauthorized: false } : {}) })
      : new HttpAgent(agent);
    this.#kept = new KeptSockets(this.#agent, limits.clock ?? systemClock);
  }

  /** The whole answer, whatever its status. Rejects with what went wrong on the way. */
  async send(host: URL, request: HttpRequest, call: HttpCall): Promise<HttpAnswer> {
    const { signal } = call;
    signal?.throwIfAborted();
    const count = new RequestCount(call, sizeOf(request.body));
    this.#kept.forgetOld();
    const sent = this.#start(host, request);
    const watch = new SilenceWatch({
      sent,
      kept: this.#kept,
      limits: this.#limits,
      isTls: this.#isTls,
      isGet: call.kind === "get",
      onSent: () => count.start(),
    });
    const sending = answerTo(sent, request.body ?? []);
    const onAbort = () => {
      const error = new Error("aborted");
      sent.destroy(error);
      // A request that waits for a socket would tell nobody before it gets one.
      sending.fail(error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const answer = await sending.answer;
      watch.hear();
      const { headers, statusCode: status = 0 } = answer;
      // What a HEAD announces does not come.
      const size = request.method === "HEAD" ? undefined : headers["content-length"];
      const announced = size === undefined ? undefined : Number(size);
      const body = await readBody(answer, announced, (bytes) => {
        watch.hear();
        count.receive(bytes);
      });
      count.end(isRefusal(status));
      return { status, headers, body };
    } catch (error) {
      watch.doubt();
      throw error;
    } finally {
      count.end(true);
      watch.end();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #start({ hostname, port }: URL, { body, headers, method, path }: HttpRequest) {
    const start = this.#isTls ? httpsRequest : httpRequest;
    return start({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      method,
      path,
      headers: {
        "user-agent": "headwater",
        ...(method === "POST" || method === "PUT"
          ? { "content-length": String(sizeOf(body)) }
          : {}),
        ...headers,
      },
    });
  }
}

/** Why a request could not even be written, in one sentence; undefined for other failures. */
export function unwritable(failure: unknown): string | undefined {
  const { code, message = "" } = failure as { readonly code?: unknown; readonly message?: string };
  if (code !== "ERR_INVALID_CHAR") return undefined;
  const [, header = ""] = /\["([\w-]+)"\]/.exec(message) ?? [];
  const isSecret = /authorization|token/i.test(header);
  const where = isSecret ? "a key or token" : `what is to be the header ${header}`;
  return `${where} has a character that cannot be sent, such as a line break at its end`;
}

function sizeOf(body: HttpRequest["body"] = []): number {
  return body.reduce((sum, part) => sum + part.byteLength, 0);
}

/** The store could not, as opposed to: there is no such object, or the condition does not hold. */
function isRefusal(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Settles with what comes first; `fail` ends the wait. */
function answerTo(sent: ClientRequest, body: readonly Uint8Array[]) {
  let fail: (error: Error) => void = () => {};
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    fail = reject;
    let isAnswered = false;
    sent.once("response", (message) => {
      isAnswered = true;
      resolve(message);
    });
    sent.once("close", () => {
      // Node.js tells no more of an answer that changes to another protocol.
      if (!isAnswered) reject(new Error("the connection ended without an answer"));
    });
    // Stays for errors after the answer, which its body tells too.
    sent.on("error", reject);
    writeBody(sent, body);
  });
  return { answer, fail };
}
