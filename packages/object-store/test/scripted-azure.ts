import { type ObjectMeta, type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { type AzureStoreOptions, openAzureStore } from "@headwater/object-store/azure";
import {
  type Answer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from "./scripted-server.ts";

export const KEY = Buffer.from("verysecretkey").toString("base64");
export const ALWAYS = { condition: { type: "none" } } as const;
export const IF_ABSENT = { condition: { type: "if-absent" } } as const;
export const IF_VERSION = { condition: { type: "if-version", version: '"v1"' } } as const;
export const BODY = new TextEncoder().encode("body");
export const DATE = "Thu, 15 Jan 2026 10:30:25 GMT";
export const XML = { "content-type": "application/xml" };

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

export async function keysOf(listed: AsyncIterable<ObjectMeta>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listed) keys.push(key);
  return keys;
}

/** An error as Azure writes it. */
export function errorAnswer(status: number, code: string, message = "told", headers = {}): Answer {
  const words = `<Code>${code}</Code><Message>${message}</Message>`;
  const body = `<?xml version="1.0"?><Error>${words}</Error>`;
  return { status, headers: { ...XML, "x-ms-error-code": code, ...headers }, body };
}

export async function withServer<Result>(
  script: Script,
  options: Partial<AzureStoreOptions>,
  work: (
    store: ObjectStore,
    seen: readonly SeenRequest[],
    server: ScriptedServer,
  ) => Promise<Result>,
): Promise<Result> {
  await using server = await startScriptedServer(script);
  await using store = await openAzureStore({
    account: "account",
    container: "container",
    endpoint: `${server.endpoint}/account`,
    accountKey: KEY,
    ...options,
  });
  return await work(store, server.seen, server);
}

export async function failureOf(call: Promise<unknown>): Promise<ObjectStoreError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure)) return failure;
  throw new Error(`expected an error of the store, not ${failure}`);
}

export const failure = (script: Script, call: Call, options: Partial<AzureStoreOptions> = {}) =>
  withServer(script, options, (store) => failureOf(call(store)));
