/**
 * The RETRY table in action.
 *
 * Always true:
 *   - Only what may be sent again is sent again, after a pause with jitter, so many times and for
 *     so long.
 *   - A conditional put or delete whose answer got lost is looked up before it is sent again. When
 *     the object holds exactly our bytes, that was us: the call resolves.
 *   - Once an answer got lost, the call ends in success, or in OBJECT_EXISTS when the object to be
 *     created is another's, or in OUTCOME_UNKNOWN. It never says that nothing happened.
 *
 * The last is all that can be said when the object has yet another version: ours may have been
 * there and may have been built upon.
 *
 * An upload is not sent again as a whole, but each of its steps is; the last one only if nothing
 * happened, as nobody has its bytes any more to compare them with.
 *
 * Two writers that put the same bytes under the same condition cannot be told apart: an object that
 * is used for compare-and-swap must hold something unique to its writer.
 */

import type { Clock, Random } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { InFlight } from "../in-flight.ts";
import {
  RETRY_AFTER_MS_MAX,
  RETRY_ATTEMPTS_MAX,
  RETRY_DELAY_MS_MAX,
  RETRY_DELAY_MS_MIN,
  RETRY_DURATION_MS_MAX,
} from "../limits.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutCondition,
  PutOptions,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemClock, systemRandom } from "../system.ts";
import { Backoff } from "./backoff.ts";
import { carriedUpload } from "./carried-upload.ts";
import { Layer } from "./layer.ts";

export interface RetryingOptions {
  /** Attempts in all, the first one included. */
  readonly attemptsMax?: number | undefined;
  readonly delayMsMin?: number | undefined;
  readonly delayMsMax?: number | undefined;
  /** No attempt of a call begins later than this after its first one. */
  readonly durationMsMax?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export function retrying(store: ObjectStore, options: RetryingOptions = {}): ObjectStore {
  return new RetryingStore(store, options);
}

type ResolvedOptions = {
  readonly [Name in keyof RetryingOptions]-?: NonNullable<RetryingOptions[Name]>;
};

/** What a look at the object says of a conditional call. */
type Finding<Result> =
  | { readonly type: "ours"; readonly result: Result }
  | { readonly type: "not-yet" } // The condition still holds, so it may be sent again.
  | { readonly type: "exists" } //  Another created the object, so we did not.
  | { readonly type: "moved-on" }; // Another version, whatever became of ours.

class RetryingStore extends Layer implements ObjectStore {
  readonly #options: ResolvedOptions;
  readonly #inFlight: InFlight;
  readonly #closing = new AbortController();

