/**
 * The store as one process sees it: across a network on which each request meets its fate.
 *
 * A request that was sent arrives whatever becomes of the process that sent it.
 */

import {
  type CallOptions,
  type DeleteOptions,
  type GetOptions,
  type GetResult,
  type KeyLayout,
  type ListOptions,
  type ObjectMeta,
  type ObjectStore,
  ObjectStoreError,
  type Operation,
  type PutOptions,
  type Supports,
  type Upload,
} from "@headwater/object-store";
import { never, type SimProcess } from "../machine/sim-process.ts";
import type { Fate, Request } from "./fate.ts";
import type { SimServer } from "./sim-server.ts";

export interface RemoteStoreOptions {
  readonly server: SimServer;
  readonly process: SimProcess;
  /** Of what it puts. */
  readonly author: string;
  readonly chooseFate: (request: Request) => Fate;
  /** Listings show what was there some seconds ago. */
  readonly isBlind: () => boolean;
}

const BLIND_MS = 6_000;

interface Call extends Request {
  readonly key: string;
  readonly signal: AbortSignal | undefined;
}

export class RemoteStore implements ObjectStore {
  readonly name: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout;
  readonly #server: SimServer;
  readonly #process: SimProcess;
  readonly #author: string;
  readonly #chooseFate: RemoteStoreOptions["chooseFate"];
  readonly #isBlind: () => boolean;

  constructor({ server, process, author, chooseFate, isBlind }: RemoteStoreOptions) {
    this.name = server.store.name;
    this.supports = { ...server.store.supports, streamedPut: false };
    this.keyLayout = server.store.keyLayout;
    this.#server = server;
    this.#process = process;
    this.#author = author;
    this.#chooseFate = chooseFate;
    this.#isBlind = isBlind;
  }

  get(key: string, { range, signal }: GetOptions = {}): Promise<GetResult> {
    const call = { operation: "get", key, condition: "none", signal } as const;
    return this.#send(call, () => this.#server.store.get(key, { range }), truncate);
  }

  head(key: string, { signal }: CallOptions = {}): Promise<ObjectMeta> {
    const call = { operation: "head", key, condition: "none", signal } as const;
    return this.#send(call, () => this.#server.store.head(key));
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const { signal, ...rest } = options;
    const sent = body.slice();
    const condition = options.condition.type;
    return this.#send({ operation: "put", key, condition, signal }, () =>
      this.#server.put(key, sent, rest, this.#author),
    );
  }

  /** Not simulated: nothing that is simulated is as large as that. */
  openUpload(key: string): Promise<Upload> {
    return Promise.reject(this.#error({ type: "error", code: "UNSUPPORTED" }, "openUpload", key));
  }

  delete(key: string, { condition, signal }: DeleteOptions = {}): Promise<void> {
    const call = {
      operation: "delete",
      key,
      condition: condition?.type ?? "none",
      signal,
    } as const;
    return this.#send(call, () => this.#server.store.delete(key, { condition }));
  }

  deleteMany(keys: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    const call = {
      operation: "deleteMany",
      key: keys[0] ?? "",
      condition: "none",
      signal,
    } as const;
    return this.#send(call, () => this.#server.store.deleteMany(keys));
  }

  async *list(prefix: string, { startAfter, signal }: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const call = { operation: "list", key: prefix, condition: "none", signal } as const;
    yield* await this.#send(
      call,
      async () => {
        const metas = await this.#server.list(prefix, startAfter);
        return this.#isBlind() ? this.#server.asOf(metas, BLIND_MS) : metas;
      },
      (metas) => metas,
      (metas, byMs) => this.#server.asOf(metas, byMs),
    );
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #send<Result>(
    call: Call,
    work: () => Promise<Result>,
    cutShort: (result: Result) => Result = (result) => result,
    makeStale: (result: Result, byMs: number) => Result = (result) => result,
  ): Promise<Result> {
    const { operation, key, signal } = call;
    const what = `${operation} ${kindOf(key)}`;
    const label = `${operation} ${key}`;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.#process.reach(`before ${what}`)) return never();
    const { scheduler } = this.#process.machine;
    const fate = this.#chooseFate(call);
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      const answer = (end: () => Result) => {
        if (fate.answersInMs === undefined) return;
        this.#process.after(fate.answersInMs, `${label}: ${nameOf(fate)}`, () => {
          if (!this.#process.reach(`after ${what}`)) return;
          try {
            resolve(end());
          } catch (error) {
            reject(error);
          }
        });
      };
      const end = (real: () => Result) => (): Result => {
        switch (fate.answer.type) {
          case "real":
            return real();
          case "short":
            return cutShort(real());
          case "stale":
            return makeStale(real(), fate.answer.byMs);
          case "error":
            throw this.#error(fate.answer, operation, key);
        }
      };
      if (fate.arrivesInMs === undefined || fate.isEarly) answer(end(neverDone));
      if (fate.arrivesInMs === undefined) return;
      scheduler.after(fate.arrivesInMs, undefined, async () => {
        const real = await outcomeOf(work);
        scheduler.trace(`${this.#process.name} ${label} arrives`);
        if (!fate.isEarly) answer(end(real));
      });
    });
  }

  #error(
    { code, retryAfterMs }: Extract<Fate["answer"], { type: "error" }>,
    operation: Operation,
    key: string,
  ): ObjectStoreError {
    const message = `${operation} ${key} on ${this.name}: a fault made on purpose`;
    return new ObjectStoreError(code, message, {
      store: this.name,
      operation,
      key,
      retryAfterMs,
    });
  }
}

function truncate({ meta, body }: GetResult): GetResult {
  return { meta, body: body.slice(0, Math.floor(body.byteLength * 0.7)) };
}

function neverDone(): never {
  throw new Error("a request that is never done has no answer of its own");
}

/** The same end, to be given out later: nothing is thrown before somebody asks. */
async function outcomeOf<Result>(work: () => Promise<Result>): Promise<() => Result> {
  try {
    const result = await work();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function nameOf({ answer }: Fate): string {
  return answer.type === "error" ? answer.code : answer.type;
}

function kindOf(key: string): string {
  return key.endsWith("lock.json") ? "lease" : key.endsWith(".ltx") ? "ltx" : "prefix";
}
