/**
 * At most so many calls of a store at a time; the others wait in the order they came.
 *
 * A listing takes its turn for each step, so one that is read slowly holds nobody up. From its
 * second step on its turn is the next one: most steps give a key that came with the one before, and
 * a listing would otherwise wait for all others once for each key.
 *
 * An upload takes its turn for each step, too: nobody has a turn while it waits for another one,
 * and any number of them get through.
 */

import { InFlight } from "../in-flight.ts";
import type {
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
import { Turns } from "../turns.ts";
import { carriedUpload } from "./carried-upload.ts";
import { Layer } from "./layer.ts";

export interface LimitedOptions {
  readonly parallelMax: number;
}

export function limited(store: ObjectStore, { parallelMax }: LimitedOptions): ObjectStore {
  if (!Number.isSafeInteger(parallelMax) || parallelMax < 1) {
    throw new RangeError(`parallelMax must be an integer of 1 or more: ${parallelMax}`);
  }
  return new LimitedStore(store, parallelMax);
}

class LimitedStore extends Layer implements ObjectStore {
  readonly #turns: Turns;
  readonly #inFlight: InFlight;

  constructor(inner: ObjectStore, parallelMax: number) {
    super(inner);
    this.#turns = new Turns(parallelMax);
    this.#inFlight = new InFlight(this.name);
  }

  async get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.#turn("get", options, () => this.inner.get(key, options));
  }

  async head(key: string, options?: CallOptions): Promise<ObjectMeta> {
    return this.#turn("head", options, () => this.inner.head(key, options));
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    return this.#turn("put", options, () => this.inner.put(key, body, options));
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const open = () => this.inner.openUpload(key, options);
    const upload = await this.#turn("openUpload", options, open);
    return carriedUpload(upload, ({ options: given, send }) =>
      this.#turns.run(given.signal, () => send(given)),
    );
  }

  async delete(key: string, options?: DeleteOptions): Promise<void> {
    return this.#turn("delete", options, () => this.inner.delete(key, options));
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.#turn("deleteMany", options, () => this.inner.deleteMany(keys, options));
  }

  async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectMeta> {
    const listed = this.inner.list(prefix, options)[Symbol.asyncIterator]();
    try {
      for (let isBegun = false; ; isBegun = true) {
        const next = await this.#turn("list", options, () => listed.next(), isBegun);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await listed.return?.();
    }
  }

  override async close(): Promise<void> {
    await this.#inFlight.close();
    await super.close();
  }

  async #turn<Result>(
    operation: Operation,
    options: CallOptions = {},
    work: () => Promise<Result>,
    isInHurry = false,
  ): Promise<Result> {
    return this.#inFlight.run(operation, options, () =>
      this.#turns.run(options.signal, work, isInHurry),
    );
  }
}
