/** What following costs while nobody writes. */

import { describe, expect, it } from "vitest";
import { WakingClock } from "./support/clock.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

const HOUR_MS = 3_600_000;
const POLL_MS = 1000;
const LIST_INTERVAL_MS = 30_000;

describe("an idle hour", () => {
  it("costs one get per poll and a list each half minute, and the status counts them", async () => {
    const world = new World();
    await world.write({ pages: range(1, 9) });
    const clock = new WakingClock(POLL_MS);
    await using replica = await openWorld(world, { clock, pollIntervalMs: POLL_MS });
    // What opening asks for is over.
    await clock.wake();
    const before = replica.mount.status().follow!.requests;
    world.requests.length = 0;
    const polls = HOUR_MS / POLL_MS;
    for (let poll = 0; poll < polls; poll += 1) {
      clock.jump(POLL_MS);
      await clock.wake();
    }
    const count = (name: string) =>
      world.requests.filter(({ operation }) => operation === name).length;
    expect(count("get")).toBe(polls);
    expect(count("list")).toBeGreaterThan(0);
    expect(count("list")).toBeLessThanOrEqual(HOUR_MS / LIST_INTERVAL_MS + 1);
    expect(world.requests).toHaveLength(count("get") + count("list"));
    const { requests } = replica.mount.status().follow!;
    for (const name of ["get", "list"]) {
      const calls = (requests[name]?.calls ?? 0) - (before[name]?.calls ?? 0);
      expect(calls, name).toBe(count(name));
    }
  });

  it("costs nothing when it is only to look when asked", async () => {
    const world = new World();
    await world.write({ pages: range(1, 9) });
    const clock = new IdleClock();
    await using replica = await openWorld(world, { clock, pollIntervalMs: 0, warmUp: false });
    world.requests.length = 0;
    await clock.sleep(HOUR_MS);
    expect(world.requests).toEqual([]);
    expect(replica.mount.status().follow).toMatchObject({ pollPauseMs: undefined, pollCount: 0 });
    await world.write({ pages: [2] });
    await replica.mount.waitForTxid(2n);
    expect(world.requests.length).toBeGreaterThan(0);
  });
});
