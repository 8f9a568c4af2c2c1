/**
 * Contract, last part: objects that come in parts.
 */

import { describe, expect, it, vi } from "vitest";
import type { ObjectStore, Upload } from "../object-store.ts";
import { putStream } from "../put-stream.ts";
import type { ContractSettings } from "./contract.ts";
import {
  ALWAYS,
  bytes,
  expectBytes,
  expectCode,
  IF_ABSENT,
  ifVersion,
  inParallel,
  keysOf,
  pattern,
} from "./contract-helpers.ts";

/** More than one part, whatever the store makes of it. */
const LARGE = { ...ALWAYS, sizeMax: 100 * 1024 * 1024 };

const CHUNK_SIZES = [1, 70_001, 3, 1_048_576, 333_333, 17];

export function streamCases(settings: ContractSettings): void {
  describe("streams", () => {
    bodyCases(settings);
    failureCases(settings);
    conditionCases(settings);
    uploadCases(settings);
  });
}

function bodyCases({ open, streamSize }: ContractSettings): void {
  it("keeps what came in odd pieces, with its timestamp, or refuses to take it", async () => {
    await using store = await open();
    const body = pattern(streamSize);
    const timestampMs = 1_700_000_000_123;
    const given = chunked(body);
    const options = { ...LARGE, timestampMs, contentType: "application/x-test" };
    if (!store.supports.streamedPut) {
      await expectCode(putStream(store, "streamed", given.body, options), "UNSUPPORTED");
      await expectCode(store.openUpload("streamed", options), "UNSUPPORTED");
      expect(given.count()).toBe(0);
      await expectCode(store.head("streamed"), "OBJECT_NOT_FOUND");
      return;
    }
    const put = await putStream(store, "streamed", given.body, options);
    expect(put).toMatchObject({ key: "streamed", size: streamSize, timestampMs });
    const { meta, body: got } = await store.get("streamed");
    expectBytes(got, body);
    const expected = store.supports.storedTimestamp ? timestampMs : undefined;
    expect(meta).toMatchObject({ version: put.version, timestampMs: expected });
    expect((await store.head("streamed")).version).toBe(put.version);
    for await (const listed of store.list("")) expect(listed.version).toBe(put.version);
  });

  it.each([0, 1, 1000])("puts a body of %d bytes as it is", async (size) => {
    await using store = await open();
    const body = pattern(size);
    await putStream(store, "small", chunked(body).body, { ...ALWAYS, sizeMax: 1000 });
    expectBytes((await store.get("small")).body, body);
  });
}

function failureCases({ open, streamSize }: ContractSettings): void {
  const before = bytes("before");

  it("leaves everything as it was when the body fails", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    await store.put("key", before, ALWAYS);
    const failure = new Error("no more");
    const { body } = chunked(pattern(streamSize), failure);
    await expect(putStream(store, "key", body, LARGE)).rejects.toBe(failure);
    expectBytes((await store.get("key")).body, before);
    expect(await keysOf(store.list(""))).toEqual(["key"]);
  });

  it("takes no more than it was told", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const options = { ...ALWAYS, sizeMax: streamSize - 1 };
    const put = putStream(store, "key", chunked(pattern(streamSize)).body, options);
    await expect(put).rejects.toBeInstanceOf(RangeError);
    await expectCode(store.head("key"), "OBJECT_NOT_FOUND");
  });

  it("leaves everything as it was when it is aborted, and ends the body", async () => {
    const store = await open();
    if (store.supports.streamedPut) {
      await store.put("key", before, ALWAYS);
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      let hasEnded = false;
      const body = pattern(streamSize);
      const given = async function* () {
        try {
          yield body.subarray(0, body.byteLength - 1);
          controller.abort(reason);
          yield body.subarray(body.byteLength - 1);
        } finally {
          hasEnded = true;
        }
      };
      const put = putStream(store, "key", given(), { ...LARGE, signal: controller.signal });
      await expect(put).rejects.toBe(reason);
      await vi.waitFor(() => expect(hasEnded).toBe(true));
      expectBytes((await store.get("key")).body, before);
      expect(await keysOf(store.list(""))).toEqual(["key"]);
    }
    await store.close();
  });

  it("does not wait for a body that gives nothing once it is aborted", async () => {
    await using store = await open();
    const controller = new AbortController();
    const reason = new Error("enough");
    const body = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const options = { ...ALWAYS, sizeMax: 1000, signal: controller.signal };
    const put = putStream(store, "key", body, options);
    setImmediate(() => controller.abort(reason));
    await expect(put).rejects.toBe(reason);
    await expectCode(store.head("key"), "OBJECT_NOT_FOUND");
  });
}

