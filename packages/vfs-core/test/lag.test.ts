/**
 * What a reader tells of how far it is behind: never that all is well while it stands still.
 */

import { ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { WakingClock } from "./support/clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

/** That nobody waits for. */
const POLL_MS = 3_600_000;
const LIST_INTERVAL_MS = 30_000;
const SOME_MS = 7000;

async function started(world: World) {
  await world.write({ pages: range(1, 9), timestampMs: 1000 });
  const clock = new WakingClock(POLL_MS);
  const replica = await openWorld(world, { clock, pollIntervalMs: POLL_MS });
  const follow = () => replica.mount.status().follow!;
  return {
    clock,
    replica,
    follow,
    async poll() {
      await clock.wake();
      return follow();
    },
    [Symbol.asyncDispose]: () => replica.close(),
  };
}

describe("the lag of a reader", () => {
  it("grows between polls, and begins anew with each that succeeds", async () => {
    const world = new World();
    await using test = await started(world);
    test.clock.jump(SOME_MS);
    expect(test.follow().lagMs).toBeGreaterThanOrEqual(SOME_MS);
    expect((await test.poll()).lagMs).toBeLessThan(SOME_MS);
  });

  it("grows while the store fails, and the failure is told", async () => {
    const world = new World();
    await using test = await started(world);
    const failure = new ObjectStoreError("FORBIDDEN", "no more", { store: "world" });
    const get = world.store.get;
    world.store.get = () => Promise.reject(failure);
    for (let polls = 1; polls <= 3; polls += 1) {
      test.clock.jump(SOME_MS);
      const { lagMs, lastError } = await test.poll();
      expect(lagMs).toBeGreaterThanOrEqual(polls * SOME_MS);
      expect(lastError?.code).toBe("STORE_FORBIDDEN");
    }
    world.store.get = get;
    const { lagMs, lastError } = await test.poll();
    expect([lagMs < SOME_MS, lastError]).toEqual([true, undefined]);
  });

  it("grows while a transaction is missing, whether polls list or not", async () => {
    const world = new World();
    await using test = await started(world);
    const late = await world.write({ pages: [2] });
    const body = await world.body(0, late, late);
    await world.remove(0, late, late);
    await world.write({ pages: [3] });
    test.clock.jump(LIST_INTERVAL_MS);
    for (let polls = 1; polls <= 4; polls += 1) {
      const { lagMs, lastError } = await test.poll();
      expect(lastError?.code, `poll ${polls}`).toBe("REPLICA_DAMAGED");
      expect(lagMs).toBeGreaterThanOrEqual(LIST_INTERVAL_MS);
      await expectState(test.replica, world, 1);
    }
    await world.put(0, late, late, body);
    for (let polls = 1; polls <= 2; polls += 1) {
      const { lagMs, lastError } = await test.poll();
      expect([lagMs < SOME_MS, lastError], `poll ${polls}`).toEqual([true, undefined]);
    }
    await expectState(test.replica, world, 3);
  });

  it("grows while what goes on cannot be read, whether polls list or not", async () => {
    const world = new World();
    await using test = await started(world);
    await world.write({ pages: [2] });
    await world.put(1, 2, 2, new Uint8Array(300));
    const body = await world.body(0, 2, 2);
    await world.remove(0, 2, 2);
    test.clock.jump(LIST_INTERVAL_MS);
    for (let polls = 1; polls <= 4; polls += 1) {
      const { lagMs, lastError } = await test.poll();
      expect(lastError?.message, `poll ${polls}`).toContain(world.key(1, 2, 2));
      expect(lagMs).toBeGreaterThanOrEqual(LIST_INTERVAL_MS);
    }
    await world.put(1, 2, 2, body);
    test.clock.jump(LIST_INTERVAL_MS);
    const { lagMs, lastError } = await test.poll();
    expect([lagMs < SOME_MS, lastError]).toEqual([true, undefined]);
    await expectState(test.replica, world, 2);
  });

  it("tells when what is visible was made, and moves with it", async () => {
    const world = new World();
    await using test = await started(world);
    expect(test.follow().createdAtMs).toBe(1000);
    await world.write({ pages: [2], timestampMs: 5000 });
    expect(test.follow().createdAtMs).toBe(1000);
    expect((await test.poll()).createdAtMs).toBe(5000);
  });
});
