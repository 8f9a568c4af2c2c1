/**
 * May somebody depend on the conditions of this store? Asked before a lease is taken or a replica
 * is written.
 *
 * Always true:
 *   - A store whose adapter knows its provider (`conditionsTrusted`) costs no request.
 *   - Any other is asked once per process and place, and each time if it does not tell its place.
 *   - Only a good answer is remembered, and only here: a server that was repaired is asked again,
 *     and none is trusted because another one of the same address was good last week.
 */

import {
  type ConditionKind,
  type ConditionsCheckOptions,
  checkConditions,
} from "./conditions-check.ts";
import { PROVEN_PLACES_MAX } from "./limits.ts";
import type { ObjectStore } from "./object-store.ts";

const provenByPlace = new Map<string, ReadonlySet<ConditionKind>>();

/**
 * Why one of these conditions cannot be relied on, in one sentence that begins with "it"; undefined
 * where all can. Rejects when the store cannot be asked.
 */
export async function conditionsProblem(
  store: ObjectStore,
  options: ConditionsCheckOptions & { readonly kinds: readonly ConditionKind[] },
): Promise<string | undefined> {
  const { place, supports } = store;
  const proven = (place !== undefined && provenByPlace.get(place)) || NOTHING;
  const isKnown = (kind: ConditionKind) =>
    supports[kind] && (supports.conditionsTrusted === true || proven.has(kind));
  const kinds = options.kinds.filter((kind) => !isKnown(kind));
  if (kinds.length === 0) return undefined;
  const check = await checkConditions(store, { ...options, kinds });
  const problem = kinds.map((kind) => check[kind]).find((sentence) => sentence !== undefined);
  if (problem === undefined && place !== undefined) remember(place, [...proven, ...kinds]);
  return problem;
}

const NOTHING: ReadonlySet<ConditionKind> = new Set();

function remember(place: string, kinds: readonly ConditionKind[]): void {
  provenByPlace.delete(place);
  provenByPlace.set(place, new Set(kinds));
  for (const oldest of provenByPlace.keys()) {
    if (provenByPlace.size <= PROVEN_PLACES_MAX) break;
    provenByPlace.delete(oldest);
  }
}
