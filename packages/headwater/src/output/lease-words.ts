/**
 * A lease in words, and as data for scripts.
 */

import type { LeaseInspection } from "@headwater/lease";
import { formatDuration } from "./units.ts";

export function sayLease(lease: LeaseInspection | undefined): string {
  if (lease === undefined) return "nobody has ever held it";
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

export function leaseToJson(lease: LeaseInspection | undefined): object {
  if (lease === undefined) return { state: "none" };
  const { type, ...fields } = lease;
  return { state: type, ...fields };
}
