import { ObjectStoreError } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { acquireLease, LeaseError } from "../src/index.ts";
import { Harness, KEY, TTL_MS } from "./harness.ts";

const MARGIN_MS = 5_000;

/** As Litestream writes it, on a machine whose clock may be wrong. */
function foreign(expiresAtMs: number): string {
  const expires = new Date(expiresAtMs).toISOString();
  return JSON.stringify({ generation: 4, expires_at: expires, owner: "litestream:1" });
}

describe("acquiring", () => {
  it("starts at generation 1 where there is no record", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const lease = await harness.until(harness.acquire(seat, { owner: "host:1" }));
    expect(lease).toMatchObject({ key: KEY, owner: "host:1", generation: 1n });
    expect(lease.state.type).toBe("held");
    expect(seat.requests).toEqual(["get", "put"]);
    expect(await harness.record()).toMatchObject({ generation: 1n, owner: "host:1" });
  });

  it("starts at the generation that the caller knows of, if that is greater", async () => {
    const harness = new Harness();
    const lease = await harness.until(harness.acquire(harness.seat(), { generationMin: 9n }));
    expect(lease.generation).toBe(9n);
    await harness.until(lease.release());
    const next = await harness.until(harness.acquire(harness.seat(), { generationMin: 3n }));
    expect(next.generation).toBe(10n);
  });

  it("tells whether the one before gave it back, went silent, or never was", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const first = await harness.until(harness.acquire(seat));
    expect(first.predecessor).toBe("none");
    await harness.until(first.release());
    const second = await harness.until(harness.acquire(seat));
    expect(second.predecessor).toBe("released");
    seat.machine.pause("stopped", 1e9);
    const third = harness.acquire(harness.seat(), { wait: true });
    expect((await harness.until(third)).predecessor).toBe("expired");
  });

  it("remembers that somebody went silent when its own first answer gets lost", async () => {
    const harness = new Harness();
    const gone = harness.seat();
    await harness.until(harness.acquire(gone));
    gone.machine.pause("stopped", 1e9);
    await harness.world.run(TTL_MS + MARGIN_MS + 1_000);
    const seat = harness.seat();
    seat.puts.push({ type: "unanswered" });
    expect((await harness.until(harness.acquire(seat))).predecessor).toBe("expired");
  });

  it("is refused while somebody has it, and says who and for how long", async () => {
    const harness = new Harness();
    await harness.until(harness.acquire(harness.seat(), { owner: "first" }));
    const error = await harness.failure(harness.acquire(harness.seat(), { owner: "second" }));
    expect(LeaseError.is(error, "LEASE_HELD")).toBe(true);
    const { holder } = error as LeaseError;
    expect(holder).toMatchObject({ owner: "first", generation: 1n });
    expect(holder?.expiresInMs).toBeGreaterThan(TTL_MS - 1_000);
    expect(holder?.expiresInMs).toBeLessThanOrEqual(TTL_MS);
  });

  it("ends with an error of the store's kind when the store never answers", async () => {
    const harness = new Harness();
    const silent = harness.seat();
    silent.outage = { type: "hangs", arrivesInMs: 1e9 };
    const error = await harness.failure(harness.acquire(silent));
    expect(ObjectStoreError.is(error, "UNAVAILABLE")).toBe(true);
    expect(error).toMatchObject({ store: silent.store.name, operation: "get", key: KEY });
  });

  it("takes over from a vanished holder, after TTL and margin of the store's clock", async () => {
    const harness = new Harness({ offsetMs: -9e9 });
    const first = harness.seat({ wallOffsetMs: 5e9 });
    await harness.until(harness.acquire(first));
    first.machine.pause("stopped", 1e9);
    const second = harness.seat({ wallOffsetMs: -5e9 });
    await harness.world.run(TTL_MS + MARGIN_MS - 500);
    expect(LeaseError.is(await harness.failure(harness.acquire(second)), "LEASE_HELD")).toBe(true);
    await harness.world.run(1_500);
    const lease = await harness.until(harness.acquire(second));
    expect(lease.generation).toBe(2n);
  });

  it("takes over by watching where the store does not tell its clock", async () => {
    const harness = new Harness({ serverDate: false });
    const first = harness.seat();
    await harness.until(harness.acquire(first));
    first.machine.pause("stopped", 1e9);
    const second = harness.seat();
    await harness.world.run(10 * TTL_MS);
    // One look cannot tell, however old the record is.
    const error = await harness.failure(harness.acquire(second));
    expect(LeaseError.is(error, "LEASE_HELD")).toBe(true);
    expect((error as LeaseError).holder?.expiresInMs).toBeUndefined();
    const startedMs = harness.world.nowMs;
    const lease = await harness.until(harness.acquire(second, { wait: true }));
    expect(lease.generation).toBe(2n);
    expect(harness.world.nowMs - startedMs).toBeGreaterThan(TTL_MS + MARGIN_MS);
  });

  it.each([
    ["almost two margins in a TTL", 0.86, 1.17, "lost"],
    ["more than that, which is the limit of what it promises", 0.8, 1.25, "held"],
  ] as const)("sees to it that clocks may be apart by %s", async (_name, slow, fast, state) => {
    const harness = new Harness({ serverDate: false });
    const holder = harness.seat({ rate: slow });
    const lease = await harness.until(harness.acquire(holder));
    holder.outage = { type: "unavailable" };
    const contender = harness.seat({ rate: fast });
    let stateThen = "";
    const taking = harness.acquire(contender, { wait: true }).then(() => {
      stateThen = lease.state.type;
    });
    await harness.until(taking);
    expect(stateThen).toBe(state);
  });

  it("knows its own put when the answer got lost", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.puts.push({ type: "unanswered" });
    const lease = await harness.until(harness.acquire(seat));
    expect(lease.generation).toBe(1n);
    expect(seat.requests).toEqual(["get", "put", "get"]);
  });

  it("knows its own put when it could not be read back at first, and renews it", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.puts.push({ type: "unanswered" });
    seat.gets.push(
      { type: "normal", thereMs: 5, backMs: 5 },
      { type: "unavailable" },
      { type: "unavailable" },
    );
    const lease = await harness.until(harness.acquire(seat));
    expect(lease.generation).toBe(1n);
    expect(lease.state.type).toBe("held");
  });

  it("tries again after a conflict in which nobody won", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.puts.push({ type: "conflict" });
    expect((await harness.until(harness.acquire(seat))).generation).toBe(1n);
  });

  it("does not wait for a request that hangs any longer than a third of the TTL", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.gets.push({ type: "hangs", arrivesInMs: 5 });
    await harness.until(harness.acquire(seat));
    expect(harness.world.nowMs).toBeGreaterThanOrEqual(TTL_MS / 3);
    expect(harness.world.nowMs).toBeLessThan(TTL_MS / 2);
  });

  it("leaves the store alone for as long as it asks", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.puts.push({ type: "throttled", retryAfterMs: 3_000 });
    await harness.until(harness.acquire(seat));
    expect(harness.world.nowMs).toBeGreaterThanOrEqual(3_000);
  });

  it("passes on the store's error after a few attempts, unless told to wait", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.outage = { type: "unavailable" };
    const error = await harness.failure(harness.acquire(seat));
    expect(ObjectStoreError.is(error, "UNAVAILABLE")).toBe(true);
    const waiting = harness.acquire(seat, { wait: true });
    await harness.world.run(60_000);
    seat.outage = undefined;
    expect((await harness.until(waiting)).generation).toBe(1n);
  });

  it("refuses an object that is no lease, and leaves it as it is", async () => {
    const harness = new Harness();
    await harness.put("my notes");
    const error = await harness.failure(harness.acquire(harness.seat(), { wait: true }));
    expect(LeaseError.is(error, "RECORD_INVALID")).toBe(true);
    const { body } = await harness.store.get(KEY);
    expect(new TextDecoder().decode(body)).toBe("my notes");
  });
});

