/** Following a process that is known to be dead, without waiting for its record to expire. */

import { describe, expect, it } from "vitest";
import { type Lease, LeaseError } from "../src/index.ts";
import { Harness, type Seat, TTL_MS } from "./harness.ts";

const FOREVER_MS = 1e9;

/** A place that nonces are kept in, as a journal folder is one. */
class Place {
  kept: readonly string[] = [];

  /** For the next process there. */
  trail(left: readonly string[] = this.kept) {
    const keep = (nonces: readonly string[]) => {
      this.kept = [...left, ...nonces];
    };
    return { left, keep };
  }
}

/** Takes the lease and is never heard of again. */
async function die(harness: Harness, seat: Seat, place: Place): Promise<Lease> {
  const lease = await harness.until(harness.acquire(seat, { trail: place.trail() }));
  seat.machine.pause("stopped", FOREVER_MS);
  return lease;
}

const failsAsHeld = async (harness: Harness, lease: Promise<Lease>) =>
  expect(LeaseError.is(await harness.failure(lease), "LEASE_HELD")).toBe(true);

describe("a record that a dead process has left", () => {
  it.each([true, false])("is taken over at once, store's dates: %s", async (serverDate) => {
    const harness = new Harness({ serverDate });
    const place = new Place();
    await die(harness, harness.seat(), place);
    const next = harness.seat();
    const lease = await harness.until(harness.acquire(next, { trail: place.trail() }));
    expect(lease).toMatchObject({ generation: 2n, predecessor: "expired" });
    expect(next.requests).toEqual(["get", "put"]);
    expect(harness.world.nowMs).toBeLessThan(TTL_MS / 3);
  });

  it("is known by each renewal", async () => {
    const harness = new Harness();
    const place = new Place();
    const seat = harness.seat();
    await harness.until(harness.acquire(seat, { trail: place.trail() }));
    const [first] = place.kept;
    await harness.world.run(4 * TTL_MS);
    expect((await harness.record()).nonce).not.toBe(first);
    seat.machine.pause("stopped", FOREVER_MS);
    const lease = harness.acquire(harness.seat(), { trail: place.trail() });
    expect((await harness.until(lease)).generation).toBe(2n);
  });

  it("is known although nobody was told that it had been put", async () => {
    const harness = new Harness();
    const place = new Place();
    const seat = harness.seat();
    seat.puts.push({ type: "hangs", arrivesInMs: 50 });
    void harness.acquire(seat, { trail: place.trail() }).catch(() => {});
    await harness.world.run(40);
    seat.machine.pause("stopped", FOREVER_MS);
    await harness.world.run(1_000);
    const lease = harness.acquire(harness.seat(), { trail: place.trail() });
    expect((await harness.until(lease)).generation).toBe(2n);
  });

  it("is taken over from a heir that died before its own put arrived, or after", async () => {
    for (const arrivesInMs of [50, FOREVER_MS]) {
      const harness = new Harness();
      const place = new Place();
      await die(harness, harness.seat(), place);
      const heir = harness.seat();
      heir.puts.push({ type: "hangs", arrivesInMs });
      void harness.acquire(heir, { trail: place.trail() }).catch(() => {});
      await harness.world.run(40);
      heir.machine.pause("stopped", FOREVER_MS);
      await harness.world.run(1_000);
      const lease = await harness.until(harness.acquire(harness.seat(), { trail: place.trail() }));
      expect(lease.generation).toBe(arrivesInMs === 50 ? 3n : 2n);
    }
  });

  it("is taken over although its last renewal arrives just before", async () => {
    const harness = new Harness();
    const place = new Place();
    const seat = harness.seat();
    await harness.until(harness.acquire(seat, { trail: place.trail() }));
    seat.puts.push({ type: "hangs", arrivesInMs: 2_000 });
    await harness.world.run(TTL_MS / 2 - 3_000);
    expect(place.kept.length).toBe(2);
    seat.machine.pause("stopped", FOREVER_MS);
    const next = harness.seat();
    // On its way when the renewal arrives.
    next.puts.push({ type: "normal", thereMs: 4_000, backMs: 5 });
    const lease = await harness.until(harness.acquire(next, { trail: place.trail() }));
    expect(lease.generation).toBe(2n);
    expect(next.requests.filter((request) => request === "put").length).toBe(2);
  });

  it("is not touched any more by what the dead one has sent", async () => {
    const harness = new Harness();
    const place = new Place();
    const seat = harness.seat();
    await harness.until(harness.acquire(seat, { trail: place.trail() }));
    seat.puts.push({ type: "hangs", arrivesInMs: 8_000 });
    await harness.world.run(TTL_MS / 2 - 3_000);
    seat.machine.pause("stopped", FOREVER_MS);
    const lease = await harness.until(harness.acquire(harness.seat(), { trail: place.trail() }));
    await harness.world.run(20_000);
    await harness.until(lease.check());
    expect(await harness.record()).toMatchObject({ generation: 2n });
  });
});

describe("a record that somebody else has put since", () => {
  it("is respected as ever, whoever knows of older ones", async () => {
    const harness = new Harness();
    const place = new Place();
    await die(harness, harness.seat(), place);
    const { kept } = place;
    await harness.until(harness.acquire(harness.seat(), { wait: true }));
    await failsAsHeld(harness, harness.acquire(harness.seat(), { trail: place.trail(kept) }));
  });

  it("is respected when the same holder has renewed it, and this place does not know", async () => {
    const harness = new Harness();
    const place = new Place();
    await harness.until(harness.acquire(harness.seat(), { trail: place.trail() }));
    const copied = place.kept;
    await harness.world.run(TTL_MS);
    await failsAsHeld(harness, harness.acquire(harness.seat(), { trail: place.trail(copied) }));
  });

  it("is respected when Litestream has put it, which has no nonce", async () => {
    const harness = new Harness();
    const expires = new Date(1_700_000_060_000).toISOString();
    await harness.put(JSON.stringify({ generation: 4, expires_at: expires, owner: "litestream" }));
    const trail = new Place().trail(["undefined", ""]);
    await failsAsHeld(harness, harness.acquire(harness.seat(), { trail }));
  });
});

it("keeps no word of a record that was given back", async () => {
  const harness = new Harness();
  const place = new Place();
  const seat = harness.seat();
  const lease = await harness.until(harness.acquire(seat, { trail: place.trail() }));
  const { kept } = place;
  await harness.until(lease.release());
  expect(place.kept).toBe(kept);
  const next = await harness.until(harness.acquire(harness.seat(), { trail: place.trail() }));
  expect(next.predecessor).toBe("released");
});
