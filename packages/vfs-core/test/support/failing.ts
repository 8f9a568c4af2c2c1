/** Stores and disks that fail one call, the one that a test wants: each of them in turn. */

import { ObjectStoreError, type Operation } from "@headwater/object-store";

export interface Failing<Target> {
  readonly target: Target;
  /** From now on so many calls go well, and the next one fails. */
  arm(goodCalls: number): void;
  /** No call fails any more. True when one did. */
  disarm(): boolean;
}

function failing<Target extends object>(
  real: Target,
  names: readonly string[],
  isStore: boolean,
  fail: (name: string) => Error,
): Failing<Target> {
  let left: number | undefined;
  let hasFailed = false;
  const target = new Proxy(real, {
    get(_, name) {
      const value = Reflect.get(real, name, real) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (names.includes(String(name)) && left !== undefined) {
          left -= 1;
          if (left < 0) {
            left = undefined;
            hasFailed = true;
            const error = fail(String(name));
            return name === "list" && isStore ? failedList(error) : Promise.reject(error);
          }
        }
        return Reflect.apply(value, real, args) as unknown;
      };
    },
  });
  return {
    target,
    arm(goodCalls) {
      left = goodCalls;
      hasFailed = false;
    },
    disarm() {
      left = undefined;
      return hasFailed;
    },
  };
}

function failedList(error: Error): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

/** With an error that nobody tries again. */
export function failingStore<Store extends object>(store: Store): Failing<Store> {
  const names = ["get", "head", "put", "delete", "deleteMany", "list"];
  return failing(store, names, true, (name) => {
    const operation = name as Operation;
    return new ObjectStoreError("FORBIDDEN", "the test forbids it", { store: "test", operation });
  });
}

export function failingDisk<Disk extends object>(disk: Disk): Failing<Disk> {
  const names = ["makeFolder", "list", "read", "write", "rename", "remove", "syncFolder"];
  return failing(disk, names, false, (name) => Object.assign(new Error(name), { code: "EIO" }));
}
