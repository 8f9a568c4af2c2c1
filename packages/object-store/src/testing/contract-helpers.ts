/**
 * Small words that the contract's cases are written in.
 */

import { expect } from "vitest";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import type { ObjectMeta, ObjectStore, PutOptions } from "../object-store.ts";

export const ALWAYS = { condition: { type: "none" } } as const satisfies PutOptions;
export const IF_ABSENT = { condition: { type: "if-absent" } } as const satisfies PutOptions;

export function ifVersion(version: string) {
  return { condition: { type: "if-version", version } } as const satisfies PutOptions;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

/** Every byte differs from its neighbours', so that a shifted range shows. */
export function pattern(size: number, seed = 1): Uint8Array {
  const body = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    body[index] = state >>> 24;
  }
  return body;
}

/** Without the size of an assertion on each byte. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.byteLength).toBe(expected.byteLength);
  expect(Buffer.compare(actual, expected)).toBe(0);
}

export async function expectCode(
  call: Promise<unknown>,
  ...codes: readonly ObjectStoreErrorCode[]
): Promise<void> {
  const failure = await call.then(
    () => "resolved",
    (error: unknown) => error,
  );
  if (ObjectStoreError.is(failure, ...codes)) return;
  const actual = ObjectStoreError.is(failure) ? failure.code : failure;
  expect.fail(`expected ${codes.join(" or ")}, not ${actual}`);
}

export async function collect(listed: AsyncIterable<ObjectMeta>): Promise<ObjectMeta[]> {
  const metas: ObjectMeta[] = [];
  for await (const meta of listed) metas.push(meta);
  return metas;
}

export async function keysOf(listed: AsyncIterable<ObjectMeta>): Promise<string[]> {
  return (await collect(listed)).map(({ key }) => key);
}

/** Runs work for all items, so many at a time. */
export async function inParallel<Item>(
  items: readonly Item[],
  parallelMax: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: parallelMax }, lane));
}

/** Adds one to the number in an object, by compare-and-swap, as often as asked. */
export async function increment(
  store: ObjectStore,
  key: string,
  count: number,
  writer: number,
): Promise<void> {
  for (let done = 0; done < count; ) {
    const { meta, body } = await store.get(key);
    const [value = "0"] = text(body).split(" ");
    // The writer and its step make each body unique: some versions are made from the content.
    const next = bytes(`${Number(value) + 1} by ${writer} step ${done}`);
    try {
      await store.put(key, next, ifVersion(meta.version));
      done += 1;
    } catch (error) {
      if (!ObjectStoreError.is(error)) throw error;
      if (error.code !== "OBJECT_CHANGED" && error.retry !== "after-backoff") throw error;
    }
  }
}