describe("a lease of Litestream's", () => {
  const storeNowMs = 1_700_000_000_000;

  it("is respected for its TTL after the put, though its clock is behind", async () => {
    const harness = new Harness();
    await harness.put(foreign(storeNowMs - 3_600_000));
    const seat = harness.seat();
    expect(LeaseError.is(await harness.failure(harness.acquire(seat)), "LEASE_HELD")).toBe(true);
    const lease = await harness.until(harness.acquire(seat, { wait: true }));
    expect(harness.world.nowMs).toBeGreaterThan(30_000);
    expect(lease.generation).toBe(5n);
  });

  it("is respected as long as it says, though its TTL is not the default", async () => {
    const harness = new Harness();
    await harness.put(foreign(storeNowMs + 90_000));
    await harness.world.run(80_000);
    const error = await harness.failure(harness.acquire(harness.seat()));
    expect(LeaseError.is(error, "LEASE_HELD")).toBe(true);
  });

  it("can take ours over by its own rules once we gave it back", async () => {
    const harness = new Harness();
    const lease = await harness.until(harness.acquire(harness.seat()));
    await harness.until(lease.release());
    const { expiresAtMs } = await harness.record();
    expect(expiresAtMs).toBeLessThan(storeNowMs - 1e9);
  });
});

describe("waiting", () => {
  it("ends soon after a release", async () => {
    const harness = new Harness();
    const first = await harness.until(harness.acquire(harness.seat()));
    const waiting = harness.acquire(harness.seat(), { wait: true });
    await harness.world.run(10_000);
    const releasedMs = harness.world.nowMs;
    await harness.until(first.release());
    expect((await harness.until(waiting)).generation).toBe(2n);
    expect(harness.world.nowMs - releasedMs).toBeLessThan(2_000);
  });

  it("ends with the reason of the signal", async () => {
    const harness = new Harness();
    await harness.until(harness.acquire(harness.seat()));
    const abort = new AbortController();
    const waiting = harness.acquire(harness.seat(), { wait: true, signal: abort.signal });
    await harness.world.run(3_000);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await harness.failure(waiting)).toBe(reason);
  });

  it("gives back what a put won after the caller had left", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const abort = new AbortController();
    seat.puts.push({ type: "normal", thereMs: 500, backMs: 500 });
    const leaving = harness.acquire(seat, { signal: abort.signal });
    await harness.world.run(200);
    abort.abort();
    expect(await harness.failure(leaving)).toBe(abort.signal.reason);
    await harness.world.run(2_000);
    expect((await harness.record()).released).toBe(true);
  });

  it("ends when that is done, if the caller wants it so", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const abort = new AbortController();
    seat.puts.push({ type: "normal", thereMs: 500, backMs: 500 });
    const leaving = harness.acquire(seat, { signal: abort.signal, settles: true });
    await harness.world.run(200);
    abort.abort();
    expect(await harness.failure(leaving)).toBe(abort.signal.reason);
    expect((await harness.record()).released).toBe(true);
  });

  it("does not begin when the signal has aborted already", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const signal = AbortSignal.abort();
    await expect(harness.acquire(seat, { signal })).rejects.toBe(signal.reason);
    expect(seat.requests).toEqual([]);
  });
});

