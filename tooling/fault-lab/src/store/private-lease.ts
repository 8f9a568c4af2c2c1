/**
 * A store that tells each of its users that the lease is its own: what an engine would see that
 * never looks whether it still has it.
 */

import type { ObjectStore, PutOptions } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import type { Clock } from "@headwater/vfs-core";

export function withPrivateLease(store: ObjectStore, lockKey: string, clock: Clock): ObjectStore {
  const own = new MemoryStore({ clock, supports: store.supports });
  const storeOf = (key: string) => (key === lockKey ? own : store);
  return {
    name: store.name,
    supports: store.supports,
    keyLayout: store.keyLayout,
    get: (key, options) => storeOf(key).get(key, options),
    head: (key, options) => storeOf(key).head(key, options),
    put: (key, body, options: PutOptions) => storeOf(key).put(key, body, options),
    openUpload: (key, options) => store.openUpload(key, options),
    delete: (key, options) => storeOf(key).delete(key, options),
    deleteMany: (keys, options) => store.deleteMany(keys, options),
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}
