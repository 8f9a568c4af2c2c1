import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { acquireLease, breakLease, inspectLease } from "../src/index.ts";
import { Harness, KEY, TTL_MS } from "./harness.ts";

const MARGIN_MS = 5_000;

describe("inspecting", () => {
  it("tells of no lease, of one that is held, given back, or expired", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const inspect = () => harness.until(inspectLease(harness.optionsOf(seat)));
    expect(await inspect()).toBeUndefined();
    const lease = await harness.until(harness.acquire(harness.seat(), { owner: "a" }));
    expect(await inspect()).toMatchObject({ type: "held", owner: "a", generation: 1n });
    await harness.until(lease.release());
    expect(await inspect()).toMatchObject({ type: "released", expiresInMs: undefined });
    const gone = harness.seat();
    await harness.until(harness.acquire(gone, { owner: "b" }));
    gone.machine.pause("stopped", 1e9);
    await harness.world.run(TTL_MS + MARGIN_MS + 2_000);
    expect(await inspect()).toMatchObject({ type: "expired", owner: "b", generation: 2n });
  });

  it("waits for a store that is far away", async () => {
    const harness = new Harness();
    await harness.until(harness.acquire(harness.seat(), { owner: "a" }));
    const options = harness.optionsOf(harness.seat());
    const { clock } = options;
    const store = new Proxy(options.store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return async (...words: readonly unknown[]) => {
          await clock?.sleep(5_000);
          return Reflect.apply(value, target, words);
        };
      },
    });
    const far = { ...options, store };
    expect(await harness.until(inspectLease(far))).toMatchObject({ owner: "a" });
    const broken = await harness.until(breakLease({ ...far, owner: "me" }));
    expect(broken).toMatchObject({ owner: "a" });
  });

  it("changes nothing", async () => {
    const store = new MemoryStore();
    await using lease = await acquireLease({ store, key: KEY, owner: "a", ttlMs: TTL_MS });
    const before = await store.get(KEY);
    await inspectLease({ store, key: KEY });
    expect((await store.get(KEY)).meta.version).toBe(before.meta.version);
    expect(lease.state.type).toBe("held");
  });
});

describe("breaking", () => {
  it("ends the lease of a holder that is there, at its next renewal", async () => {
    const harness = new Harness();
    const lease = await harness.until(harness.acquire(harness.seat(), { owner: "a" }));
    const broken = await harness.until(
      breakLease({ ...harness.optionsOf(harness.seat()), owner: "me" }),
    );
    expect(broken).toMatchObject({ type: "held", owner: "a", generation: 1n });
    await harness.world.run(TTL_MS / 3 + 1_000);
    expect(lease.lost.aborted).toBe(true);
    expect(lease.state).toMatchObject({ type: "lost", error: { lossReason: "taken" } });
  });

  it("makes the next holder one that follows somebody who went silent", async () => {
    const harness = new Harness();
    const gone = harness.seat();
    await harness.until(harness.acquire(gone));
    gone.machine.pause("stopped", 1e9);
    await harness.until(breakLease({ ...harness.optionsOf(harness.seat()), owner: "me" }));
    const startMs = harness.world.nowMs;
    const next = await harness.until(harness.acquire(harness.seat(), { wait: true }));
    expect(next).toMatchObject({ predecessor: "expired", generation: 3n });
    // Long before the lease would have expired.
    expect(harness.world.nowMs - startMs).toBeLessThan(TTL_MS / 2);
  });

  it("has nothing to do where nobody holds it", async () => {
    const harness = new Harness();
    const options = { ...harness.optionsOf(harness.seat()), owner: "me" };
    expect(await harness.until(breakLease(options))).toBeUndefined();
    const lease = await harness.until(harness.acquire(harness.seat()));
    await harness.until(lease.release());
    expect(await harness.until(breakLease(options))).toBeUndefined();
    expect(await harness.record()).toMatchObject({ generation: 1n, released: true });
  });
});
