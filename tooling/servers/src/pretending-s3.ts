/**
 * A small S3 server of our own that breaks its word on purpose, on loopback: what the checks of a
 * store's conditions have to find out. Such servers exist; they answer like any other.
 *
 * It knows objects by one PUT or in parts, GET, HEAD, DELETE, DeleteObjects and ListObjectsV2,
 * ignores signatures, and has every bucket.
 */

import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ACCESS_KEY_ID, DEFAULT_BUCKET, type RunningServer, SECRET_ACCESS_KEY } from "./server.ts";

/** In what way it is bad. "nothing" keeps its word: so what else it does is not to blame. */
export type Pretence =
  | "nothing"
  | "ignores all conditions"
  | "ignores If-Match"
  | "ignores conditions on deletes"
  /** Looks first and writes later: wrong as soon as several come at once. */
  | "keeps conditions but for races";

interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly modified: Date;
}

type Objects = Map<string, StoredObject>;

/** Of uploads that have not ended, by id: the parts by number. */
type Uploads = Map<string, Map<number, Buffer>>;

const RACE_MS = 5;

export async function startPretendingS3(pretence: Pretence): Promise<RunningServer> {
  const objects: Objects = new Map();
  const uploads: Uploads = new Map();
  const http = createServer((request, response) => {
    answer(pretence, { objects, uploads }, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    name: `S3 that ${pretence}`,
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    region: "us-east-1",
    bucket: DEFAULT_BUCKET,
    createsBuckets: false,
    async stop() {
      http.closeAllConnections();
      if (http.listening) await new Promise((resolve) => http.close(resolve));
    },
  };
}

async function answer(
  pretence: Pretence,
  { objects, uploads }: { readonly objects: Objects; readonly uploads: Uploads },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const url = new URL(request.url ?? "/", "http://localhost");
  const [, , ...rest] = decodeURIComponent(url.pathname).split("/");
  const key = rest.join("/");
  const found = objects.get(key);
  const id = url.searchParams.get("uploadId");
  if (id !== null || url.searchParams.has("uploads")) {
    const whole = stepOfUpload(uploads, id, url.searchParams, { request, response, body });
    if (whole === undefined) return;
    await put(pretence, objects, key, { request, response, body: whole, isLastStep: true });
    return;
  }
  switch (request.method) {
    case "GET":
      if (key === "") sendXml(response, listing(objects, url.searchParams));
      else sendObject(response, found, request);
      return;
    case "HEAD":
      sendObject(response, found, request);
      return;
    case "PUT":
      await put(pretence, objects, key, { request, response, body });
      return;
    case "POST":
      for (const [, name = ""] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) {
        objects.delete(name);
      }
      sendXml(response, "<DeleteResult></DeleteResult>");
      return;
    case "DELETE":
      if (pretence !== "ignores conditions on deletes" && !holds(pretence, found, request)) {
        refuse(response);
        return;
      }
      objects.delete(key);
      response.writeHead(204).end();
      return;
    default:
      response.writeHead(405).end();
  }
}

interface Put {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  /** It makes an object out of parts, which is answered in another way. */
  readonly isLastStep?: boolean;
}

/** Answers all but the last step, whose body it gives. */
function stepOfUpload(
  uploads: Uploads,
  id: string | null,
  query: URLSearchParams,
  { request, response, body }: Put,
): Buffer | undefined {
  if (id === null) {
    const made = `upload-${randomUUID()}`;
    uploads.set(made, new Map());
    const told = `<UploadId>${made}</UploadId>`;
    sendXml(response, `<InitiateMultipartUploadResult>${told}</InitiateMultipartUploadResult>`);
    return undefined;
  }
  const parts = uploads.get(id) ?? new Map<number, Buffer>();
  if (request.method === "POST") return Buffer.concat([...parts.values()]);
  if (request.method === "PUT") parts.set(Number(query.get("partNumber")), body);
  else uploads.delete(id);
  response.writeHead(request.method === "PUT" ? 200 : 204, { etag: '"part"' }).end();
  return undefined;
}

async function put(
  pretence: Pretence,
  objects: Objects,
  key: string,
  { request, response, body, isLastStep = false }: Put,
): Promise<void> {
  if (!holds(pretence, objects.get(key), request)) {
    refuse(response);
    return;
  }
  if (pretence === "keeps conditions but for races") await sleep(RACE_MS);
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  objects.set(key, { body, etag, modified: new Date() });
  if (isLastStep) {
    const told = `<ETag>${etag}</ETag>`;
    sendXml(response, `<CompleteMultipartUploadResult>${told}</CompleteMultipartUploadResult>`);
    return;
  }
  response.writeHead(200, { etag }).end();
}

function holds(
  pretence: Pretence,
  found: StoredObject | undefined,
  { headers }: IncomingMessage,
): boolean {
  if (pretence === "ignores all conditions") return true;
  if (headers["if-none-match"] === "*" && found !== undefined) return false;
  if (headers["if-match"] === undefined || pretence === "ignores If-Match") return true;
  return headers["if-match"] === found?.etag;
}

function refuse(response: ServerResponse): void {
  response.writeHead(412, { "content-type": "application/xml" });
  response.end("<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>");
}

function sendObject(
  response: ServerResponse,
  found: StoredObject | undefined,
  { headers, method }: IncomingMessage,
): void {
  if (found === undefined) {
    response.writeHead(404, { "content-type": "application/xml" });
    response.end(method === "HEAD" ? "" : "<Error><Code>NoSuchKey</Code></Error>");
    return;
  }
  const { body, etag, modified } = found;
  const common = { etag, "last-modified": modified.toUTCString() };
  const range = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "");
  if (range === null) {
    response.writeHead(200, { ...common, "content-length": body.length });
    response.end(method === "HEAD" ? undefined : body);
    return;
  }
  const [, from = "", to = ""] = range;
  const start = from === "" ? Math.max(0, body.length - Number(to)) : Number(from);
  const last = from === "" || to === "" ? body.length - 1 : Math.min(Number(to), body.length - 1);
  if (start > last) {
    response.writeHead(416, { "content-type": "application/xml" });
    response.end("<Error><Code>InvalidRange</Code></Error>");
    return;
  }
  const contentRange = `bytes ${start}-${last}/${body.length}`;
  const length = last - start + 1;
  response.writeHead(206, { ...common, "content-range": contentRange, "content-length": length });
  response.end(method === "HEAD" ? undefined : body.subarray(start, last + 1));
}

function listing(objects: Objects, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("start-after") ?? "";
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const contents = keys.map((key) => {
    const { body, etag, modified } = objects.get(key) as StoredObject;
    const when = `<LastModified>${modified.toISOString()}</LastModified>`;
    const what = `<ETag>${etag}</ETag><Size>${body.length}</Size>`;
    return `<Contents><Key>${key}</Key>${when}${what}</Contents>`;
  });
  const head = `<Name>${DEFAULT_BUCKET}</Name><IsTruncated>false</IsTruncated>`;
  return `<ListBucketResult>${head}${contents.join("")}</ListBucketResult>`;
}

function sendXml(response: ServerResponse, xml: string): void {
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
}
