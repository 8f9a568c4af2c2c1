/**
 * A store some of whose members are others; the rest is the store itself.
 */

import type { ObjectStore } from "@headwater/object-store";

export function storeWith<Members extends Partial<ObjectStore>>(
  store: ObjectStore,
  members: Members,
): ObjectStore & Members {
  return new Proxy(store as ObjectStore & Members, {
    get(target, name) {
      if (name in members) return Reflect.get(members, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
