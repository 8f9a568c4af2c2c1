/**
 * Runs of the simulator with all faults. A seed that fails is shown by
 * `npm run lab -- --seed N --trace`.
 */

import { describe, expect, it } from "vitest";
import { CRASH_POINTS } from "../src/crash-points.ts";
import { BROKEN_STORE_FAULTS, DEFAULT_FAULTS, FAULT_NAMES, FAULTS } from "../src/faults.ts";
import { simulate } from "../src/simulate.ts";
import { renderFailure, Summary } from "../src/summary.ts";

const SEEDS = Number(process.env.HEADWATER_SEEDS ?? 200);
const TIMEOUT_MS = 300_000;

describe("what was acknowledged", () => {
  it(
    "is in every later restore, in order, whatever goes wrong",
    async () => {
      const summary = new Summary();
      for (let seed = 1; seed <= SEEDS; seed += 1) summary.add(await simulate({ seed }));
      expect(summary.failed.map(renderFailure).join("\n")).toBe("");
      // Runs in which little happens prove little.
      expect(summary.count("commit")).toBeGreaterThan(SEEDS * 20);
      expect(summary.count("acknowledgement")).toBeGreaterThan(SEEDS * 5);
      expect(summary.count("writer opened")).toBeGreaterThan(SEEDS * 2);
      expect(summary.count("look")).toBeGreaterThan(SEEDS * 5);
      for (const action of [
        "remote commit",
        "demotion",
        "promotion",
        "follower flush",
        "look at an image",
      ]) {
        expect(summary.count(action), action).toBeGreaterThan(SEEDS / 20);
      }
      // From a process that was killed on the same machine; many more have to wait.
      expect(summary.count("lease taken at once")).toBeGreaterThan(SEEDS / 40);
      const isCounted = (name: string) => name !== "compaction";
      for (const fault of DEFAULT_FAULTS.filter(isCounted)) {
        expect(summary.count(fault), fault).toBeGreaterThan(0);
      }
      const reached = CRASH_POINTS.filter((point) => summary.count(`crash ${point}`) > 0);
      expect(reached.length).toBeGreaterThan(CRASH_POINTS.length / 2);
    },
    TIMEOUT_MS,
  );

  it(
    "is there too when a store breaks its contract in ways that can be borne",
    async () => {
      const summary = new Summary();
      for (let seed = 1; seed <= SEEDS / 10; seed += 1) {
        summary.add(await simulate({ seed, faults: FAULT_NAMES, isHarsh: true }));
      }
      const lost = summary.failed.filter(({ violations }) =>
        violations.some(({ name }) => name === "torn" || name === "forked"),
      );
      expect(lost.map(renderFailure).join("\n")).toBe("");
      for (const fault of Object.keys(BROKEN_STORE_FAULTS)) {
        expect(summary.count(fault), fault).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );
});

describe("a run", () => {
  it("is the same again for the same seed, and another for another", async () => {
    const [first, again, other] = [
      await simulate({ seed: 7 }),
      await simulate({ seed: 7 }),
      await simulate({ seed: 8 }),
    ];
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.events).toEqual(first.events);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it("goes well without faults, and can be told which", async () => {
    const { violations, drawnFaults, counts } = await simulate({ seed: 3, faults: [] });
    expect(violations).toEqual([]);
    expect(drawnFaults).toEqual([]);
    for (const fault of FAULT_NAMES) expect(counts.get(fault), fault).toBeUndefined();
    const harsh = await simulate({ seed: 3, faults: ["crash"], isHarsh: true });
    expect(harsh.drawnFaults).toEqual(["crash"]);
    expect(Object.keys(FAULTS)).toEqual([...FAULT_NAMES]);
  });
});
