/**
 * The reference implementation: the simplest thing that keeps the contract.
 *
 * Always true:
 *   - A version is never used twice in a bucket, not even after a delete.
 *   - Bodies are copied on the way in and on the way out.
 *
 * Its objects live in one thread and die with it. Stores that share a `MemoryBucket` share objects.
 */

import { checkRange, resolveRange } from "../byte-range.ts";
import type { Clock } from "../clock.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { HeldUpload, partSizeOf, type UploadedParts } from "../held-upload.ts";
import { InFlight } from "../in-flight.ts";
import { PARTS_PARALLEL } from "../limits.ts";
import { checkKey, checkPrefix } from "../object-key.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  KeyLayout,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutOptions,
  Supports,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemClock } from "../system.ts";
import { SortedKeys } from "./sorted-keys.ts";

export interface MemoryStoreOptions {
  /** Objects that outlive the store or are shared with another one. */
  readonly bucket?: MemoryBucket | undefined;
  readonly clock?: Clock | undefined;
  /** To pass for another kind of store in tests. */
  readonly keyLayout?: KeyLayout | undefined;
  readonly supports?: Partial<Supports> | undefined;
}

interface MemoryObject {
  readonly body: Uint8Array;
  readonly version: string;
  readonly lastModifiedMs: number;
  readonly timestampMs: number | undefined;
}

/** The objects of one or more memory stores. */
export class MemoryBucket {
  readonly name: string;
  readonly #objects = new Map<string, MemoryObject>();
  readonly #keys = new SortedKeys();
  #lastVersion = 0;

  constructor(name = "") {
    this.name = name;
  }

  find(key: string): MemoryObject | undefined {
    return this.#objects.get(key);
  }

