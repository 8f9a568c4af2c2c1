/**
 * What lies under a prefix that has no LTX files: nothing, or something that is not ours.
 */

import { parseFileName } from "@headwater/ltx";
import { CHECK_NAME } from "@headwater/object-store";
import { callStore, type Replica, replicaError } from "./replica.ts";

/**
 * "replica" when LTX files have come since the listing. Rejects with PREFIX_NOT_REPLICA when
 * something else is there.
 */
export async function probePrefix(
  replica: Replica,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<"nothing" | "replica"> {
  const { layout } = replica;
  const key = await callStore(replica, () => findKey(replica, signal));
  if (key === undefined) return "nothing";
  if (parseFileName(key.slice(key.lastIndexOf("/") + 1)) !== undefined) return "replica";
  const isOldFormat = key.startsWith(`${layout.rootPrefix}generations/`);
  const what = isOldFormat
    ? "this is a backup by Litestream 0.3, whose format cannot be read; choose another prefix"
    : `no LTX files here, but other objects, such as ${key}; choose a prefix of its own`;
  throw replicaError(replica, "PREFIX_NOT_REPLICA", what);
}

/** The first key that is neither the lease nor left of a check of the store's conditions. */
async function findKey(
  { store, layout }: Replica,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for await (const { key } of store.list(layout.rootPrefix, { signal })) {
    if (key === layout.lockKey || key.startsWith(layout.rootPrefix + CHECK_NAME)) continue;
    return key;
  }
  return undefined;
}
