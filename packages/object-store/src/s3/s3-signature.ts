/**
 * Signatures of S3 requests: AWS Signature Version 4, as S3 wants it.
 *
 * Always true:
 *   - What is signed is what is sent: paths and queries come encoded, and are not touched again. S3
 *     encodes a path once and leaves `//` in it, unlike other services of AWS.
 *   - Nothing waits: a signature is ready when the call returns.
 */

import { createHmac, hash } from "node:crypto";
import type { S3Credentials } from "./s3-credentials.ts";

export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  /** As `queryOf` writes it. */
  readonly query: string;
  /** By their names in lower case, `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface SigningScope {
  readonly credentials: S3Credentials;
  readonly service: string;
  readonly region: string;
  /** `YYYYMMDDTHHMMSSZ`, as the header `x-amz-date` has it. */
  readonly date: string;
}

/** Headers that programs on the way may change. */
const UNSIGNED = new Set([
  "authorization",
  "cache-control",
  "connection",
  "expect",
  "from",
  "keep-alive",
  "max-forwards",
  "pragma",
  "referer",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "x-amzn-trace-id",
]);

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Makes the header `authorization`. The key of a day is made once. */
export class S3Signer {
  #keyName = "";
  #key: Uint8Array = new Uint8Array();

  /** The header `x-amz-content-sha256` has to be there. */
  sign(request: SignableRequest, scope: SigningScope): string {
    const { credentials, date, region, service } = scope;
    const names = Object.keys(request.headers)
      .filter((name) => !UNSIGNED.has(name))
      .sort();
    const lines = names.map((name) => `${name}:${trimmed(request.headers[name])}\n`);
    const signed = names.join(";");
    const { "x-amz-content-sha256": bodyHash = "" } = request.headers;
    const { method, path, query } = request;
    const canonical = `${method}\n${path}\n${query}\n${lines.join("")}\n${signed}\n${bodyHash}`;
    const place = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
    const text = `${ALGORITHM}\n${date}\n${place}\n${hash("sha256", canonical)}`;
    const key = this.#keyFor(credentials.secretAccessKey, place);
    const signature = createHmac("sha256", key).update(text).digest("hex");
    const credential = `Credential=${credentials.accessKeyId}/${place}`;
    return `${ALGORITHM} ${credential}, SignedHeaders=${signed}, Signature=${signature}`;
  }

  #keyFor(secret: string, place: string): Uint8Array {
    const name = `${secret}/${place}`;
    if (name !== this.#keyName) {
      let key: Uint8Array = Buffer.from(`AWS4${secret}`);
      for (const part of place.split("/")) key = createHmac("sha256", key).update(part).digest();
      this.#key = key;
      this.#keyName = name;
    }
    return this.#key;
  }
}

/** In hexadecimal digits. */
export function sha256Of(body: Uint8Array): string {
  return hash("sha256", body);
}

export function signingDate(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/** The query of a request, in the order and with the encoding that are signed. */
export function queryOf(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
}

/** Each segment is encoded, and slashes stay. Most keys are as they have to be. */
export function encodePath(key: string): string {
  return /^[\w/.~-]*$/.test(key) ? key : encode(key).replaceAll("%2F", "/");
}

/** What `encodeURIComponent` leaves and S3 wants encoded, too. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function trimmed(value = ""): string {
  return /\s/.test(value) ? value.trim().replace(/\s+/g, " ") : value;
}
