/**
 * Gives a meter to each call of a store that has none of its own: so whoever is handed the store
 * has its requests counted, and need not know of it.
 *
 * The store has to tell its requests; see `Supports.tellsRequests`.
 */

import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  PutOptions,
  RequestMeter,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { carriedUpload } from "./carried-upload.ts";
import { Layer } from "./layer.ts";

export function metered(store: ObjectStore, meter: RequestMeter): ObjectStore {
  return new MeteredStore(store, meter);
}

class MeteredStore extends Layer implements ObjectStore {
  readonly #meter: RequestMeter;

  constructor(inner: ObjectStore, meter: RequestMeter) {
    super(inner);
    this.#meter = meter;
  }

  get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.inner.get(key, this.#with(options));
  }

  head(key: string, options?: CallOptions): Promise<ObjectMeta> {
    return this.inner.head(key, this.#with(options));
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    return this.inner.put(key, body, this.#with(options));
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const upload = await this.inner.openUpload(key, this.#with(options));
    return carriedUpload(upload, ({ options: given, send }) => send(this.#with(given)));
  }

  delete(key: string, options?: DeleteOptions): Promise<void> {
    return this.inner.delete(key, this.#with(options));
  }

  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.inner.deleteMany(keys, this.#with(options));
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectMeta> {
    return this.inner.list(prefix, this.#with(options));
  }

  #with<Options extends CallOptions>(options: Options | undefined): Options {
    const meter = options?.meter ?? this.#meter;
    return { ...options, meter } as Options;
  }
}
