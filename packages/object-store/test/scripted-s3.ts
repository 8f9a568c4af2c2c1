/**
 * An S3 store in front of a scripted server, and its calls by name: what the tests of its answers
 * have in common.
 */

import { type ObjectMeta, type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import {
  type Answer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from "./scripted-server.ts";

export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "verysecretkey" };
export const ALWAYS = { condition: { type: "none" } } as const;
export const IF_ABSENT = { condition: { type: "if-absent" } } as const;
export const IF_VERSION = { condition: { type: "if-version", version: '"v1"' } } as const;
export const BODY = new TextEncoder().encode("body");

export type Script = (request: SeenRequest, count: number) => Answer;
export type Call = (store: ObjectStore) => Promise<unknown>;

export const get: Call = (store) => store.get("k");
export const head: Call = (store) => store.head("k");
export const list: Call = (store) => keysOf(store.list("p/"));
export const put: Call = (store) => store.put("k", BODY, ALWAYS);
export const create: Call = (store) => store.put("k", BODY, IF_ABSENT);
export const swap: Call = (store) => store.put("k", BODY, IF_VERSION);
export const remove: Call = (store) => store.delete("k");
export const removeVersion: Call = (store) => store.delete("k", IF_VERSION);
export const removeMany: Call = (store) => store.deleteMany(["k", "l"]);

export async function keysOf(listed: AsyncIterable<ObjectMeta>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listed) keys.push(key);
  return keys;
}

export async function withServer<Result>(
  script: Script,
  options: Partial<S3StoreOptions>,
  work: (
    store: ObjectStore,
    seen: readonly SeenRequest[],
    server: ScriptedServer,
  ) => Promise<Result>,
): Promise<Result> {
  await using server = await startScriptedServer(script);
  await using store = await openS3Store({
    bucket: "bucket",
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: CREDENTIALS,
    ...options,
  });
  return await work(store, server.seen, server);
}

export async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failed = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failed)) return failed;
  throw new Error(`expected an error of the store, not ${failed}`);
}

export const failure = (script: Script, call: Call, options: Partial<S3StoreOptions> = {}) =>
  withServer(script, options, (store) => failureOf(call(store)));

/** A page of a listing. */
export function listAnswer(keys: readonly string[], token?: string): Answer {
  const contents = keys
    .map((key) => {
      const modified = "<LastModified>2026-01-15T10:30:25Z</LastModified>";
      return `<Contents><Key>${key}</Key><Size>1</Size><ETag>"v"</ETag>${modified}</Contents>`;
    })
    .join("");
  const more = token === undefined ? "" : `<NextContinuationToken>${token}</NextContinuationToken>`;
  const told = `<Name>bucket</Name><IsTruncated>${token !== undefined}</IsTruncated>${more}`;
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?><ListBucketResult>${told}${contents}</ListBucketResult>`,
  };
}
