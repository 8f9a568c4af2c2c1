/**
 * The lab itself: it must find what is broken on purpose.
 */

import { describe, expect, it } from "vitest";
import type { ViolationName } from "../src/history/check.ts";
import { MUTATION_NAMES, type Mutation } from "../src/mutations.ts";
import { type Outcome, type SimulateOptions, simulate } from "../src/simulate.ts";

const TIMEOUT_MS = 300_000;

interface Hunt extends Omit<SimulateOptions, "seed"> {
  /** Found among so many runs, at the latest. */
  readonly seeds: number;
  readonly names: readonly ViolationName[];
}

const LOSSES = ["lost", "torn", "forked", "back", "forgotten"] as const;
/** Between what a mount shows first and what it must show. */
const STALE = ["lost"] as const;

const HUNTS: Readonly<Record<Mutation, Hunt>> = {
  "ignored-conditions": {
    seeds: 150,
    names: LOSSES,
    faults: ["late", "freeze"],
    isHarsh: true,
    writersMax: 2,
  },
  "unchecked-lease": { seeds: 150, names: LOSSES },
  "forgotten-intent": {
    seeds: 100,
    names: ["false-conflict"],
    faults: ["crash"],
    isHarsh: true,
    writersMax: 1,
  },
  "ignored-flush": {
    seeds: 400,
    names: LOSSES,
    faults: ["power-loss"],
    isHarsh: true,
    writersMax: 1,
  },
  "hasty-commit": { seeds: 100, names: LOSSES, faults: ["crash", "power-loss"], isHarsh: true },
  "blind-promotion": { seeds: 100, names: STALE, faults: ["compaction"] },
  "forgotten-image": { seeds: 50, names: ["torn"], faults: [] },
  "lazy-follower": { seeds: 50, names: STALE, faults: [] },
};

async function hunt(mutation: Mutation): Promise<Outcome | undefined> {
  const { seeds, names, ...options } = HUNTS[mutation];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const outcome = await simulate({ ...options, seed, mutations: [mutation] });
    if (outcome.violations.some(({ name }) => names.includes(name))) return outcome;
  }
  return undefined;
}

describe("the simulator finds out", () => {
  it.each(MUTATION_NAMES)(
    "%s",
    async (mutation) => {
      const found = await hunt(mutation);
      expect(found, `among ${HUNTS[mutation].seeds} runs`).toBeDefined();
      // The same run with nothing broken is well: it is the mutation that was found.
      const { seeds: _, names: __, ...options } = HUNTS[mutation];
      const sound = await simulate({ ...options, seed: found!.seed });
      expect(sound.violations).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
