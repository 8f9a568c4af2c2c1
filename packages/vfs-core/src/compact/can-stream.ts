/**
 * Whether what is made for a replica may go out in parts.
 */

import { conditionsProblem, ObjectStoreError } from "@headwater/object-store";
import type { Replica } from "../replica.ts";

/**
 * A store that nobody vouches for is asked; undefined when it does not answer, and then bodies go
 * whole until it does.
 */
export async function canStream(
  { store, layout }: Replica,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  if (!store.supports.streamedPut || !store.supports.streamedConditions) return false;
  const options = { prefix: layout.rootPrefix, kinds: ["streamedConditions"], signal } as const;
  try {
    return (await conditionsProblem(store, options)) === undefined;
  } catch (error) {
    if (!ObjectStoreError.is(error)) throw error;
    return undefined;
  }
}
