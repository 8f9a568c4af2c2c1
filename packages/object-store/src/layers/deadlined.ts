/**
 * No request waits for ever: each one has a deadline, later the more bytes it moves.
 *
 * Always true:
 *   - A call settles by its deadline, even if the store below cares for no signal: with
 *     UNAVAILABLE, or with OUTCOME_UNKNOWN for a conditional put or delete, or the last step of an
 *     upload, which may have happened.
 *   - The request below is aborted with that same error. One of the caller's own signal ends as if
 *     this layer were not here.
 *   - A listing has the time of one request for each step; who reads it may take longer.
 *   - So has an upload, and time for the bytes of the step; who gives the bytes may take longer.
 *     One that is opened too late is given up.
 *
 * A put that was late may still be on its way: its body must not change before the store is closed.
 *
 * It does not repeat (retrying.ts), and does not bound what a caller waits for in all.
 */

import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import {
  DEADLINE_BYTES_PER_SECOND_MIN,
  DEADLINE_COLLECT_FACTOR,
  DEADLINE_COMPLETE_FACTOR,
  DEADLINE_DELETE_KEYS,
  DEADLINE_REQUEST_MS,
  DEADLINE_WHOLE_BYTES,
  DELETE_BATCH_KEYS,
} from "../limits.ts";
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

export interface DeadlinedOptions {
  /** For a request without a body, and for what comes before the body of any other. */
  readonly requestMs?: number | undefined;
  /** A body may come this slowly and not slower. */
  readonly bytesPerSecondMin?: number | undefined;
  /** The size that an object is taken to have when it is asked for without a range. */
  readonly wholeBytes?: number | undefined;
  readonly clock?: Clock | undefined;
}

export function deadlined(store: ObjectStore, options: DeadlinedOptions = {}): ObjectStore {
  return new DeadlinedStore(store, options);
}

/** Without a reason, each abort makes an error of its own, which takes longer than all the rest. */
const OVER = new Error("the work has ended");

/** A call as its error tells of it. */
interface Facts {
  readonly operation: Operation;
  readonly key: string | undefined;
  readonly isConditional: boolean;
  readonly durationMs: number;
}

class DeadlinedStore extends Layer implements ObjectStore {
  readonly #requestMs: number;
  readonly #bytesPerSecondMin: number;
  readonly #wholeBytes: number;
  readonly #clock: Clock;

