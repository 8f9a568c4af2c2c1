/**
 * The three ways to upload: the bytes alone, the bytes after their resource, and in pieces.
 */

import { randomUUID } from "node:crypto";
import type { Buckets, ObjectPlace } from "./buckets.ts";
import { GcsError, invalid } from "./gcs-error.ts";
import { type Call, jsonReply, type Reply } from "./http.ts";
import { parseMultipartRelated } from "./multipart-related.ts";
import type { ObjectResource, SentResource } from "./object-resource.ts";
import { checkPreconditions } from "./preconditions.ts";

/** An upload in pieces. Its conditions are checked when it begins and, what counts, at its end. */
interface Session {
  readonly place: ObjectPlace;
  readonly sent: SentResource;
  readonly query: URLSearchParams;
  bytes: Buffer;
  done: ObjectResource | undefined;
}

export class Uploads {
  readonly #buckets: Buckets;
  readonly #sessions = new Map<string, Session>();

  constructor(buckets: Buckets) {
    this.#buckets = buckets;
  }

  handle(call: Call, bucket: string): Reply {
    const id = call.query.get("upload_id");
    if (id !== null) return this.#resume(id, call);
    const type = call.query.get("uploadType");
    switch (type) {
      case "resumable":
        return this.#begin(call, bucket);
      case "multipart": {
        const { bytes, sent } = parseMultipartRelated(call.headers["content-type"], call.body);
        return this.#put(placeOf(call, bucket, sent), bytes, sent, call.query);
      }
      case "media": {
        const sent = { contentType: call.headers["content-type"] };
        return this.#put(placeOf(call, bucket, sent), call.body, sent, call.query);
      }
      default:
        throw invalid(`Invalid uploadType: ${type}`);
    }
  }

  #put(place: ObjectPlace, bytes: Uint8Array, sent: SentResource, query: URLSearchParams): Reply {
    return jsonReply(this.#buckets.put(place, bytes, sent, query));
  }

  #begin({ body, headers, query, ...call }: Call, bucket: string): Reply {
    const contentType = headers["x-upload-content-type"];
    const said = JSON.parse(body.toString() || "{}") as SentResource;
    const sent = { ...(typeof contentType === "string" ? { contentType } : {}), ...said };
    const place = placeOf({ ...call, body, headers, query }, bucket, sent);
    checkPreconditions(this.#buckets.find(place)?.resource, query, "write");
    const id = randomUUID();
    this.#sessions.set(id, { place, sent, query, bytes: Buffer.alloc(0), done: undefined });
    const name = encodeURIComponent(place.name);
    const path = `/upload/storage/v1/b/${encodeURIComponent(bucket)}/o`;
    const again = `uploadType=resumable&name=${name}&upload_id=${id}`;
    const location = `http://${headers.host}${path}?${again}`;
    return { status: 200, headers: { location, "x-guploader-uploadid": id } };
  }

  #resume(id: string, { body, headers, method }: Call): Reply {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      throw new GcsError(404, "No such upload.", { reason: "notFound", xmlCode: "NoSuchUpload" });
    }
    if (method === "DELETE") {
      this.#sessions.delete(id);
      // What Google answers to a client that gives up its upload.
      return { status: 499 };
    }
    if (session.done !== undefined) return jsonReply(session.done);
    const have = session.bytes.length;
    const { bytes: sent, start = have, total } = parsePiece(headers["content-range"], body);
    if (start > have) {
      const options = { reason: "backendError", xmlCode: "ServiceUnavailable" };
      throw new GcsError(503, "A piece is missing.", options);
    }
    session.bytes = Buffer.concat([session.bytes.subarray(0, start), sent]);
    if (session.bytes.length !== total) return incomplete(session.bytes.length);
    session.done = this.#buckets.put(session.place, session.bytes, session.sent, session.query);
    return jsonReply(session.done);
  }
}

interface Piece {
  /** Undefined: none of its own, the client asks how far the upload is, or says that it is done. */
  readonly start: number | undefined;
  readonly bytes: Buffer;
  /** Undefined while the client has not said where the end is. */
  readonly total: number | undefined;
}

/**
 * `bytes 0-99/*`, `bytes 100-199/200`; `bytes 100-*` followed by `/*` for all that is left; a star
 * and a total to ask how far it is; no header for all at once.
 */
function parsePiece(header: string | undefined, bytes: Buffer): Piece {
  if (header === undefined) return { start: 0, bytes, total: bytes.length };
  const [, start, end, size] = /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(header) ?? [];
  if (size === undefined) throw invalid(`Invalid Content-Range: ${header}`);
  const rest = end === "*" ? Number(start) + bytes.length : undefined;
  const total = size === "*" ? rest : Number(size);
  return { start: start === undefined ? undefined : Number(start), bytes, total };
}

function incomplete(size: number): Reply {
  const range = size === 0 ? {} : { range: `bytes=0-${size - 1}` };
  return { status: 308, headers: { "x-goog-upload-status": "active", ...range } };
}

function placeOf({ query }: Call, bucket: string, { name }: SentResource): ObjectPlace {
  return { bucket, name: query.get("name") ?? name ?? "" };
}
