/**
 * Which request asks for what. What is not here is answered with 501.
 */

import type { Buckets, ObjectPlace } from "./buckets.ts";
import { GcsError, jsonError, xmlError } from "./gcs-error.ts";
import { type Call, jsonReply, type Reply } from "./http.ts";
import { mediaReply } from "./media.ts";
import { listObjects } from "./object-list.ts";
import type { WritableFields } from "./object-resource.ts";
import { CONDITION_HEADERS } from "./preconditions.ts";
import type { Uploads } from "./uploads.ts";

export interface State {
  readonly buckets: Buckets;
  readonly uploads: Uploads;
}

interface Route {
  readonly methods: readonly string[];
  readonly path: RegExp;
  readonly handle: (state: State, call: Call, place: ObjectPlace) => Reply;
  /** How it says no. */
  readonly refuse: (error: GcsError) => Reply;
}

const ROUTES: readonly Route[] = [
  {
    methods: ["POST", "PUT", "DELETE"],
    path: /^\/(?:resumable\/)?upload\/storage\/v1\/b\/([^/]+)\/o$/,
    handle: ({ uploads }, call, { bucket }) => uploads.handle(call, bucket),
    refuse: jsonError,
  },
  {
    methods: ["POST"],
    path: /^\/storage\/v1\/b$/,
    handle: createBucket,
    refuse: jsonError,
  },
  {
    methods: ["GET"],
    path: /^\/storage\/v1\/b$/,
    handle: ({ buckets }) => {
      return jsonReply({ kind: "storage#buckets", items: buckets.names().map(bucketResource) });
    },
    refuse: jsonError,
  },
  {
    methods: ["GET"],
    path: /^\/storage\/v1\/b\/([^/]+)$/,
    handle: ({ buckets }, _, { bucket }) => {
      buckets.objects(bucket);
      return jsonReply(bucketResource(bucket));
    },
    refuse: jsonError,
  },
  {
    methods: ["GET"],
    path: /^\/storage\/v1\/b\/([^/]+)\/o$/,
    handle: ({ buckets }, { query }, { bucket }) => {
      return jsonReply(listObjects(buckets.objects(bucket), query));
    },
    refuse: jsonError,
  },
  {
    methods: ["GET"],
    path: /^(?:\/download)?\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/,
    handle: readObject,
    refuse: jsonError,
  },
  {
    methods: ["PATCH"],
    path: /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/,
    handle: ({ buckets }, { body, query }, place) => {
      const patch = JSON.parse(body.toString() || "{}") as WritableFields;
      return jsonReply(buckets.patch(place, patch, query));
    },
    refuse: jsonError,
  },
  {
    methods: ["DELETE"],
    path: /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/,
    handle: ({ buckets }, { query }, place) => {
      buckets.delete(place, query);
      return { status: 204 };
    },
    refuse: jsonError,
  },
  {
    // The XML API, by which Google's client for Go reads.
    methods: ["GET", "HEAD"],
    path: /^\/(?!(?:storage|upload|download|resumable)\/)([^/]+)\/(.+)$/s,
    handle: readByXml,
    refuse: xmlError,
  },
];

export function answer(state: State, call: Call): Reply {
  const route = ROUTES.find(({ methods, path }) => {
    return methods.includes(call.method) && path.test(call.path);
  });
  try {
    if (route === undefined) throw unknown(call);
    const [, bucket = "", name = ""] = route.path.exec(call.path) ?? [];
    return route.handle(state, call, {
      bucket: decodeURIComponent(bucket),
      name: decodeURIComponent(name),
    });
  } catch (error) {
    return (route?.refuse ?? jsonError)(toGcsError(error));
  }
}

function createBucket({ buckets }: State, { body }: Call): Reply {
  const { name } = JSON.parse(body.toString()) as { readonly name: string };
  buckets.create(name);
  return jsonReply(bucketResource(name));
}

function readObject({ buckets }: State, { headers, path, query }: Call, place: ObjectPlace): Reply {
  const object = buckets.read(place, query);
  const isMedia = query.get("alt") === "media" || path.startsWith("/download/");
  return isMedia ? mediaReply(object, headers.range, "json") : jsonReply(object.resource);
}

function readByXml({ buckets }: State, { headers, query }: Call, place: ObjectPlace): Reply {
  const conditions = new URLSearchParams(query);
  for (const [header, name] of Object.entries(CONDITION_HEADERS)) {
    const value = headers[header];
    if (typeof value === "string") conditions.set(name, value);
  }
  return mediaReply(buckets.read(place, conditions), headers.range, "xml");
}

function bucketResource(name: string) {
  return { kind: "storage#bucket", id: name, name, location: "US", metageneration: "1" };
}

function unknown({ method, path }: Call): GcsError {
  const message = `The fake does not know ${method} ${path}`;
  return new GcsError(501, message, { reason: "notImplemented", xmlCode: "NotImplemented" });
}

/** Malformed JSON and malformed escapes are the client's mistakes; anything else is the fake's. */
function toGcsError(error: unknown): GcsError {
  if (error instanceof GcsError) return error;
  const isParse = error instanceof SyntaxError || error instanceof URIError;
  const message = error instanceof Error ? error.message : String(error);
  return isParse
    ? new GcsError(400, message, { reason: "parseError", xmlCode: "InvalidArgument" })
    : new GcsError(500, message, { reason: "internalError", xmlCode: "InternalError" });
}