  constructor(inner: ObjectStore, options: DeadlinedOptions) {
    super(inner);
    this.#requestMs = positive("requestMs", options.requestMs ?? DEADLINE_REQUEST_MS);
    this.#bytesPerSecondMin = positive(
      "bytesPerSecondMin",
      options.bytesPerSecondMin ?? DEADLINE_BYTES_PER_SECOND_MIN,
    );
    this.#wholeBytes = positive("wholeBytes", options.wholeBytes ?? DEADLINE_WHOLE_BYTES);
    this.#clock = options.clock ?? systemClock;
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    const durationMs = this.#durationMs(this.#bytesOf(options.range));
    return this.#run({ operation: "get", key, isConditional: false, durationMs }, options, (call) =>
      this.inner.get(key, call),
    );
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    const durationMs = this.#requestMs;
    const facts = { operation: "head", key, isConditional: false, durationMs } as const;
    return this.#run(facts, options, (call) => this.inner.head(key, call));
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const durationMs = this.#durationMs(body.byteLength);
    const isConditional = options.condition.type !== "none";
    return this.#run({ operation: "put", key, isConditional, durationMs }, options, (call) =>
      this.inner.put(key, body, call),
    );
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const durationMs = this.#requestMs;
    const facts = { operation: "openUpload", key, isConditional: false, durationMs } as const;
    let opening: Promise<Upload> | undefined;
    const open = (call: UploadOptions) => {
      opening = this.inner.openUpload(key, call);
      return opening;
    };
    const upload = await this.#run(facts, options, open).catch((error: unknown) => {
      // One that comes after all is nobody's, and would keep the store below from closing.
      opening?.then((late) => late.abort()).catch(() => {});
      throw error;
    });
    return carriedUpload(upload, ({ operation, byteLength, options: given, send }) => {
      const isLast = operation === "completeUpload";
      // Some stores get the last part only then.
      const bytes = isLast ? upload.partSize : byteLength;
      const requests = isLast ? DEADLINE_COMPLETE_FACTOR : 1;
      const stepMs = this.#durationMs(bytes) + (requests - 1) * this.#requestMs;
      return this.#run({ operation, key, isConditional: isLast, durationMs: stepMs }, given, send);
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    const durationMs = this.#requestMs;
    const isConditional = options.condition?.type === "if-version";
    return this.#run({ operation: "delete", key, isConditional, durationMs }, options, (call) =>
      this.inner.delete(key, call),
    );
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const batchKeys = this.supports.batchedDelete ? DELETE_BATCH_KEYS : DEADLINE_DELETE_KEYS;
    const requests = Math.max(1, Math.ceil(keys.length / batchKeys));
    const durationMs = this.#requestMs * requests;
    const facts = { operation: "deleteMany", key: undefined, isConditional: false } as const;
    return this.#run({ ...facts, durationMs }, options, (call) =>
      this.inner.deleteMany(keys, call),
    );
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const isOneRequest = this.supports.orderedList && this.supports.startAfter;
    const durationMs = this.#requestMs * (isOneRequest ? 1 : DEADLINE_COLLECT_FACTOR);
    const facts = { operation: "list", key: prefix, isConditional: false, durationMs } as const;
    const watch = this.#watch(facts, options);
    const listed = this.inner
      .list(prefix, { ...options, signal: watch.signal })
      [Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await watch.step(() => listed.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      watch.end();
      // A store that does not let go of its request would not let go of us either.
      const ending = listed.return?.();
      if (watch.signal.aborted) ending?.catch(() => {});
      else await ending;
    }
  }

  async #run<Options extends CallOptions, Result>(
    facts: Facts,
    options: Options,
    send: (options: Options) => Promise<Result>,
  ): Promise<Result> {
    const watch = this.#watch(facts, options);
    try {
      return await watch.step(() => send({ ...options, signal: watch.signal }));
    } finally {
      watch.end();
    }
  }

  #watch(facts: Facts, { signal }: CallOptions): Watch {
    const { durationMs, isConditional, operation, key } = facts;
    const late = () => {
      const code = isConditional ? "OUTCOME_UNKNOWN" : "UNAVAILABLE";
      const what = key === undefined ? operation : `${operation} ${key}`;
      const message = `${what} on ${this.name}: no answer within ${durationMs} ms`;
      return new ObjectStoreError(code, message, { store: this.name, operation, key });
    };
    return new Watch(this.#clock, durationMs, signal, late);
  }

  #durationMs(byteLength: number): number {
    return this.#requestMs + Math.ceil((byteLength / this.#bytesPerSecondMin) * 1000);
  }

  #bytesOf(range: ByteRange | undefined): number {
    if (range === undefined) return this.#wholeBytes;
    if ("suffix" in range) return range.suffix;
    return "length" in range ? range.length : this.#wholeBytes;
  }
}

/**
 * Work in steps, of which each has the same time. One timer, however many steps: most are over at
 * once. It runs only as long as somebody waits for a step.
 */
class Watch {
  readonly #clock: Clock;
  readonly #durationMs: number;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #makeLate: () => ObjectStoreError;
  readonly #work = new AbortController();
  readonly #timer = new AbortController();
  /** Of the step under way. */
  #dueMs: number | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #isTimed = false;

  constructor(
    clock: Clock,
    durationMs: number,
    callerSignal: AbortSignal | undefined,
    makeLate: () => ObjectStoreError,
  ) {
    this.#clock = clock;
    this.#durationMs = durationMs;
    this.#callerSignal = callerSignal;
    this.#makeLate = makeLate;
    callerSignal?.addEventListener("abort", this.#onAbort);
  }

  /** For the work: aborts with the caller's signal or when a step is late. */
  get signal(): AbortSignal {
    return this.#work.signal;
  }

  /** Rejects at once when the signal aborts, whatever the work does. */
  async step<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#callerSignal?.throwIfAborted();
    this.#dueMs = this.#clock.monotonicMs() + this.#durationMs;
    if (!this.#isTimed) void this.#time();
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#reject = reject;
        work().then(resolve, reject);
      });
    } finally {
      this.#dueMs = undefined;
    }
  }

  end(): void {
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
    this.#timer.abort(OVER);
  }

  async #time(): Promise<void> {
    const { signal } = this.#timer;
    this.#isTimed = true;
    while (this.#dueMs !== undefined && !signal.aborted) {
      const restMs = this.#dueMs - this.#clock.monotonicMs();
      if (restMs <= 0) this.#stop(this.#makeLate());
      // Over before its time: the work has ended.
      else await this.#clock.sleep(restMs, { signal }).catch(() => {});
    }
    this.#isTimed = false;
  }

  readonly #onAbort = (): void => {
    this.#stop(this.#callerSignal?.reason);
  };

  #stop(reason: unknown): void {
    this.#dueMs = undefined;
    this.#work.abort(reason);
    this.#reject?.(reason);
  }
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`${name} must be above 0: ${value}`);
}
