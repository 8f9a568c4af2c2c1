/**
 * A request as handlers get it, whole, and an answer as they give it.
 */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

export interface Call {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
}

/** Rejects when the client goes away before its body has come whole. */
export async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const target = request.url ?? "/";
  const question = target.indexOf("?");
  return {
    method: request.method ?? "GET",
    path: question < 0 ? target : target.slice(0, question),
    query: new URLSearchParams(question < 0 ? "" : target.slice(question + 1)),
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

export function sendReply(response: ServerResponse, { body = "", headers, status }: Reply): void {
  const length = Buffer.byteLength(body);
  const sized = status === 204 || status === 304 ? {} : { "content-length": String(length) };
  response.writeHead(status, { ...sized, ...headers });
  response.end(body);
}

export function jsonReply(value: unknown): Reply {
  const headers = { "content-type": "application/json; charset=UTF-8" };
  return { status: 200, headers, body: JSON.stringify(value) };
}
