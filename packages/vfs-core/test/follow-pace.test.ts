/** How often a follower looks, and what it tells of that. */

import { ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { HourCount } from "../src/hour-count.ts";
import type { MountEvent } from "../src/index.ts";
import { QUIET_POLLS, WAIT_POLL_MS } from "../src/limits.ts";
import { PollPace } from "../src/read/poll-pace.ts";
import { StillClock, WakingClock } from "./support/clock.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

function paceOf(intervalMs: number, intervalMsMax = intervalMs) {
  const clock = new StillClock(5);
  let isWaited = false;
  const pace = new PollPace({ clock, intervalMs, intervalMsMax, isAwaited: () => isWaited });
  return {
    clock,
    pace,
    await: () => {
      isWaited = true;
    },
  };
}

describe("the pause between polls", () => {
  it("is the interval, however long nothing happens, unless it may grow", () => {
    const { clock, pace } = paceOf(SECOND_MS);
    for (const ms of [0, MINUTE_MS, HOUR_MS]) {
      clock.ms += ms;
      expect(pace.pauseMs).toBe(SECOND_MS);
    }
  });

  it("grows with the quiet time up to its limit, and shrinks at once with news", () => {
    const { clock, pace } = paceOf(SECOND_MS, MINUTE_MS);
    expect(pace.pauseMs).toBe(SECOND_MS);
    clock.ms += 20 * SECOND_MS;
    expect(pace.pauseMs).toBe((20 * SECOND_MS) / QUIET_POLLS);
    clock.ms += HOUR_MS;
    expect(pace.pauseMs).toBe(MINUTE_MS);
    pace.onNews();
    expect(pace.pauseMs).toBe(SECOND_MS);
  });

  it("is short while somebody waits for a transaction, even if nobody is to poll", () => {
    for (const intervalMs of [0, HOUR_MS]) {
      const { pace, await: wait } = paceOf(intervalMs);
      expect(pace.pauseMs).toBe(intervalMs === 0 ? undefined : intervalMs);
      wait();
      expect(pace.pauseMs).toBe(WAIT_POLL_MS);
    }
    const { pace, await: wait } = paceOf(10);
    wait();
    expect(pace.pauseMs).toBe(10);
  });
});

describe("a count of the last hour", () => {
  it("forgets what was an hour ago, and nothing younger", () => {
    const clock = new StillClock(0);
    const hour = new HourCount(clock);
    for (let minute = 0; minute < 90; minute += 1) {
      hour.add();
      hour.add();
      expect(hour.count).toBe(2 * Math.min(minute + 1, 60));
      clock.ms += MINUTE_MS;
    }
    clock.ms += 30 * MINUTE_MS;
    expect(hour.count).toBe(2 * 29);
    clock.ms += 10 * HOUR_MS;
    expect(hour.count).toBe(0);
  });
});

async function openIdle(options: Parameters<typeof openWorld>[1]) {
  const clock = new IdleClock();
  const world = new World({ clock });
  await world.write({ pages: range(1, 9) });
  const replica = await openWorld(world, { clock, warmUp: false, hedge: false, ...options });
  return {
    clock,
    world,
    replica,
    follow: () => replica.mount.status().follow!,
    [Symbol.asyncDispose]: () => replica.close(),
  };
}

describe("a reader of what nobody writes", () => {
  it("asks less and less often when it may, and tells how often", async () => {
    const polling = { pollIntervalMs: SECOND_MS, pollIntervalMsMax: MINUTE_MS };
    await using test = await openIdle(polling);
    const { clock, replica, world } = test;
    await clock.sleep(2 * HOUR_MS);
    world.requests.length = 0;
    await clock.sleep(HOUR_MS);
    expect(world.requests.length).toBeLessThanOrEqual(2 * 62);
    expect(world.requests.length).toBeGreaterThan(59);
    expect(Math.abs(test.follow().requestsLastHour - world.requests.length)).toBeLessThan(5);
    expect(test.follow().pollPauseMs).toBe(MINUTE_MS);
    expect(replica.mount.status().lagMs).toBeLessThanOrEqual(MINUTE_MS + SECOND_MS);
    await world.write({ pages: [3] });
    await replica.mount.waitForTxid(2n);
    expect(test.follow().pollPauseMs).toBe(SECOND_MS);
  });

  it("costs one request a second and two listings a minute by default", async () => {
    await using test = await openIdle({ pollIntervalMs: SECOND_MS });
    const { clock, world } = test;
    await clock.sleep(HOUR_MS);
    world.requests.length = 0;
    await clock.sleep(HOUR_MS);
    const lists = world.requests.filter(({ operation }) => operation === "list").length;
    expect(lists).toBeLessThanOrEqual(120);
    expect(lists).toBeGreaterThan(110);
    expect(world.requests.length - lists).toBeLessThanOrEqual(3600);
    expect(Math.abs(test.follow().requestsLastHour - world.requests.length)).toBeLessThan(70);
  });
});

describe("whoever waits for a transaction", () => {
  it("gets it though nobody is to poll", async () => {
    await using test = await openIdle({ pollIntervalMs: 0 });
    const { clock, world, replica } = test;
    const reached = replica.mount.waitForTxid(3n);
    await clock.sleep(MINUTE_MS);
    await world.write({ pages: [3] });
    await world.write({ pages: [4] });
    const startMs = clock.nowMs();
    await reached;
    expect(clock.nowMs() - startMs).toBeLessThanOrEqual(WAIT_POLL_MS);
    await expectState(replica, world, 3);
    const pollCount = test.follow().pollCount;
    await clock.sleep(HOUR_MS);
    expect(test.follow().pollCount).toBe(pollCount);
  });

  it("looks at nothing when it is there already", async () => {
    await using test = await openIdle({ pollIntervalMs: 0 });
    const { clock, world, replica } = test;
    await clock.sleep(SECOND_MS);
    world.requests.length = 0;
    for (const _ of range(1, 20)) {
      await replica.mount.waitForTxid(replica.mount.status().txid);
      await clock.sleep(1);
    }
    expect(world.requests).toEqual([]);
  });

  it("makes one look at everything, not one each time it is asked", async () => {
    await using test = await openIdle({ pollIntervalMs: 0 });
    const { clock, world, replica } = test;
    await clock.sleep(SECOND_MS);
    world.requests.length = 0;
    const end = new AbortController();
    const waits = range(1, 50).map(async (count) => {
      await clock.sleep(count);
      await replica.mount.waitForTxid(2n, { signal: end.signal });
    });
    await clock.sleep(10 * SECOND_MS);
    const count = (name: string) =>
      world.requests.filter(({ operation }) => operation === name).length;
    expect(count("list")).toBeLessThanOrEqual(2);
    expect(count("list")).toBeGreaterThan(0);
    end.abort(new Error("enough"));
    expect((await Promise.allSettled(waits)).every(({ status }) => status === "rejected")).toBe(
      true,
    );
  });
});

it("tells why it cannot look, once of each reason", async () => {
  const world = new World();
  await world.write({ pages: range(1, 9) });
  const clock = new WakingClock(HOUR_MS);
  const told: string[] = [];
  const onEvent = (event: MountEvent) => {
    if (event.type === "followFailed") told.push(event.error.code!);
  };
  await using _ = await openWorld(world, { clock, pollIntervalMs: HOUR_MS, onEvent });
  await clock.wake();
  const { get } = world.store;
  const failWith = (code: "FORBIDDEN" | "UNAUTHENTICATED") => {
    const failure = new ObjectStoreError(code, "no more", { store: "world" });
    world.store.get = () => Promise.reject(failure);
  };
  failWith("FORBIDDEN");
  for (const _poll of range(1, 3)) await clock.wake();
  expect(told).toEqual(["STORE_FORBIDDEN"]);
  failWith("UNAUTHENTICATED");
  for (const _poll of range(1, 3)) await clock.wake();
  expect(told).toEqual(["STORE_FORBIDDEN", "STORE_UNAUTHENTICATED"]);
  world.store.get = get;
  await clock.wake();
  failWith("UNAUTHENTICATED");
  await clock.wake();
  expect(told.slice(2)).toEqual(["STORE_UNAUTHENTICATED"]);
});