  constructor(inner: ObjectStore, options: RetryingOptions) {
    super(inner);
    this.#inFlight = new InFlight(this.name);
    this.#options = {
      attemptsMax: options.attemptsMax ?? RETRY_ATTEMPTS_MAX,
      delayMsMin: options.delayMsMin ?? RETRY_DELAY_MS_MIN,
      delayMsMax: options.delayMsMax ?? RETRY_DELAY_MS_MAX,
      durationMsMax: options.durationMsMax ?? RETRY_DURATION_MS_MAX,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#inFlight.run("get", options, () =>
      this.#repeat(this.#attempts("get", options), () => this.inner.get(key, options)),
    );
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    return this.#inFlight.run("head", options, () =>
      this.#repeat(this.#attempts("head", options), () => this.inner.head(key, options)),
    );
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const { condition, signal, meter } = options;
    const call = { signal, meter };
    const send = () => this.inner.put(key, body, options);
    const look: Look<ObjectMeta> = (attempts) =>
      this.#lookUpPut(key, body, condition, attempts, call);
    return this.#inFlight.run("put", options, () =>
      condition.type === "none"
        ? this.#repeat(this.#attempts("put", call), send)
        : this.#settle({ operation: "put", call, send, look }),
    );
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const upload = await this.#inFlight.run("openUpload", options, () =>
      this.#repeat(this.#attempts("openUpload", options), () =>
        this.inner.openUpload(key, options),
      ),
    );
    return carriedUpload(upload, ({ operation, options: given, send }) => {
      // What the last step did cannot be looked up: the bytes are gone.
      const may = operation === "completeUpload" ? mayRepeatBlindly : mayRepeat;
      return this.#repeat(this.#attempts(operation, given), () => send(given), may);
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    const { condition = { type: "none" }, signal, meter } = options;
    const call = { signal, meter };
    const send = () => this.inner.delete(key, options);
    const look: Look<void> = async (attempts) => {
      const head = () => this.inner.head(key, call);
      const meta = await orUndefined(this.#repeat(attempts, head));
      if (meta === undefined) return { type: "ours", result: undefined };
      const same = condition.type === "if-version" && meta.version === condition.version;
      return { type: same ? "not-yet" : "moved-on" };
    };
    return this.#inFlight.run("delete", options, () =>
      condition.type === "none"
        ? this.#repeat(this.#attempts("delete", call), send)
        : this.#settle({ operation: "delete", call, send, look }),
    );
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#inFlight.run("deleteMany", options, () =>
      this.#repeat(this.#attempts("deleteMany", options), () =>
        this.inner.deleteMany(keys, options),
      ),
    );
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    let { startAfter } = options;
    let attempts = this.#attempts("list", options);
    for (;;) {
      try {
        for await (const meta of this.inner.list(prefix, { ...options, startAfter })) {
          startAfter = meta.key;
          yield meta;
          // The time that our reader took is not the store's.
          attempts = this.#attempts("list", options);
        }
        return;
      } catch (error) {
        if (!mayRepeat(error)) throw error;
        await this.#inFlight.run("list", options, () => attempts.pause(error));
      }
    }
  }

  /** A call that waits for its next attempt ends with the error it has. */
  override async close(): Promise<void> {
    this.#closing.abort();
    await this.#inFlight.close();
    await super.close();
  }

  /** For calls that may be made twice without harm. */
  async #repeat<Result>(
    attempts: Attempts,
    send: () => Promise<Result>,
    may: (error: unknown) => boolean = mayRepeat,
  ): Promise<Result> {
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (!may(error)) throw error;
        await attempts.pause(error);
      }
    }
  }

  /** For conditional calls: a look at the object comes before every repeat that needs one. */
  async #settle<Result>({ operation, call, send, look }: ConditionalCall<Result>): Promise<Result> {
    const { signal } = call;
    const attempts = this.#attempts(operation, call);
    let answerLost: unknown;
    for (let repeated = false; ; repeated = true) {
      let failure: unknown;
      try {
        return await send();
      } catch (error) {
        failure = error;
      }
      const conflict = ObjectStoreError.is(failure, "OBJECT_EXISTS", "OBJECT_CHANGED");
      if (conflict && !repeated) throw failure;
      if (ObjectStoreError.is(failure, "OUTCOME_UNKNOWN")) answerLost = failure;
      else if (!conflict && !mayRepeat(failure)) throw this.#unknown(answerLost, failure, signal);
      if (conflict || answerLost !== undefined) {
        // Our own earlier attempt may be the rival that we met.
        const finding = await look(attempts.again()).catch((error: unknown) => {
          throw this.#unknown(answerLost, error, signal);
        });
        if (finding.type === "ours") return finding.result;
        if (finding.type === "exists") throw conflict ? failure : this.#exists(answerLost);
        if (finding.type === "moved-on" || conflict) {
          throw this.#unknown(answerLost, failure, signal);
        }
      }
      await attempts.pause(failure).catch((error: unknown) => {
        throw this.#unknown(answerLost, error, signal);
      });
    }
  }

  async #lookUpPut(
    key: string,
    body: Uint8Array,
    condition: PutCondition,
    attempts: Attempts,
    call: CallOptions,
  ): Promise<Finding<ObjectMeta>> {
    const get = () => this.#getStart(key, body.byteLength, call);
    const found = await orUndefined(this.#repeat(attempts, get));
    if (found === undefined) {
      return { type: condition.type === "if-absent" ? "not-yet" : "moved-on" };
    }
    // Where the version is made from the content, putting the same content again changes nothing.
    const isOurs = found.meta.size === body.byteLength && equalBytes(found.body, body);
    if (isOurs) return { type: "ours", result: found.meta };
    if (condition.type === "if-absent") return { type: "exists" };
    const same = condition.type === "if-version" && found.meta.version === condition.version;
    return { type: same ? "not-yet" : "moved-on" };
  }

  /** No more of the object than there are bytes to compare it with. */
  async #getStart(key: string, length: number, call: CallOptions): Promise<GetResult> {
    if (length > 0) {
      try {
        return await this.inner.get(key, { ...call, range: { offset: 0, length } });
      } catch (error) {
        // An empty object has no range at all.
        if (!ObjectStoreError.is(error, "RANGE_UNSATISFIABLE")) throw error;
      }
    }
    return { meta: await this.inner.head(key, call), body: new Uint8Array(0) };
  }

  /** The error to end with: the newest one, unless an earlier attempt may have gone through. */
  #unknown(answerLost: unknown, error: unknown, signal: AbortSignal | undefined): unknown {
    if (answerLost === undefined || error === answerLost) return error;
    if (signal?.aborted && error === signal.reason) return error;
    const { key, operation } = answerLost as ObjectStoreError;
    const why = error instanceof Error ? error.message : String(error);
    const message = `${operation} ${key} on ${this.name}: the answer got lost, and then: ${why}`;
    const options = { store: this.name, operation, key, cause: error };
    return new ObjectStoreError("OUTCOME_UNKNOWN", message, options);
  }

  #exists(answerLost: unknown): ObjectStoreError {
    const { key, operation } = answerLost as ObjectStoreError;
    const problem = "the answer got lost, and the object is another's";
    const message = `${operation} ${key} on ${this.name}: ${problem}`;
    const options = { store: this.name, operation, key, cause: answerLost };
    return new ObjectStoreError("OBJECT_EXISTS", message, options);
  }

  #attempts(operation: Operation, { signal, meter }: CallOptions): Attempts {
    const startMs = this.#options.clock.monotonicMs();
    const onRepeat = () => meter?.retried(operation);
    const call = { signal, closing: this.#closing.signal, onRepeat };
    return new Attempts(this.#options, call, startMs);
  }
}

