/**
 * Machines that were copied with their memory, as from one snapshot: whatever a process remembers,
 * both go on with.
 */

import { MemoryStore } from "@headwater/object-store/memory";
import { afterEach, expect, it, vi } from "vitest";
import { acquireLease, LeaseError, systemRandom } from "../src/index.ts";
import { Harness, TTL_MS } from "./harness.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("gives the lease to one of two that go on from the same memory", async () => {
  // The same numbers for both, as of two copies of a generator.
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.spyOn(crypto, "getRandomValues").mockImplementation((bytes) => bytes);
  await using store = new MemoryStore();
  const options = { store, key: "lock.json", owner: "host:7", ttlMs: 30_000, probe: false };
  const attempts = await Promise.allSettled([acquireLease(options), acquireLease(options)]);
  const held = attempts.flatMap((attempt) =>
    attempt.status === "fulfilled" ? [attempt.value] : [],
  );
  const refused = attempts.flatMap((attempt) =>
    attempt.status === "rejected" ? [attempt.reason] : [],
  );
  expect(held).toHaveLength(1);
  expect(LeaseError.is(refused[0], "LEASE_HELD")).toBe(true);
  await held[0]?.release();
});

/** Four words make a nonce: the first put is the same for both, and nothing after it. */
function sameAtFirst(): () => number {
  let calls = 0;
  return () => {
    calls += 1;
    return calls <= 4 ? 0.5 : systemRandom();
  };
}

it("leaves a lease that was held when its holder was copied to one of the two", async () => {
  const harness = new Harness();
  const copies = [harness.seat(), harness.seat()].map((seat) =>
    harness.acquire(seat, { random: sameAtFirst() }),
  );
  const leases = await harness.until(Promise.all(copies));
  expect(leases.map(({ state }) => state.type)).toEqual(["held", "held"]);
  await harness.world.run(TTL_MS);
  expect(leases.map(({ state }) => state.type).sort()).toEqual(["held", "lost"]);
});
