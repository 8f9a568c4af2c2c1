import { type FaultRule, faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { CompactionLoop } from "../src/compact/compaction-loop.ts";
import { type CompactionOptions, settleCompaction } from "../src/compact/compaction-options.ts";
import type { Compactor } from "../src/compact/compactor.ts";
import { HeadwaterError } from "../src/errors.ts";
import { COMPACT_GRACE_MS, COMPACT_RETRY_MS_MAX, COMPACT_RETRY_MS_MIN } from "../src/limits.ts";
import { StillClock } from "./support/clock.ts";
import { compactorOf, describeLevels, listWorld } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

const START_MS = 10_000_000_123;
const MINUTE_MS = 60_000;

interface Scene {
  readonly world: World;
  readonly clock: StillClock;
  readonly loop: CompactionLoop;
  readonly jobs: () => ReturnType<CompactionLoop["status"]>["jobs"];
}

function makeScene(options: CompactionOptions = {}, rules: readonly FaultRule[] = []): Scene {
  const world = new World();
  const clock = new StillClock(START_MS);
  const compactor = compactorOf(world, { clock, store: faulty(world.store, { rules }) });
  return { world, clock, ...makeLoop(compactor, clock, options) };
}

function makeLoop(compactor: Compactor, clock: StillClock, options: CompactionOptions) {
  const { signal } = new AbortController();
  const settings = settleCompaction(options);
  const loop = new CompactionLoop({ compactor, clock, settings, signal });
  return { loop, jobs: () => loop.status().jobs };
}

/** Just after a boundary, all uploads of the window before it have come. */
function boundaryAfter(ms: number, intervalMs: number): number {
  return (Math.floor((ms - COMPACT_GRACE_MS) / intervalMs) + 1) * intervalMs + COMPACT_GRACE_MS;
}

describe("when compaction is due", () => {
  it("soon after the start, and then at multiples of each interval", async () => {
    const { world, clock, loop, jobs } = makeScene();
    await world.write({ pages: [1], timestampMs: START_MS - MINUTE_MS });
    expect(loop.nextDueMs).toBe(START_MS + COMPACT_GRACE_MS);
    await loop.runDue();
    expect(jobs()[0]).toMatchObject({ lastRunMs: undefined, fileCount: 0 });
    clock.ms = loop.nextDueMs;
    await loop.runDue();
    expect(describeLevels(await listWorld(world))).toEqual(["0: 1-1", "1: 1-1", "9: 1-1"]);
    const intervals = [30_000, 300_000, 3_600_000, 86_400_000, 15_000];
    const due = intervals.map((intervalMs) => boundaryAfter(clock.ms, intervalMs));
    expect(jobs().map(({ nextDueMs }) => nextDueMs)).toEqual(due);
  });

  it("later and later after failures, and as usual after a success", async () => {
    const times = 8;
    const rule = {
      fault: { type: "before" },
      operation: "put",
      keyPrefix: "some/db/0001/",
    } as const;
    const { world, clock, loop, jobs } = makeScene({}, [{ ...rule, times }]);
    await world.write({ pages: [1], timestampMs: START_MS - MINUTE_MS });
    const pauses: number[] = [];
    for (let failure = 1; failure <= times; failure += 1) {
      clock.ms = jobs()[0]!.nextDueMs;
      await loop.runDue();
      expect(jobs()[0]!.lastError?.code).toBe("STORE_UNAVAILABLE");
      pauses.push(jobs()[0]!.nextDueMs - clock.ms);
      expect(jobs()[4]!.lastError).toBeUndefined();
    }
    expect(pauses[0]).toBe(COMPACT_RETRY_MS_MIN);
    expect(pauses[1]).toBe(2 * COMPACT_RETRY_MS_MIN);
    expect(pauses.at(-1)).toBe(COMPACT_RETRY_MS_MAX);
    clock.ms = jobs()[0]!.nextDueMs;
    await loop.runDue();
    expect(jobs()[0]).toMatchObject({ lastError: undefined, fileCount: 1 });
    expect(jobs()[0]!.nextDueMs).toBe(boundaryAfter(clock.ms, 30_000));
  });

  it("not before the next time, after a snapshot that is too large", async () => {
    const clock = new StillClock(START_MS);
    const compactor = compactorOf(new World(), { clock });
    compactor.snapshot = async () => {
      throw new HeadwaterError("STORE_UNSUPPORTED", "too large");
    };
    const { loop, jobs } = makeLoop(compactor, clock, {});
    clock.ms += COMPACT_GRACE_MS;
    await loop.runDue();
    expect(jobs()[3]).toMatchObject({ name: "snapshot", lastError: { code: "STORE_UNSUPPORTED" } });
    expect(jobs()[3]!.nextDueMs).toBe(boundaryAfter(clock.ms, 86_400_000));
  });

  it("in spite of a clock that was put back", async () => {
    const { clock, loop, jobs } = makeScene();
    clock.ms += COMPACT_GRACE_MS;
    await loop.runDue();
    clock.ms -= 365 * 86_400_000;
    await loop.runDue();
    for (const { nextDueMs } of jobs()) expect(nextDueMs - clock.ms).toBeLessThan(90_000_000);
  });

  it("for snapshots only if there was none since the last time", async () => {
    const { world, clock, loop, jobs } = makeScene();
    await world.write({ pages: [1], timestampMs: START_MS });
    clock.ms += COMPACT_GRACE_MS;
    await loop.runDue();
    expect(jobs()[3]!.fileCount).toBe(1);
    await world.write({ pages: [1], timestampMs: clock.ms });
    const again = makeLoop(compactorOf(world, { clock }), clock, {});
    clock.ms += COMPACT_GRACE_MS;
    await again.loop.runDue();
    expect(again.jobs()[3]).toMatchObject({ fileCount: 0, lastError: undefined });
    clock.ms = again.jobs()[3]!.nextDueMs;
    await again.loop.runDue();
    expect(again.jobs()[3]!.fileCount).toBe(1);
  });

  it("never for snapshots with an interval of zero", () => {
    const { jobs } = makeScene({ snapshotIntervalMs: 0, levelIntervalsMs: [1000] });
    expect(jobs().map(({ name }) => name)).toEqual(["level 1", "retention"]);
  });

  it("tells what lies on each level", async () => {
    const { world, clock, loop } = makeScene();
    for (const txid of range(1, 3)) await world.write({ pages: [1], timestampMs: txid });
    clock.ms += COMPACT_GRACE_MS;
    await loop.runDue();
    const { levels } = loop.status();
    expect(levels.map(({ level, fileCount }) => [level, fileCount])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
      [9, 1],
    ]);
    const size = (await world.body(1, 1, 3)).byteLength;
    expect(levels[1]!.bytes).toBe(size);
  });
});
