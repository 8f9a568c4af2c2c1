/**
 * A store that stops answering when a test wants it to. Like a client of a real one, it ends a
 * request whose signal aborts, and waits for ever otherwise.
 */

import type { ObjectMeta, ObjectStore } from "@headwater/object-store";

export interface SilentStore extends ObjectStore {
  /** Requests that come while it is set get no answer, then or later. */
  isSilent: boolean;
  /** Requests that got no answer and were not given up, by operation and key. */
  readonly hanging: ReadonlySet<string>;
}

interface Call {
  readonly signal?: AbortSignal | undefined;
}

export function silentStore(inner: ObjectStore): SilentStore {
  const hanging = new Set<string>();
  let count = 0;
  const hang = (what: string, { signal }: Call = {}): Promise<never> => {
    count += 1;
    const name = `${count} ${what}`;
    hanging.add(name);
    return new Promise((_, reject) => {
      const onAbort = () => {
        hanging.delete(name);
        reject(signal?.reason);
      };
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  };
  const store: SilentStore = {
    isSilent: false,
    hanging,
    name: `silent(${inner.name})`,
    supports: inner.supports,
    keyLayout: inner.keyLayout,
    get: (key, options) => (store.isSilent ? hang(`get ${key}`, options) : inner.get(key, options)),
    head: (key, options) =>
      store.isSilent ? hang(`head ${key}`, options) : inner.head(key, options),
    put: (key, body, options) =>
      store.isSilent ? hang(`put ${key}`, options) : inner.put(key, body, options),
    openUpload: (key, options) =>
      store.isSilent ? hang(`openUpload ${key}`, options) : inner.openUpload(key, options),
    delete: (key, options) =>
      store.isSilent ? hang(`delete ${key}`, options) : inner.delete(key, options),
    deleteMany: (keys, options) =>
      store.isSilent ? hang("deleteMany", options) : inner.deleteMany(keys, options),
    async *list(prefix, options): AsyncIterable<ObjectMeta> {
      if (store.isSilent) await hang(`list ${prefix}`, options);
      yield* inner.list(prefix, options);
    },
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  };
  return store;
}
