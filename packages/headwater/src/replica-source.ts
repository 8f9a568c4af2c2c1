/**
 * Which replica a command is about: its URL, in all of Litestream's forms, or a module of the
 * user's own (`module:./my-store.js`), and what its store is to be told.
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ModuleReference, openStore, redactUrl } from "@headwater/object-store";
import { explainStoreFailure } from "@headwater/vfs-core";
import { type OfflineReplica, openOfflineReplica } from "@headwater/vfs-core/offline";
import { UsageError } from "./exit-codes.ts";
import { type StoreOptionTexts, toStoreOptions } from "./store-options.ts";

export interface SourceOptions {
  readonly storeOption: StoreOptionTexts;
  readonly endpoint?: string;
  readonly region?: string;
}

export interface ReplicaSource {
  /** As messages show it. */
  readonly name: string;
  readonly source: string | ModuleReference;
  readonly storeOptions: ReturnType<typeof toStoreOptions>;
}

const MODULE = "module:";

export function toReplicaSource(url: string, options: SourceOptions): ReplicaSource {
  const { endpoint, region, storeOption } = options;
  // As of a variable that is not set: nobody means the current folder by it.
  if (url === "") throw new UsageError("the URL of the replica is empty; for this folder, say .");
  if (url.startsWith(MODULE)) {
    const module = toModule(url.slice(MODULE.length));
    return { name: url, source: { module, options: storeOption }, storeOptions: {} };
  }
  const texts = {
    ...storeOption,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  };
  const source = /^[A-Za-z][A-Za-z0-9+.-]*:/.test(url) ? url : pathToFileURL(resolve(url)).href;
  return { name: redactUrl(source), source, storeOptions: toStoreOptions(texts, toModule) };
}

/** Paths are relative to where the command is given; anything else is the name of a package. */
function toModule(text: string): string {
  return /^(\.\.?)?[/\\]/.test(text) ? resolve(text) : text;
}

export interface OpenedSource extends OfflineReplica, AsyncDisposable {}

export async function openSource({
  name,
  source,
  storeOptions,
}: ReplicaSource): Promise<OpenedSource> {
  try {
    const { store, path } = await openStore(source, storeOptions);
    const url = typeof source === "string" ? source : name;
    const offline = openOfflineReplica({ store, path, url });
    return { ...offline, [Symbol.asyncDispose]: () => store.close() };
  } catch (error) {
    throw explainStoreFailure(name, error);
  }
}
