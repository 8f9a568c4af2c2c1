/**
 * Listings: in the order of the names' bytes, a page at a time. A parameter that is empty is none.
 */

import type { StoredObject } from "./buckets.ts";
import type { ObjectResource } from "./object-resource.ts";

export interface ObjectPage {
  readonly kind: "storage#objects";
  readonly nextPageToken?: string;
  readonly items?: readonly ObjectResource[];
  readonly prefixes?: readonly string[];
}

const PAGE_MAX = 1000;

export function listObjects(
  objects: ReadonlyMap<string, StoredObject>,
  query: URLSearchParams,
): ObjectPage {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const max = Math.min(Number(query.get("maxResults") || PAGE_MAX), PAGE_MAX);
  const after = decodeToken(query.get("pageToken") || undefined);
  const items: ObjectResource[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  let nextPageToken: string | undefined;
  for (const name of [...objects.keys()].filter(inRange(prefix, query)).sort(compareBytes)) {
    const at = delimiter === "" ? -1 : name.indexOf(delimiter, prefix.length);
    // Many names under one prefix are one entry.
    const entry = at < 0 ? name : name.slice(0, at + delimiter.length);
    if (entry === last || (after !== undefined && compareBytes(entry, after) <= 0)) continue;
    if (items.length + prefixes.length >= max) {
      nextPageToken = encodeToken(last ?? "");
      break;
    }
    last = entry;
    if (at < 0) items.push((objects.get(name) as StoredObject).resource);
    else prefixes.push(entry);
  }
  return {
    kind: "storage#objects",
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
    ...(items.length === 0 ? {} : { items }),
    ...(prefixes.length === 0 ? {} : { prefixes }),
  };
}

function inRange(prefix: string, query: URLSearchParams): (name: string) => boolean {
  const start = query.get("startOffset") ?? "";
  const end = query.get("endOffset") || undefined;
  return (name) =>
    name.startsWith(prefix) &&
    compareBytes(name, start) >= 0 &&
    (end === undefined || compareBytes(name, end) < 0);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function encodeToken(entry: string): string {
  return Buffer.from(entry).toString("base64url");
}

function decodeToken(token: string | undefined): string | undefined {
  return token === undefined ? undefined : Buffer.from(token, "base64url").toString();
}
