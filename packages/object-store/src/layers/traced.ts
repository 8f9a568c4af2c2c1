/**
 * Tells about every finished call of a store: what, how long, how many bytes, how it ended.
 *
 * Each step of an upload is a call. A listing is one call; `requests` says how many pages of a
 * thousand keys it took, which is what S3 counts.
 */

import type { Clock } from "../clock.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { LIST_PAGE_KEYS } from "../limits.ts";
import type {
  ByteRange,
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutOptions,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemClock } from "../system.ts";
import { carriedUpload } from "./carried-upload.ts";
import { Layer } from "./layer.ts";

export interface RequestTrace {
  readonly operation: Operation;
  /** The key, or the prefix of a listing; undefined for deleteMany. */
  readonly key: string | undefined;
  readonly range: ByteRange | undefined;
  /** Requests that this call costs on S3. */
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Keys listed or deleted. */
  readonly keys: number;
  readonly startMs: number;
  readonly durationMs: number;
  /** "ABORTED" stands for a signal, "OTHER" for anything that is not an error of ours. */
  readonly outcome: "ok" | "ABORTED" | "OTHER" | ObjectStoreErrorCode;
}

export interface TracedOptions {
  /** Called after each call, before its caller goes on. Must not throw. */
  readonly onRequest: (trace: RequestTrace) => void;
  readonly clock?: Clock | undefined;
}

export function traced(store: ObjectStore, options: TracedOptions): ObjectStore {
  return new TracedStore(store, options);
}

interface Measured {
  bytesRead: number;
  bytesWritten: number;
  keys: number;
}

class TracedStore extends Layer implements ObjectStore {
  readonly #onRequest: (trace: RequestTrace) => void;
  readonly #clock: Clock;

  constructor(inner: ObjectStore, { onRequest, clock }: TracedOptions) {
    super(inner);
    this.#onRequest = onRequest;
    this.#clock = clock ?? systemClock;
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#trace("get", key, options, async (measured) => {
      const result = await this.inner.get(key, options);
      measured.bytesRead = result.body.byteLength;
      return result;
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    return this.#trace("head", key, options, () => this.inner.head(key, options));
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    return this.#trace("put", key, options, (measured) => {
      measured.bytesWritten = body.byteLength;
      return this.inner.put(key, body, options);
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const open = () => this.inner.openUpload(key, options);
    const upload = await this.#trace("openUpload", key, options, open);
    return carriedUpload(upload, ({ operation, byteLength, options: given, send }) =>
      this.#trace(operation, key, given, (measured) => {
        measured.bytesWritten = byteLength;
        return send(given);
      }),
    );
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    return this.#trace("delete", key, options, (measured) => {
      measured.keys = 1;
      return this.inner.delete(key, options);
    });
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#trace("deleteMany", undefined, options, (measured) => {
      measured.keys = keys.length;
      return this.inner.deleteMany(keys, options);
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const measured: Measured = { bytesRead: 0, bytesWritten: 0, keys: 0 };
    const startMs = this.#clock.monotonicMs();
    let failure: unknown;
    try {
      for await (const meta of this.inner.list(prefix, options)) {
        measured.keys += 1;
        yield meta;
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      this.#report("list", prefix, options, measured, startMs, failure);
    }
  }

  async #trace<Result>(
    operation: Operation,
    key: string | undefined,
    options: GetOptions,
    work: (measured: Measured) => Promise<Result>,
  ): Promise<Result> {
    const measured: Measured = { bytesRead: 0, bytesWritten: 0, keys: 0 };
    const startMs = this.#clock.monotonicMs();
    let failure: unknown;
    try {
      return await work(measured);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      this.#report(operation, key, options, measured, startMs, failure);
    }
  }

  #report(
    operation: Operation,
    key: string | undefined,
    { range, signal }: GetOptions,
    measured: Measured,
    startMs: number,
    failure: unknown,
  ): void {
    const pages = operation === "list" || operation === "deleteMany";
    this.#onRequest({
      operation,
      key,
      range,
      requests: pages ? Math.max(1, Math.ceil(measured.keys / LIST_PAGE_KEYS)) : 1,
      ...measured,
      startMs,
      durationMs: this.#clock.monotonicMs() - startMs,
      outcome: outcomeOf(failure, signal),
    });
  }
}

function outcomeOf(failure: unknown, signal: AbortSignal | undefined): RequestTrace["outcome"] {
  if (failure === undefined) return "ok";
  if (ObjectStoreError.is(failure)) return failure.code;
  return signal?.aborted && failure === signal.reason ? "ABORTED" : "OTHER";
}