function conditionCases({ open }: ContractSettings): void {
  it("creates an object once", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const options = { ...LARGE, ...IF_ABSENT };
    if (!store.supports.streamedConditions) {
      await expectCode(store.openUpload("once", options), "UNSUPPORTED");
      await expectCode(putStream(store, "once", chunked(bytes("1")).body, options), "UNSUPPORTED");
      await expectCode(store.head("once"), "OBJECT_NOT_FOUND");
      return;
    }
    await send(store, "once", "first", options);
    await expectCode(send(store, "once", "second", options), "OBJECT_EXISTS");
    expectBytes((await store.get("once")).body, bytes("first"));
  });

  it("replaces the version that was named, and no other", async () => {
    await using store = await open();
    if (!store.supports.streamedConditions) return;
    const { version } = await store.put("cas", bytes("1"), ALWAYS);
    const options = { ...LARGE, ...ifVersion(version) };
    await send(store, "cas", "2", options);
    await expectCode(send(store, "cas", "3", options), "OBJECT_CHANGED");
    expectBytes((await store.get("cas")).body, bytes("2"));
    await store.delete("cas");
    await expectCode(send(store, "cas", "4", options), "OBJECT_CHANGED");
    await expectCode(store.head("cas"), "OBJECT_NOT_FOUND");
  });

  it("judges the condition at the end", async () => {
    await using store = await open();
    if (!store.supports.streamedConditions) return;
    const upload = await store.openUpload("late", { ...LARGE, ...IF_ABSENT });
    await upload.putPart(0, bytes("second"));
    await store.put("late", bytes("first"), ALWAYS);
    await expectCode(upload.complete(), "OBJECT_EXISTS");
    await upload.abort();
    expectBytes((await store.get("late")).body, bytes("first"));
  });

  it("lets one of 8 racing uploads win", async () => {
    await using store = await open();
    if (!store.supports.streamedConditions) return;
    const names = Array.from({ length: 8 }, (_, index) => `racer ${index}`);
    const results = await Promise.allSettled(
      names.map((name) => send(store, "race", name, { ...LARGE, ...IF_ABSENT })),
    );
    const winners = names.filter((_, index) => results[index]?.status === "fulfilled");
    expect(winners).toHaveLength(1);
    expectBytes((await store.get("race")).body, bytes(winners[0] ?? ""));
  });
}