interface ConditionalCall<Result> {
  readonly operation: Operation;
  readonly call: CallOptions;
  readonly send: () => Promise<Result>;
  readonly look: Look<Result>;
}

type Look<Result> = (attempts: Attempts) => Promise<Finding<Result>>;

interface RepeatedCall {
  readonly signal: AbortSignal | undefined;
  readonly closing: AbortSignal;
  readonly onRepeat: () => void;
}

class Attempts {
  readonly #options: ResolvedOptions;
  readonly #call: RepeatedCall;
  readonly #startMs: number;
  readonly #backoff: Backoff;
  #left: number;

  constructor(options: ResolvedOptions, call: RepeatedCall, startMs: number) {
    this.#options = options;
    this.#startMs = startMs;
    this.#call = call;
    this.#backoff = new Backoff(options);
    this.#left = options.attemptsMax - 1;
  }

  /** As many once more, in what is left of the same time: for another request of the same call. */
  again(): Attempts {
    return new Attempts(this.#options, this.#call, this.#startMs);
  }

  /** Waits until the next attempt is due; throws the error when there is none left. */
  async pause(error: unknown): Promise<void> {
    const { signal: given, closing, onRepeat } = this.#call;
    if (this.#left <= 0 || closing.aborted) throw error;
    this.#left -= 1;
    const { clock, durationMsMax } = this.#options;
    const asked = ObjectStoreError.is(error) ? (error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(this.#backoff.nextMs(), Math.min(asked, RETRY_AFTER_MS_MAX));
    if (clock.monotonicMs() + delayMs > this.#startMs + durationMsMax) throw error;
    const signal = AbortSignal.any([...(given === undefined ? [] : [given]), closing]);
    await clock.sleep(delayMs, { signal }).catch((reason: unknown) => {
      throw given?.aborted ? reason : error;
    });
    onRepeat();
  }
}

/** True for calls that are harmless to repeat; the lost answer of such a call is no matter. */
function mayRepeat(error: unknown): boolean {
  return ObjectStoreError.is(error) && error.retry !== "never";
}

/** True when nothing happened. */
function mayRepeatBlindly(error: unknown): boolean {
  return ObjectStoreError.is(error) && error.retry === "after-backoff";
}

async function orUndefined<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    throw error;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index += 1) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}
