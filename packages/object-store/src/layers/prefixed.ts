/**
 * The part of a store below a prefix, as a store: callers see keys without it.
 *
 * The prefix is put before the key as it is, so a folder needs its slash. Closing closes the store.
 */

import { checkKey, checkPrefix } from "../object-key.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  PutOptions,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { Layer } from "./layer.ts";

export function prefixed(store: ObjectStore, prefix: string): ObjectStore {
  checkPrefix(prefix);
  return new PrefixedStore(store, prefix);
}

class PrefixedStore extends Layer implements ObjectStore {
  readonly #prefix: string;

  constructor(inner: ObjectStore, prefix: string) {
    super(inner);
    this.#prefix = prefix;
  }

  async get(key: string, options?: GetOptions): Promise<GetResult> {
    const { meta, body } = await this.inner.get(this.#add(key), options);
    return { meta: this.#strip(meta), body };
  }

  async head(key: string, options?: CallOptions): Promise<ObjectMeta> {
    return this.#strip(await this.inner.head(this.#add(key), options));
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    return this.#strip(await this.inner.put(this.#add(key), body, options));
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const upload = await this.inner.openUpload(this.#add(key), options);
    const { partSize, partsParallel } = upload;
    return {
      key,
      partSize,
      partsParallel,
      putPart: (index, body, given) => upload.putPart(index, body, given),
      complete: async (given) => this.#strip(await upload.complete(given)),
      abort: (given) => upload.abort(given),
    };
  }

  async delete(key: string, options?: DeleteOptions): Promise<void> {
    await this.inner.delete(this.#add(key), options);
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    const full = keys.map((key) => this.#add(key));
    await this.inner.deleteMany(full, options);
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const { startAfter } = options;
    const from = startAfter === undefined ? undefined : this.#prefix + startAfter;
    const listed = this.inner.list(this.#prefix + prefix, { ...options, startAfter: from });
    for await (const meta of listed) {
      // An object named like the prefix itself has no key here.
      if (meta.key.length > this.#prefix.length) yield this.#strip(meta);
    }
  }

  #add(key: string): string {
    checkKey(key);
    return this.#prefix + key;
  }

  #strip(meta: ObjectMeta): ObjectMeta {
    return { ...meta, key: meta.key.slice(this.#prefix.length) };
  }
}
