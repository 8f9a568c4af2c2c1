/**
 * One object out of bytes that come by and by.
 *
 * Always true:
 *   - All or nothing, and only if the condition holds at the end, as with a put.
 *   - A body that fits into one part is one ordinary put. A larger one goes in parts, and so many
 *     of them are held at once as may be on their way, and one more.
 *   - After any failure, of the body too, the parts are dropped. They may outlive that only where
 *     the store cannot be reached any more, or is Azure, which forgets them after a week.
 *   - Whoever aborts does not wait for that; closing the store does.
 *
 * It is never sent again as a whole, as the body is gone: a store that is `retrying` repeats single
 * parts. When the answer to the last step gets lost, that is OUTCOME_UNKNOWN, with no look at the
 * object: there is nothing left to compare it with.
 */

import { ObjectStoreError } from "./errors.ts";
import { partSizeOf } from "./held-upload.ts";
import { checkKey } from "./object-key.ts";
import type { ObjectMeta, ObjectStore, Supports, Upload, UploadOptions } from "./object-store.ts";

/**
 * Refused with UNSUPPORTED, before the body is asked for anything, where `sizeMax` may take more
 * than one part and the store cannot do that, or not under this condition.
 */
export async function putStream(
  store: ObjectStore,
  key: string,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<ObjectMeta> {
  checkKey(key);
  const { signal, sizeMax, ...how } = options;
  const partSize = partSizeOf(sizeMax);
  if (sizeMax > partSize) refuseUnsupported(store, key, options);
  signal?.throwIfAborted();
  const parts = new PartCutter(body, sizeMax, signal);
  try {
    const first = await parts.next(partSize);
    if (parts.isAtEnd) return await store.put(key, first, { ...how, signal });
    const upload = await store.openUpload(key, options);
    return await sendParts(upload, first, parts, signal);
  } finally {
    await parts.end();
  }
}

function refuseUnsupported(store: ObjectStore, key: string, { condition }: UploadOptions): void {
  const need = (capability: keyof Supports) => {
    if (store.supports[capability]) return;
    const message = `openUpload ${key} on ${store.name}: this store cannot do ${capability}`;
    const context = { store: store.name, operation: "openUpload", key } as const;
    throw new ObjectStoreError("UNSUPPORTED", message, context);
  };
  need("streamedPut");
  if (condition.type !== "none") need("streamedConditions");
}

async function sendParts(
  upload: Upload,
  first: Uint8Array,
  parts: PartCutter,
  signal: AbortSignal | undefined,
): Promise<ObjectMeta> {
  const stopping = new AbortController();
  const signals = signal === undefined ? [] : [signal];
  const call = { signal: AbortSignal.any([...signals, stopping.signal]) };
  const onTheirWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const send = (index: number, part: Uint8Array) => {
    const sent = upload
      .putPart(index, part, call)
      .catch((error: unknown) => {
        failure ??= { error };
        stopping.abort(error);
      })
      .finally(() => onTheirWay.delete(sent));
    onTheirWay.add(sent);
  };
  try {
    let part = await refill(parts, first, upload.partSize);
    for (let index = 0; ; index += 1) {
      send(index, part);
      if (onTheirWay.size >= upload.partsParallel) await Promise.race(onTheirWay);
      if (failure !== undefined || parts.isAtEnd) break;
      part = await parts.next(upload.partSize);
    }
    await Promise.all(onTheirWay);
    if (failure !== undefined) throw failure.error;
    return await upload.complete({ signal });
  } catch (error) {
    stopping.abort(error);
    const cleaning = Promise.all(onTheirWay)
      .then(() => upload.abort())
      .catch(() => undefined);
    // Who has given up does not wait for a store that may not answer.
    if (signal?.aborted !== true) await cleaning;
    throw error;
  }
}

/** The first part was cut before the store had said how large its parts are. */
async function refill(parts: PartCutter, first: Uint8Array, partSize: number): Promise<Uint8Array> {
  if (first.byteLength === partSize) return first;
  parts.putBack(first);
  return parts.next(partSize);
}

/** The body in pieces of the size that is asked for, whatever the chunks are that it comes in. */
class PartCutter {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #sizeMax: number;
  readonly #signal: AbortSignal | undefined;
  /** Read and not given out yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #readBytes = 0;
  #isRead = false;
  /** A body that was left in the middle of a step ends after it, whenever that is. */
  #isLeft = false;

  constructor(body: AsyncIterable<Uint8Array>, sizeMax: number, signal: AbortSignal | undefined) {
    this.#chunks = body[Symbol.asyncIterator]();
    this.#sizeMax = sizeMax;
    this.#signal = signal;
  }

  /** Known after each piece: an empty one is never needed but for an empty body. */
  get isAtEnd(): boolean {
    return this.#isRead && this.#rest.byteLength === 0;
  }

  /** Shorter than `size` only at the end. */
  async next(size: number): Promise<Uint8Array> {
    let part = new Uint8Array(Math.min(size, this.#sizeMax));
    let length = 0;
    while (length < size && !this.isAtEnd) {
      const taken = this.#rest.subarray(0, size - length);
      part.set(taken, length);
      length += taken.byteLength;
      this.#rest = this.#rest.subarray(taken.byteLength);
      if (this.#rest.byteLength === 0) await this.#read();
    }
    if (length < part.byteLength) part = part.slice(0, length);
    return part;
  }

  putBack(bytes: Uint8Array): void {
    const rest = new Uint8Array(bytes.byteLength + this.#rest.byteLength);
    rest.set(bytes);
    rest.set(this.#rest, bytes.byteLength);
    this.#rest = rest;
  }

  async end(): Promise<void> {
    if (this.#isRead) return;
    const ending = this.#chunks.return?.();
    if (this.#isLeft) ending?.catch(() => undefined);
    else await ending;
  }

  async #read(): Promise<void> {
    while (!this.#isRead && this.#rest.byteLength === 0) {
      const next = await this.#step();
      if (next.done) {
        this.#isRead = true;
        return;
      }
      this.#rest = next.value;
      this.#readBytes += next.value.byteLength;
      if (this.#readBytes > this.#sizeMax) {
        throw new RangeError(`the body has more than the ${this.#sizeMax} bytes of sizeMax`);
      }
    }
  }

  /** Rejects at once when the signal aborts, whatever the body does. */
  async #step(): Promise<IteratorResult<Uint8Array>> {
    const signal = this.#signal;
    signal?.throwIfAborted();
    this.#isLeft = true;
    const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#chunks
        .next()
        .then(resolve, reject)
        .finally(() => signal?.removeEventListener("abort", onAbort));
    });
    this.#isLeft = false;
    return step;
  }
}