  write(key: string, object: Omit<MemoryObject, "version">): MemoryObject {
    if (!this.#objects.has(key)) this.#keys.add(key);
    this.#lastVersion += 1;
    const written = { ...object, version: `${this.#lastVersion}` };
    this.#objects.set(key, written);
    return written;
  }

  remove(key: string): void {
    if (this.#objects.delete(key)) this.#keys.remove(key);
  }

  sortedKeys(): readonly string[] {
    return [...this.#keys.from("", undefined)];
  }

  /** In the order of listings. What is put and removed meanwhile is taken into account. */
  keys(prefix: string, startAfter: string | undefined): Iterable<string> {
    return this.#keys.from(prefix, startAfter);
  }
}

const SUPPORTS: Supports = {
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: true,
  conditionsTrusted: true,
  suffixRange: true,
  orderedList: true,
  startAfter: true,
  serverDate: true,
  storedTimestamp: true,
  listedTimestamp: true,
  streamedPut: true,
  streamedConditions: true,
  batchedDelete: true,
};

export class MemoryStore implements ObjectStore {
  readonly name: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout;
  readonly #bucket: MemoryBucket;
  readonly #clock: Clock;
  readonly #inFlight: InFlight;

  constructor(options: MemoryStoreOptions = {}) {
    this.#bucket = options.bucket ?? new MemoryBucket();
    this.#clock = options.clock ?? systemClock;
    this.name = `memory:${this.#bucket.name}`;
    this.supports = { ...SUPPORTS, ...options.supports };
    this.keyLayout = options.keyLayout ?? "path";
    this.#inFlight = new InFlight(this.name);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    if (range !== undefined && "suffix" in range) this.#need("suffixRange", "get", key);
    return this.#inFlight.run("get", options, async () => {
      const object = this.#mustFind("get", key);
      const resolved = resolveRange(range, object.body.byteLength);
      if (resolved === undefined) {
        const size = object.body.byteLength;
        throw this.#error("RANGE_UNSATISFIABLE", `no such bytes in ${size}`, "get", key);
      }
      const body = object.body.slice(resolved.offset, resolved.offset + resolved.length);
      return { meta: this.#meta(key, object), body };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    return this.#inFlight.run("head", options, async () =>
      this.#meta(key, this.#mustFind("head", key)),
    );
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    checkKey(key);
    const { condition } = options;
    if (condition.type === "if-absent") this.#need("conditionalCreate", "put", key);
    if (condition.type === "if-version") this.#need("conditionalUpdate", "put", key);
    return this.#inFlight.run("put", options, async () => this.#write(key, body.slice(), options));
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    const partSize = partSizeOf(options.sizeMax);
    this.#need("streamedPut", "openUpload", key);
    if (options.condition.type !== "none") this.#need("streamedConditions", "openUpload", key);
    const parts = new Map<number, Uint8Array>();
    return this.#inFlight.run("openUpload", options, async () => {
      const steps = {
        partSize,
        partsParallel: PARTS_PARALLEL,
        putPart: async (index: number, body: Uint8Array) => void parts.set(index, body.slice()),
        complete: async ({ size }: UploadedParts) => {
          const body = new Uint8Array(size);
          for (const [index, part] of parts) body.set(part, index * partSize);
          return this.#write(key, body, options);
        },
        abort: async () => parts.clear(),
      };
      return new HeldUpload(key, steps, this.#inFlight.hold());
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    if (condition.type === "if-version") this.#need("conditionalDelete", "delete", key);
    return this.#inFlight.run("delete", options, async () => {
      if (
        condition.type === "if-version" &&
        this.#bucket.find(key)?.version !== condition.version
      ) {
        throw this.#error("OBJECT_CHANGED", "the object has another version", "delete", key);
      }
      this.#bucket.remove(key);
    });
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    return this.#inFlight.run("deleteMany", options, async () => {
      for (const key of keys) this.#bucket.remove(key);
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    const { signal, startAfter } = options;
    const keys = await this.#inFlight.run("list", options, async () =>
      this.#bucket.keys(prefix, startAfter),
    );
    for (const key of keys) {
      signal?.throwIfAborted();
      const object = this.#bucket.find(key);
      if (object === undefined) continue;
      const meta = this.#meta(key, object);
      yield this.supports.listedTimestamp ? meta : { ...meta, timestampMs: undefined };
    }
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #write(key: string, body: Uint8Array, { condition, timestampMs }: PutOptions): ObjectMeta {
    const existing = this.#bucket.find(key);
    if (condition.type === "if-absent" && existing !== undefined) {
      throw this.#error("OBJECT_EXISTS", "there is such an object", "put", key);
    }
    if (condition.type === "if-version" && existing?.version !== condition.version) {
      throw this.#error("OBJECT_CHANGED", "the object has another version", "put", key);
    }
    const lastModifiedMs = this.#clock.nowMs();
    return this.#meta(key, this.#bucket.write(key, { body, lastModifiedMs, timestampMs }));
  }

  #mustFind(operation: Operation, key: string): MemoryObject {
    const object = this.#bucket.find(key);
    if (object === undefined) {
      throw this.#error("OBJECT_NOT_FOUND", "there is no such object", operation, key);
    }
    return object;
  }

  #meta(key: string, object: MemoryObject): ObjectMeta {
    return {
      key,
      size: object.body.byteLength,
      version: object.version,
      lastModifiedMs: object.lastModifiedMs,
      timestampMs: object.timestampMs,
      ...(this.supports.serverDate ? { serverDateMs: this.#clock.nowMs() } : {}),
    };
  }

  #need(capability: keyof Supports, operation: Operation, key: string): void {
    if (this.supports[capability]) return;
    throw this.#error("UNSUPPORTED", `this store cannot do ${capability}`, operation, key);
  }

  #error(code: ObjectStoreErrorCode, problem: string, operation: Operation, key: string): Error {
    const message = `${operation} ${key} on ${this.name}: ${problem}`;
    return new ObjectStoreError(code, message, { store: this.name, operation, key });
  }
}
