/**
 * The bytes of one object from a place to its end, asked for in several ranges at a time.
 *
 * Always true: a range is asked for only when it has a place, and keeps it until the next one is
 * taken; places may be shared by several objects, and bound what is held of all of them. A store
 * that does not answer for a while delays the bytes and does not end them. Bytes are good until the
 * piece after the next one is asked for: a decoder keeps what is left of one until it has the next.
 */

import { letGo, ObjectStoreError } from "@headwater/object-store";
import { HYDRATE_PARALLEL, HYDRATE_RANGE_BYTES } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import { OVER } from "../over.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { goneError, isObject, type Replica } from "../replica.ts";
import type { Slots } from "./slots.ts";

export interface ReadPiecesOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly slots: Slots;
  /** Called before each request with its bytes; resolves when it may be sent. */
  readonly admit: (bytes: number) => Promise<void>;
  /** Called when the store does not answer; resolves when it may be asked again. */
  readonly pause: (error: unknown) => Promise<void>;
  readonly signal: AbortSignal;
  /** Bytes of the object before the first one wanted. */
  readonly offset: number;
}

export async function* readPieces(
  file: LtxFile,
  options: ReadPiecesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  const ahead: Promise<Uint8Array>[] = [];
  let { offset } = options;
  let before: Uint8Array | undefined;
  try {
    for (;;) {
      while (ahead.length < HYDRATE_PARALLEL && offset < file.size) {
        const length = Math.min(HYDRATE_RANGE_BYTES, file.size - offset);
        const piece = readPiece(file, { offset, length }, { ...options, signal });
        piece.catch(() => {});
        ahead.push(piece);
        offset += length;
      }
      const next = ahead[0];
      if (next === undefined) return;
      const piece = await next;
      yield piece;
      if (before !== undefined) letGo(before);
      before = piece;
      ahead.shift();
      options.slots.give();
    }
  } finally {
    left.abort(OVER);
    for (const { status } of await Promise.allSettled(ahead)) {
      if (status === "fulfilled") options.slots.give();
    }
  }
}

/** Holds a place when it resolves, and none when it rejects. */
async function readPiece(
  file: LtxFile,
  range: { readonly offset: number; readonly length: number },
  { replica, queue, slots, admit, pause, signal }: ReadPiecesOptions,
): Promise<Uint8Array> {
  await slots.take(signal);
  try {
    await admit(range.length);
    const { key } = file;
    const facts = { purpose: "hydration", key, pages: undefined, hedged: false } as const;
    const get = () =>
      replica.seeing.fetch(facts, (meter) => replica.store.get(key, { range, signal, meter }));
    for (;;) {
      signal.throwIfAborted();
      try {
        const { body, meta } = await queue.run({ priority: "hydrate" }, get, signal);
        if (isObject(file, meta) && body.byteLength === range.length) return body;
        throw goneError(replica, file, meta.size);
      } catch (error) {
        if (!ObjectStoreError.is(error, "UNAVAILABLE", "THROTTLED")) throw error;
        await pause(error);
      }
    }
  } catch (error) {
    slots.give();
    throw error;
  }
}
