/**
 * What becomes of one request, for each fault of a store.
 */

import type { ObjectStoreErrorCode, Operation } from "@headwater/object-store";
import type { Dice } from "../dice.ts";
import type { StoreFault } from "../faults.ts";

export interface Fate {
  /** How long after it was sent the store does it. Undefined: never. */
  readonly arrivesInMs: number | undefined;
  /** How long after it was done, or sent if it never is, the caller hears. Undefined: never. */
  readonly answersInMs: number | undefined;
  /** "early": the caller hears long before it is done. */
  readonly isEarly?: boolean;
  readonly answer:
    | { readonly type: "real" }
    | { readonly type: "short" }
    | { readonly type: "stale"; readonly byMs: number }
    | {
        readonly type: "error";
        readonly code: ObjectStoreErrorCode;
        readonly retryAfterMs?: number;
      };
}

/** What a request is, as far as its fate depends on it. */
export interface Request {
  readonly operation: Operation;
  readonly condition: "none" | "if-absent" | "if-version";
}

const REAL = { type: "real" } as const;

export function usualFate(dice: Dice): Fate {
  const isFar = dice.chance(0.05);
  const mostMs = isFar ? 400 : 40;
  return {
    arrivesInMs: dice.between(1, mostMs),
    answersInMs: dice.between(1, mostMs),
    answer: REAL,
  };
}

/** Undefined: this fault does not befall such requests. */
export function fateOf(fault: StoreFault, request: Request, dice: Dice): Fate | undefined {
  return FATES[fault](request, dice);
}

type MakeFate = (request: Request, dice: Dice) => Fate | undefined;

const FATES: Readonly<Record<StoreFault, MakeFate>> = {
  "lost-answer": (request, dice) => ({ ...usualFate(dice), answer: lost(request) }),
  late: (request, dice) => ({
    arrivesInMs: dice.chance(0.5) ? dice.between(20, 1_500) : dice.between(1_500, 15_000),
    answersInMs: 10,
    isEarly: true,
    answer: lost(request),
  }),
  reset: (request, dice) => refused(dice, lost(request)),
  silence: (_request, dice) => ({
    arrivesInMs: dice.chance(0.5) ? dice.between(1, 15_000) : undefined,
    answersInMs: undefined,
    answer: REAL,
  }),
  slow: (_request, dice) => {
    const [thereMs, backMs] = [dice.between(1, 4_000), dice.between(1, 4_000)];
    return { arrivesInMs: thereMs, answersInMs: backMs, answer: REAL };
  },
  "conflict-409": ({ condition }, dice) =>
    condition === "none" ? undefined : refused(dice, error("UNAVAILABLE")),
  "raced-412": ({ operation, condition }, dice) => {
    if (operation !== "put" || condition === "none") return undefined;
    const code = condition === "if-absent" ? "OBJECT_EXISTS" : "OBJECT_CHANGED";
    return { ...usualFate(dice), answer: error(code) };
  },
  "throttled-429": (_request, dice) =>
    refused(dice, { ...error("THROTTLED"), retryAfterMs: dice.whole(0, 2) * 1_000 }),
  "failed-500": (request, dice) => {
    const fate = usualFate(dice);
    const arrivesInMs = dice.chance(0.5) ? fate.arrivesInMs : undefined;
    return { ...fate, arrivesInMs, answer: lost(request) };
  },
  "busy-503": (_request, dice) => refused(dice, error("UNAVAILABLE")),
  "truncated-body": ({ operation }, dice) =>
    operation === "get" ? { ...usualFate(dice), answer: error("UNAVAILABLE") } : undefined,
  "short-body": ({ operation }, dice) =>
    operation === "get" ? { ...usualFate(dice), answer: { type: "short" } } : undefined,
  "stale-list": ({ operation }, dice) =>
    operation === "list"
      ? { ...usualFate(dice), answer: { type: "stale", byMs: dice.between(0, 5_000) } }
      : undefined,
};

function refused(dice: Dice, answer: Fate["answer"]): Fate {
  return { arrivesInMs: undefined, answersInMs: dice.between(2, 40), answer };
}

function error(code: ObjectStoreErrorCode) {
  return { type: "error", code } as const;
}

/** It may have been done: for a condition that matters. */
function lost({ condition }: Request): Fate["answer"] {
  return error(condition === "none" ? "UNAVAILABLE" : "OUTCOME_UNKNOWN");
}
