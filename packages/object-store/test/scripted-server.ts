import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /**
   * "reset" tears the connection, "silent" never answers, "stall" never ends its answer, "tear"
   * tears the connection within it.
   */
  readonly instead?: "reset" | "silent" | "stall" | "tear";
  /** How long it takes to answer. */
  readonly delayMs?: number;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  /** How many connections there ever were. */
  connectionCount(): number;
  /** How many are open now. */
  openSockets(): Promise<number>;
}

/** An HTTP server that says what a test wants a store to say. */
export async function startScriptedServer(
  answer: (request: SeenRequest, count: number) => Answer,
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  let connectionCount = 0;
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://localhost");
    const now: SeenRequest = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks),
    };
    seen.push(now);
    const { body = "", headers, instead, status, delayMs = 0 } = answer(now, seen.length);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (instead === "silent") return;
    if (instead === "reset") {
      request.socket.resetAndDestroy();
      return;
    }
    const length = now.method === "HEAD" ? lengthOf(body, headers) : {};
    response.writeHead(status, { ...headers, ...length });
    if (instead === "stall") response.write(body);
    else if (instead === "tear") response.write(body, () => request.socket.destroy());
    else if (isWhole(body, headers?.["content-length"])) response.end(body);
    else response.write(body, () => setTimeout(() => request.socket.destroy(), 5));
  });
  server.on("connection", () => {
    connectionCount += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connectionCount: () => connectionCount,
    openSockets: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Of an answer without a body, Node.js does not tell the length by itself. */
function lengthOf(body: string | Uint8Array, headers: Answer["headers"] = {}) {
  const isTold = "content-length" in headers || "transfer-encoding" in headers;
  return isTold ? {} : { "content-length": Buffer.byteLength(body) };
}

/** A body shorter than announced is followed by the end of the connection. */
function isWhole(body: string | Uint8Array, announced: string | undefined): boolean {
  return announced === undefined || Number(announced) === Buffer.byteLength(body);
}

/** An error as S3 writes it. */
export function errorAnswer(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>told</Message></Error>`;
  return { status, headers: { "content-type": "application/xml", ...headers }, body };
}
