/**
 * What answers of S3 tell, in their headers and in XML.
 *
 * Always true: a success that holds an error is an error. S3 sends its status before it knows how
 * long work ends.
 */

import type { HttpAnswer } from "../http-client.ts";
import { parseTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
import type { ObjectMeta } from "../object-store.ts";
import type { S3Credentials } from "./s3-credentials.ts";
import { S3Refusal } from "./s3-refusal.ts";
import { parseXml, type XmlElement } from "./s3-xml.ts";

export interface S3Page {
  readonly metas: readonly ObjectMeta[];
  /** Undefined at the end. */
  readonly nextToken: string | undefined;
}

export interface DeleteFailure {
  readonly key: string | undefined;
  readonly code: string;
  readonly message: string;
}

/** Of a get, head or put. Undefined for an answer without an ETag. */
export function metaOfHeaders(
  answer: HttpAnswer,
  key: string,
  size: number,
  nowMs: number,
): ObjectMeta | undefined {
  const { headers } = answer;
  if (headers.etag === undefined) {
    errorWithin(answer);
    return undefined;
  }
  const serverDateMs = dateMs(headers.date);
  const stamp = headers[`x-amz-meta-${TIMESTAMP_METADATA}`];
  return {
    key,
    size,
    version: headers.etag,
    // A put is answered without it; its answer's date is the same clock.
    lastModifiedMs: dateMs(headers["last-modified"]) ?? serverDateMs ?? nowMs,
    timestampMs: parseTimestamp(typeof stamp === "string" ? stamp : undefined),
    serverDateMs,
  };
}

/** Undefined for a page of some other server: a listing has objects, or its bucket's name. */
export function pageOf(answer: HttpAnswer): S3Page | undefined {
  const listing = errorWithin(answer);
  const contents = listing?.childrenOf("Contents") ?? [];
  if (contents.length === 0 && listing?.child("Name") === undefined) return undefined;
  const serverDateMs = dateMs(answer.headers.date);
  const metas = contents.map((object) => listedMeta(object, serverDateMs));
  if (metas.some(({ key, size }) => key === "" || !Number.isSafeInteger(size))) return undefined;
  const isCut = listing?.textOf("IsTruncated")?.trim() === "true";
  if (!isCut) return { metas, nextToken: undefined };
  const nextToken = listing?.textOf("NextContinuationToken");
  // As of a server that knows the first version of listings only: what comes after is not told.
  return nextToken ? { metas, nextToken } : undefined;
}

/** The keys that could not be deleted. */
export function deleteFailuresOf(answer: HttpAnswer): readonly DeleteFailure[] {
  const result = expectXml(answer, "no word of what was deleted");
  return result.childrenOf("Error").map((error) => ({
    key: error.textOf("Key"),
    code: error.textOf("Code") ?? "",
    message: error.textOf("Message") ?? "",
  }));
}

export function uploadIdOf(answer: HttpAnswer): string {
  const id = expectXml(answer, "no upload id").textOf("UploadId");
  if (!id) throw emptyAnswer("no upload id");
  return id;
}

/** Of the object that an upload became. */
export function completedETagOf(answer: HttpAnswer): string {
  const etag = expectXml(answer, "no ETag").textOf("ETag");
  if (!etag) throw emptyAnswer("no ETag");
  return etag;
}

/** The keys of a session of S3 Express. */
export function sessionOf(answer: HttpAnswer): S3Credentials {
  const keys = expectXml(answer, "no session").child("Credentials");
  const accessKeyId = keys?.textOf("AccessKeyId");
  const secretAccessKey = keys?.textOf("SecretAccessKey");
  const sessionToken = keys?.textOf("SessionToken");
  const expirationMs = Date.parse(keys?.textOf("Expiration") ?? "");
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(expirationMs)) {
    throw emptyAnswer("no session");
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expirationMs) };
}

/** As of an answer that broke off: nothing is known of what happened. */
export function emptyAnswer(message: string): Error {
  return Object.assign(new Error(message), { name: "EmptyAnswer" });
}

export function dateMs(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function listedMeta(object: XmlElement, serverDateMs: number | undefined): ObjectMeta {
  return {
    key: object.textOf("Key") ?? "",
    size: Number(object.textOf("Size") ?? 0),
    version: object.textOf("ETag") ?? "",
    lastModifiedMs: dateMs(object.textOf("LastModified")) ?? 0,
    serverDateMs,
  };
}

function expectXml(answer: HttpAnswer, problem: string): XmlElement {
  const element = errorWithin(answer);
  if (element === undefined) throw emptyAnswer(problem);
  return element;
}

/** Throws the error that is in the body, if one is. Undefined where there is no XML. */
function errorWithin(answer: HttpAnswer): XmlElement | undefined {
  const element = parseXml(new TextDecoder().decode(answer.body));
  if (element?.name === "Error") throw new S3Refusal({ ...answer, status: 500 });
  return element;
}
