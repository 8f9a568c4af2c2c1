/** What stops a deletion when the plan for it is wrong. */

import { describe, expect, it, vi } from "vitest";
import type * as RetentionPlan from "../src/compact/retention-plan.ts";
import { compactorOf, describeLevels, listWorld } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

vi.mock(import("../src/compact/retention-plan.ts"), async (original) => {
  const real: typeof RetentionPlan = await original();
  // All of level 0, whether or not anything takes its place.
  const planLevel0Retention: typeof real.planLevel0Retention = (levels) =>
    levels[0]!.map((file) => ({ file, heir: levels[1]![0]! }));
  return { ...real, planLevel0Retention };
});

describe("a wrong plan of retention", () => {
  it("deletes nothing, and the loss is named", async () => {
    const world = new World();
    const compactor = compactorOf(world);
    for (const timestampMs of [1, 2]) await world.write({ pages: range(1, 3), timestampMs });
    await compactor.compact(1);
    await world.write({ pages: [1], timestampMs: 3 });
    compactor.forget();
    const times = { nowMs: 1000, level0RetentionMs: 1, snapshotRetentionMs: 1 };
    await expect(compactor.retain(times)).rejects.toThrow(
      /without 3 old files, transaction 3 would be lost; nothing was deleted/,
    );
    expect(describeLevels(await listWorld(world))).toEqual(["0: 1-1 2-2 3-3", "1: 1-2"]);
  });
});
