/**
 * What answers tell of an object: in JSON, or in the headers of a download.
 *
 * Undefined stands for an answer that Google Cloud Storage would not give.
 */

import { parseTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
import type { ObjectMeta } from "../object-store.ts";
import type { GcsAnswer } from "./gcs-http.ts";

export interface GcsPage {
  readonly metas: readonly ObjectMeta[];
  readonly nextPageToken: string | undefined;
}

/** The fields that are asked for. */
interface ObjectResource {
  readonly name: string;
  readonly size: string;
  readonly generation: string;
  readonly timeCreated: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** `key`: what was asked for. */
export function metaOfResource(answer: GcsAnswer, key: string): ObjectMeta | undefined {
  const resource = parseJson(answer) as ObjectResource | undefined;
  const isObject = typeof resource?.generation === "string" && typeof resource.size === "string";
  return isObject && resource.name === key ? toMeta(resource, dateMs(answer)) : undefined;
}

/** `size`: of the whole object. */
export function metaOfDownload(
  answer: GcsAnswer,
  key: string,
  size: number,
): ObjectMeta | undefined {
  const { headers } = answer;
  const version = headers["x-goog-generation"];
  if (typeof version !== "string") return undefined;
  const serverDateMs = dateMs(answer);
  const stamp = headers[`x-goog-meta-${TIMESTAMP_METADATA}`];
  return {
    key,
    size,
    version,
    lastModifiedMs: parseMs(headers["last-modified"]) ?? serverDateMs ?? 0,
    timestampMs: parseTimestamp(typeof stamp === "string" ? stamp : undefined),
    serverDateMs,
  };
}

export function pageOfList(answer: GcsAnswer): GcsPage | undefined {
  const page = parseJson(answer) as ListResource | undefined;
  if (page?.kind !== "storage#objects") return undefined;
  const serverDateMs = dateMs(answer);
  const metas = (page.items ?? []).map((resource) => toMeta(resource, serverDateMs));
  return { metas, nextPageToken: page.nextPageToken };
}

interface ListResource {
  readonly kind?: string;
  readonly nextPageToken?: string;
  readonly items?: readonly ObjectResource[];
}

function toMeta(resource: ObjectResource, serverDateMs: number | undefined): ObjectMeta {
  return {
    key: resource.name,
    size: Number(resource.size),
    version: resource.generation,
    lastModifiedMs: parseMs(resource.timeCreated) ?? serverDateMs ?? 0,
    timestampMs: parseTimestamp(resource.metadata?.[TIMESTAMP_METADATA]),
    serverDateMs,
  };
}

function parseJson({ body }: GcsAnswer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function dateMs({ headers }: GcsAnswer): number | undefined {
  return parseMs(headers.date);
}

function parseMs(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
