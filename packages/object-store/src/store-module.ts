/**
 * A store of the user's own, out of a module whose default export makes it.
 *
 * Always true: what comes out of here has every member of `ObjectStore`. Whether it keeps the
 * contract, only the contract suite can tell.
 */

import { ObjectStoreError } from "./errors.ts";
import {
  loadModule,
  type ModuleReference,
  moduleProblem,
  type ResolvedModule,
  resolveModule,
  sentenceOf,
} from "./module-reference.ts";
import type { ObjectStore, Supports } from "./object-store.ts";
import { cleanPath } from "./store-url.ts";

/** A store, and where in it to look. */
export interface OpenedStore {
  readonly store: ObjectStore;
  /** No slash at either end, "" for the root of the store. */
  readonly path: string;
}

const METHODS = [
  "get",
  "head",
  "put",
  "delete",
  "deleteMany",
  "list",
  "close",
  Symbol.asyncDispose,
] as const satisfies readonly (keyof ObjectStore)[];

const ABILITIES = [
  "conditionalCreate",
  "conditionalUpdate",
  "conditionalDelete",
  "suffixRange",
  "orderedList",
  "startAfter",
  "serverDate",
  "storedTimestamp",
  "listedTimestamp",
] as const satisfies readonly (keyof Supports)[];

/** The default export gives an `ObjectStore`, or `{ store, path }`, or a promise of either. */
export async function openStoreModule(reference: ModuleReference): Promise<OpenedStore> {
  const module = resolveModule(reference);
  const made = await makeStore(module);
  const isOpened = isObject(made) && "store" in made;
  const { store, path = "" } = isOpened ? (made as Partial<OpenedStore>) : { store: made };
  checkStore(module, store);
  if (typeof path !== "string") throw moduleProblem(module, "the path it gives is no string");
  return { store, path: cleanModulePath(module, path) };
}

function cleanModulePath(module: ResolvedModule, path: string): string {
  try {
    return cleanPath(path);
  } catch (cause) {
    throw moduleProblem(module, sentenceOf(cause), cause);
  }
}

async function makeStore(module: ResolvedModule): Promise<unknown> {
  const make = await loadModule(module);
  try {
    return await make();
  } catch (cause) {
    if (ObjectStoreError.is(cause)) throw cause;
    throw moduleProblem(module, `its function failed: ${sentenceOf(cause)}`, cause);
  }
}

function checkStore(module: ResolvedModule, store: unknown): asserts store is ObjectStore {
  const lack = isObject(store)
    ? findLack(store)
    : `it is ${store === null ? "null" : typeof store}`;
  if (lack === undefined) return;
  throw moduleProblem(module, `what its function gives is no ObjectStore: ${lack}`);
}

/** What is missing first, or undefined. */
function findLack(store: object): string | undefined {
  const members = store as Readonly<Record<string | symbol, unknown>>;
  const missing = METHODS.find((name) => typeof members[name] !== "function");
  if (missing !== undefined) return `it has no method ${String(missing)}`;
  if (typeof members.name !== "string" || members.name === "") return "it has no name";
  if (members.keyLayout !== "s3" && members.keyLayout !== "path") {
    return 'its keyLayout is neither "s3" nor "path"';
  }
  const supports = isObject(members.supports) ? members.supports : {};
  const unsaid = ABILITIES.find(
    (name) => typeof (supports as Partial<Supports>)[name] !== "boolean",
  );
  return unsaid === undefined ? undefined : `its supports.${unsaid} is no boolean`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
