/**
 * A whole store out of three functions over any place that can swap an entry in one step: a table
 * of SQL, a key-value database, a map.
 *
 * Always true, if `swap` is one step for everybody who uses the place:
 *   - All that `ObjectStore` promises, conditions and races included: every put and delete is one
 *     successful swap.
 *   - A version is never used twice: it is new with each put, whatever the body.
 *
 * Bodies go in and out whole, so a range saves nothing; listings are sorted in memory.
 */

import { checkRange, resolveRange } from "./byte-range.ts";
import type { Clock, Random } from "./clock.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "./errors.ts";
import { InFlight } from "./in-flight.ts";
import { LIST_SORT_KEYS_MAX, SWAP_ATTEMPTS_MAX } from "./limits.ts";
import { checkKey, checkPrefix, compareKeys } from "./object-key.ts";
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
  PutCondition,
  PutOptions,
  Supports,
  Upload,
  UploadOptions,
} from "./object-store.ts";
import { systemClock, systemRandom } from "./system.ts";

/** One object as it is kept; nothing in it is ever undefined or null. */
export interface StoredEntry {
  readonly body: Uint8Array;
  readonly version: string;
  readonly lastModifiedMs: number;
  readonly timestampMs: number;
}

export interface ListedEntry extends Omit<StoredEntry, "body"> {
  readonly key: string;
  readonly size: number;
}

type Awaitable<Value> = Value | Promise<Value>;

export interface KeyValues {
  /** For messages. Holds no credentials. */
  readonly name: string;
  /** Undefined: there is none. */
  get(key: string): Awaitable<StoredEntry | undefined>;
  /**
   * Puts the entry, or without one deletes, if the entry there has the version `expected`, or if
   * there is none and `expected` is undefined. False, and nothing happens, otherwise.
   */
  swap(
    key: string,
    expected: string | undefined,
    entry: StoredEntry | undefined,
  ): Awaitable<boolean>;
  /** All whose key starts with the prefix, in any order. */
  list(prefix: string): Awaitable<readonly ListedEntry[]>;
  /** Called once, after the last call. */
  close?(): Awaitable<void>;
}

export interface KeyValueStoreOptions {
  /** How Litestream lays out replicas there. Undefined: "path". */
  readonly keyLayout?: KeyLayout | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Closing the store closes the place. */
export function keyValueStore(values: KeyValues, options: KeyValueStoreOptions = {}): ObjectStore {
  return new KeyValueStore(values, options);
}

const SUPPORTS: Supports = {
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: true,
  suffixRange: true,
  orderedList: false,
  startAfter: false,
  serverDate: true,
  storedTimestamp: true,
  listedTimestamp: true,
  streamedPut: false,
  streamedConditions: false,
};

type Found = Awaited<ReturnType<KeyValues["get"]>>;

class KeyValueStore implements ObjectStore {
  readonly name: string;
  readonly supports: Supports = SUPPORTS;
  readonly keyLayout: KeyLayout;
  readonly #values: KeyValues;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #inFlight: InFlight;
  #closing: Promise<void> | undefined;