function uploadCases({ open }: ContractSettings): void {
  it("shows nothing of an upload before its end", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const upload = await store.openUpload("hidden", LARGE);
    await upload.putPart(0, bytes("1"));
    await expectCode(store.head("hidden"), "OBJECT_NOT_FOUND");
    expect(await keysOf(store.list(""))).toEqual([]);
    await upload.complete();
    expectBytes((await store.get("hidden")).body, bytes("1"));
    await upload.abort();
    expectBytes((await store.get("hidden")).body, bytes("1"));
  });

  it("has the bytes of a part when it is put, whatever becomes of them later", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const upload = await store.openUpload("own", LARGE);
    const parts = [pattern(upload.partSize), bytes("end")];
    const expected = Buffer.concat(parts);
    for (const [index, part] of parts.entries()) {
      await upload.putPart(index, part);
      part.fill(0);
    }
    await upload.complete();
    expectBytes((await store.get("own")).body, expected);
  });

  it("takes no step with an aborted signal", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const reason = new Error("not today");
    const aborted = { signal: AbortSignal.abort(reason) };
    await expect(store.openUpload("aborted", { ...LARGE, ...aborted })).rejects.toBe(reason);
    const upload = await store.openUpload("aborted", LARGE);
    await expect(upload.putPart(0, bytes("1"), aborted)).rejects.toBe(reason);
    await upload.putPart(0, bytes("1"));
    await expect(upload.complete(aborted)).rejects.toBe(reason);
    await expectCode(store.head("aborted"), "OBJECT_NOT_FOUND");
    await upload.abort();
  });

  it("takes a part again, and an empty one", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const upload = await store.openUpload("again", LARGE);
    const first = pattern(upload.partSize);
    for (const _ of [1, 2]) await upload.putPart(0, first);
    for (const _ of [1, 2]) await upload.putPart(1, bytes("end"));
    const { size } = await upload.complete();
    const expected = Buffer.concat([first, bytes("end")]);
    expect(size).toBe(expected.byteLength);
    expectBytes((await store.get("again")).body, expected);
    await send(store, "empty", "", LARGE);
    expect((await store.head("empty")).size).toBe(0);
  });

  it("ends no upload that lacks a part, nor one that has ended", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const upload = await store.openUpload("lacking", LARGE);
    await expect(upload.complete()).rejects.toBeInstanceOf(TypeError);
    const tooLarge = new Uint8Array(upload.partSize + 1);
    await expect(upload.putPart(0, tooLarge)).rejects.toBeInstanceOf(RangeError);
    await expect(upload.putPart(-1, bytes("1"))).rejects.toBeInstanceOf(RangeError);
    if (upload.partsParallel > 1) await upload.putPart(1, bytes("1"));
    await expect(upload.complete()).rejects.toBeInstanceOf(TypeError);
    await upload.abort();
    await upload.abort();
    await expect(upload.complete()).rejects.toBeInstanceOf(TypeError);
    await expectCode(store.head("lacking"), "OBJECT_NOT_FOUND");
  });

  it("carries 64 uploads at a time", async () => {
    await using store = await open();
    if (!store.supports.streamedPut) return;
    const names = Array.from({ length: 64 }, (_, index) => `parallel/${index}`);
    await inParallel(names, 64, (name) => send(store, name, name, LARGE));
    await inParallel(names, 64, async (name) => {
      expectBytes((await store.get(name)).body, bytes(name));
    });
  });

  it("does not close before the upload has ended", async () => {
    const store = await open();
    if (store.supports.streamedPut) {
      const upload: Upload = await store.openUpload("last", LARGE);
      let isClosed = false;
      const closing = store.close().then(() => (isClosed = true));
      await upload.putPart(0, bytes("1"));
      expect(isClosed).toBe(false);
      await upload.complete();
      await closing;
    }
    await store.close();
    await expectCode(store.openUpload("last", LARGE), "STORE_CLOSED", "UNSUPPORTED");
  });
}

/** An upload of one short part. */
async function send(
  store: ObjectStore,
  key: string,
  text: string,
  options: Parameters<ObjectStore["openUpload"]>[1],
): Promise<void> {
  const upload = await store.openUpload(key, options);
  try {
    await upload.putPart(0, bytes(text));
    await upload.complete();
  } catch (error) {
    await upload.abort();
    throw error;
  }
}

/** Odd pieces of a body, and how many were asked for; with a failure at the end, if given one. */
function chunked(whole: Uint8Array, failure?: Error) {
  let count = 0;
  const pieces = async function* () {
    for (let offset = 0; offset < whole.byteLength; ) {
      const size = CHUNK_SIZES[count % CHUNK_SIZES.length] ?? 1;
      count += 1;
      yield whole.subarray(offset, offset + size);
      offset += size;
    }
    if (failure !== undefined) throw failure;
  };
  return { body: pieces(), count: () => count };
}