describe("a store that cannot keep a lease", () => {
  it.each(["conditionalCreate", "conditionalUpdate"] as const)(
    "is refused without a request when it says so: %s",
    async (capability) => {
      const store = new MemoryStore({ supports: { [capability]: false } });
      const refused = acquireLease({ store, key: KEY, owner: "a", ttlMs: TTL_MS });
      await expect(refused).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
    },
  );

  /** One whose provider is not known, so that it is asked. */
  function unknownSeat(harness: Harness) {
    const seat = harness.seat();
    const supports = { ...seat.store.supports, conditionsTrusted: false };
    Object.defineProperty(seat.store, "supports", { value: supports });
    return seat;
  }

  it("is found out when it only says that it can, before the lease is touched", async () => {
    const harness = new Harness();
    const seat = unknownSeat(harness);
    const { put } = seat.store;
    seat.store.put = (key, body, options) =>
      put(key, body, { ...options, condition: { type: "none" } });
    const error = await harness.failure(harness.acquire(seat, { probe: true }));
    expect(LeaseError.is(error, "STORE_UNSUPPORTED")).toBe(true);
    expect(String(error)).toContain("it overwrites an object");
    await expect(harness.store.head(KEY)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });

  it("ends with an error when it never answers what it is asked", async () => {
    const harness = new Harness();
    const silent = unknownSeat(harness);
    silent.outage = { type: "hangs", arrivesInMs: 1e9 };
    const error = await harness.failure(harness.acquire(silent, { probe: true }));
    expect(ObjectStoreError.is(error)).toBe(true);
    expect(error).toMatchObject({ retry: expect.stringContaining("after-"), operation: "put" });
    // Nobody may take it for proven because it was not asked to the end.
    silent.outage = undefined;
    await harness.until(harness.acquire(silent, { probe: true }));
    expect(silent.requests.length).toBeGreaterThan(20);
  });

  it("is not suspected when its provider is known, or when it refuses what it must", async () => {
    const harness = new Harness();
    const known = harness.seat();
    const lease = await harness.until(harness.acquire(known, { probe: true }));
    expect(known.requests).toEqual(["get", "put"]);
    await harness.until(lease.release());
    const unknown = unknownSeat(harness);
    expect((await harness.until(harness.acquire(unknown, { probe: true }))).generation).toBe(2n);
    expect(unknown.requests.length).toBeGreaterThan(20);
  });

  it("is asked again when it did not answer", async () => {
    const harness = new Harness();
    const seat = unknownSeat(harness);
    seat.puts.push({ type: "throttled", retryAfterMs: 1 });
    expect((await harness.until(harness.acquire(seat, { probe: true }))).generation).toBe(1n);
  });
});

describe("options that make no sense", () => {
  it.each([
    ["an empty key", { key: "" }],
    ["a TTL that is too short", { ttlMs: 10 }],
    ["a TTL that is too long", { ttlMs: 1e9 }],
    ["a TTL that is no number", { ttlMs: Number.NaN }],
    ["a margin of half the TTL", { marginMs: TTL_MS / 2 }],
    ["no margin", { marginMs: 0 }],
    ["polling without a pause", { pollMs: 0 }],
    ["an owner of a thousand characters", { owner: "x".repeat(1_000) }],
  ])("are refused before any request: %s", async (_name, wrong) => {
    const harness = new Harness();
    const seat = harness.seat();
    const error = await harness.failure(harness.acquire(seat, wrong));
    expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
    expect(seat.requests).toEqual([]);
  });
});