  constructor(values: KeyValues, { keyLayout, clock, random }: KeyValueStoreOptions) {
    this.#values = values;
    this.name = values.name;
    this.keyLayout = keyLayout ?? "path";
    this.#clock = clock ?? systemClock;
    this.#random = random ?? systemRandom;
    this.#inFlight = new InFlight(this.name);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    return this.#run("get", key, options, async () => {
      const { body, ...rest } = await this.#mustFind("get", key);
      const resolved = resolveRange(range, body.byteLength);
      if (resolved === undefined) {
        const problem = `no such bytes in ${body.byteLength}`;
        throw this.#error("RANGE_UNSATISFIABLE", problem, "get", key);
      }
      const part = body.slice(resolved.offset, resolved.offset + resolved.length);
      return { meta: this.#meta({ key, size: body.byteLength, ...rest }), body: part };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    return this.#run("head", key, options, async () => {
      const { body, ...rest } = await this.#mustFind("head", key);
      return this.#meta({ key, size: body.byteLength, ...rest });
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    checkKey(key);
    return this.#run("put", key, options, async () => {
      const lastModifiedMs = this.#clock.nowMs();
      const timestampMs = options.timestampMs ?? lastModifiedMs;
      const rest = { version: this.#newVersion(), lastModifiedMs, timestampMs };
      await this.#swap("put", key, options.condition, { body: body.slice(), ...rest });
      return this.#meta({ key, size: body.byteLength, ...rest });
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    return this.#run("openUpload", key, options, async () => {
      const problem = "this store takes bodies whole, and cannot do streamedPut";
      throw this.#error("UNSUPPORTED", problem, "openUpload", key);
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    return this.#run("delete", key, options, () => this.#swap("delete", key, condition, undefined));
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    return this.#run("deleteMany", undefined, options, async () => {
      for (const key of keys) {
        options.signal?.throwIfAborted();
        await this.#swap("deleteMany", key, { type: "none" }, undefined);
      }
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    const { signal, startAfter = "" } = options;
    const listed = await this.#run("list", undefined, options, async () => {
      const all = await this.#values.list(prefix);
      if (all.length <= LIST_SORT_KEYS_MAX) return all;
      const problem = `more than ${LIST_SORT_KEYS_MAX} keys to be sorted under ${prefix}`;
      throw this.#error("UNSUPPORTED", problem, "list", undefined);
    });
    for (const entry of [...listed].sort((a, b) => compareKeys(a.key, b.key))) {
      signal?.throwIfAborted();
      if (compareKeys(entry.key, startAfter) > 0) yield this.#meta(entry);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#inFlight.close().then(() => this.#values.close?.());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Without a condition, whatever is there is swapped, however often others do the same. */
  async #swap(
    operation: Operation,
    key: string,
    condition: PutCondition,
    entry: StoredEntry | undefined,
  ): Promise<void> {
    if (condition.type !== "none") {
      const expected = condition.type === "if-version" ? condition.version : undefined;
      if (await this.#values.swap(key, expected, entry)) return;
      if (condition.type === "if-absent") {
        throw this.#error("OBJECT_EXISTS", "there is such an object", operation, key);
      }
      const problem = "the object has another version or is gone";
      throw this.#error("OBJECT_CHANGED", problem, operation, key);
    }
    for (let attempt = 0; attempt < SWAP_ATTEMPTS_MAX; attempt += 1) {
      const found: Found = await this.#values.get(key);
      if (found === undefined && entry === undefined) return;
      if (await this.#values.swap(key, found?.version, entry)) return;
    }
    const problem = `others were faster ${SWAP_ATTEMPTS_MAX} times in a row`;
    throw this.#error("UNAVAILABLE", problem, operation, key);
  }

  async #mustFind(operation: Operation, key: string): Promise<StoredEntry> {
    const found: Found = await this.#values.get(key);
    if (found !== undefined) return found;
    throw this.#error("OBJECT_NOT_FOUND", "there is no such object", operation, key);
  }

  /** What the place throws says nothing of whether it happened. */
  async #run<Result>(
    operation: Operation,
    key: string | undefined,
    options: CallOptions & { readonly condition?: PutCondition | undefined },
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#inFlight.run(operation, options, work);
    } catch (cause) {
      if (ObjectStoreError.is(cause) || options.signal?.aborted) throw cause;
      const isConditional = (options.condition ?? { type: "none" }).type !== "none";
      const problem = cause instanceof Error ? cause.message : String(cause);
      const code = isConditional ? "OUTCOME_UNKNOWN" : "UNAVAILABLE";
      throw this.#error(code, problem, operation, key, cause);
    }
  }

  #newVersion(): string {
    const word = () => Math.floor(this.#random() * 2 ** 48).toString(36);
    return `${word()}-${word()}`;
  }

  #meta({ key, size, version, lastModifiedMs, timestampMs }: ListedEntry): ObjectMeta {
    const serverDateMs = this.#clock.nowMs();
    return { key, size, version, lastModifiedMs, timestampMs, serverDateMs };
  }

  #error(
    code: ObjectStoreErrorCode,
    problem: string,
    operation: Operation,
    key: string | undefined,
    cause?: unknown,
  ): ObjectStoreError {
    const what = key === undefined ? operation : `${operation} ${key}`;
    const message = `${what} on ${this.name}: ${problem}`;
    return new ObjectStoreError(code, message, { store: this.name, operation, key, cause });
  }
}
