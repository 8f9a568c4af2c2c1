/**
 * A lease in words, and as data for scripts.
 */

import type { LeaseInspection } from "@headwater/lease";
import { HeadwaterError } from "@headwater/vfs-core";
import { formatDuration } from "./units.ts";

/** Undefined where there never was one; an error for an object that is none. */
export type FoundLease = LeaseInspection | HeadwaterError | undefined;

export function sayLease(lease: FoundLease): string {
  if (lease === undefined) return "nobody has ever held it";
  if (HeadwaterError.is(lease)) return `unknown: ${lease.message}`;
  const { type, owner = "somebody", generation, expiresInMs } = lease;
  const who = `${owner}, generation ${generation}`;
  switch (type) {
    case "released":
      return `free; given back by ${who}`;
    case "expired":
      return `free; ${who} went silent`;
    case "held":
      if (expiresInMs === undefined) return `held by ${who}`;
      if (expiresInMs === 0) return `held by ${who}, and about to be free`;
      return `held by ${who}, for ${formatDuration(expiresInMs)} more unless it is renewed`;
  }
}

export function leaseToJson(lease: FoundLease): object {
  if (lease === undefined) return { state: "none" };
  if (HeadwaterError.is(lease)) return { state: "invalid", problem: lease.message };
  const { type, ...fields } = lease;
  return { state: type, ...fields };
}
