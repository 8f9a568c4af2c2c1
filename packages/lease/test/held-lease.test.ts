import { ObjectStoreError } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { acquireLease, type Clock, type Lease, LeaseError, type LossReason } from "../src/index.ts";
import { Harness, KEY, type Seat, TTL_MS } from "./harness.ts";
import { seeded } from "./world.ts";

const MARGIN_MS = 5_000;

async function held(harness = new Harness()): Promise<{
  harness: Harness;
  seat: Seat;
  lease: Lease;
}> {
  const seat = harness.seat({ wallOffsetMs: -3e9 });
  const lease = await harness.until(harness.acquire(seat));
  return { harness, seat, lease };
}

function lossOf(lease: Lease): LossReason | undefined {
  return lease.state.type === "lost" ? lease.state.error.lossReason : undefined;
}

describe("a held lease", () => {
  it("is renewed about every third of the TTL, with the same generation", async () => {
    const { harness, seat, lease } = await held();
    seat.requests.length = 0;
    await harness.world.run(10 * TTL_MS);
    expect(lease.state.type).toBe("held");
    expect(seat.requests.every((request) => request === "put")).toBe(true);
    expect(seat.requests.length).toBeGreaterThan(25);
    expect(seat.requests.length).toBeLessThan(35);
    expect((await harness.record()).generation).toBe(1n);
  });

  it("tells Litestream an expiry by the store's clock, though ours is a month behind", async () => {
    const { harness } = await held();
    await harness.world.run(TTL_MS);
    const { meta } = await harness.store.get(KEY);
    const { expiresAtMs } = await harness.record();
    expect(Math.abs(expiresAtMs - meta.lastModifiedMs - TTL_MS)).toBeLessThan(100);
  });

  it.each([
    ["unanswered", { type: "unanswered" }],
    ["never arrived", { type: "lost", arrivesInMs: undefined }],
    ["arrived late", { type: "lost", arrivesInMs: 4_000 }],
    ["was refused by the store", { type: "unavailable" }],
    ["met a conflict that nobody won", { type: "conflict" }],
    ["hung", { type: "hangs", arrivesInMs: 100 }],
  ] as const)("stays held when a renewal %s", async (_name, fate) => {
    const { harness, seat, lease } = await held();
    seat.puts.push(fate);
    await harness.world.run(4 * TTL_MS);
    expect(lease.state.type).toBe("held");
  });

  it("survives an outage that is shorter than the TTL", async () => {
    const { harness, seat, lease } = await held();
    await harness.world.run(5_000);
    seat.outage = { type: "lost", arrivesInMs: undefined };
    await harness.world.run(17_000);
    seat.outage = undefined;
    await harness.world.run(TTL_MS);
    expect(lease.state.type).toBe("held");
  });
});

describe("a lease is lost", () => {
  it("before it expires, when it cannot be renewed", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "unavailable" };
    await harness.world.run(TTL_MS - MARGIN_MS - 100);
    expect(lease.lost.aborted).toBe(false);
    await harness.world.run(100);
    expect(lease.lost.aborted).toBe(true);
    expect(lossOf(lease)).toBe("expired");
    expect(LeaseError.is(lease.lost.reason, "LEASE_LOST")).toBe(true);
  });

  it("at the very moment that its state names, however that is rounded", async () => {
    const random = seeded(3);
    const store = new MemoryStore();
    for (let count = 0; count < 300; count += 1) {
      let nowMs = random() * 1e6;
      const clock: Clock = {
        nowMs: () => 0,
        monotonicMs: () => nowMs,
        sleep: () => new Promise(() => {}),
      };
      const times = { ttlMs: 6_000, marginMs: 1_234.567 };
      const options = { store, key: `${count}`, owner: "a", probe: false, clock, ...times };
      const lease = await acquireLease(options);
      nowMs = lease.state.type === "held" ? lease.state.deadlineMs : Number.NaN;
      expect(lossOf(lease)).toBe("expired");
    }
  });

  it("counted from when its put was sent, not from when that was answered", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    seat.puts.push({ type: "normal", thereMs: 4_000, backMs: 4_000 });
    const lease = await harness.until(harness.acquire(seat));
    seat.outage = { type: "unavailable" };
    await harness.world.run(TTL_MS - MARGIN_MS - 8_000);
    expect(lossOf(lease)).toBe("expired");
  });

  it("for good, though the answer to a renewal comes later", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "normal", thereMs: 100, backMs: 9_800 };
    seat.machine.pause("stopped", 20_000);
    await harness.world.run(TTL_MS - MARGIN_MS);
    expect(lossOf(lease)).toBe("expired");
    await harness.world.run(TTL_MS);
    expect(lossOf(lease)).toBe("expired");
    expect(lease.state).toMatchObject({ type: "lost" });
  });

  it("at once when asked, though no timer has run yet", async () => {
    const { harness, seat, lease } = await held();
    seat.machine.pause("stopped", TTL_MS);
    await harness.world.run(TTL_MS - 1);
    expect(lossOf(lease)).toBe("expired");
  });

  it("when the machine slept for more than the margin", async () => {
    const { harness, seat, lease } = await held();
    seat.machine.pause("asleep", MARGIN_MS + 1_000);
    await harness.world.run(MARGIN_MS + 1_001);
    expect(lossOf(lease)).toBe("frozen");
  });

  it("when it slept, though its wall clock had been set back before", async () => {
    const { harness, seat, lease } = await held();
    seat.machine.jumpWall(-10_000);
    await harness.world.run(2_000);
    expect(lease.state.type).toBe("held");
    seat.machine.pause("asleep", 12_000);
    await harness.world.run(12_001);
    expect(lossOf(lease)).toBe("frozen");
  });

  it("when a shorter sleep took the rest of the time", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "unavailable" };
    await harness.world.run(TTL_MS - MARGIN_MS - 2_000);
    seat.machine.pause("asleep", 3_000);
    await harness.world.run(3_001);
    expect(lossOf(lease)).toBe("expired");
  });

  it("not when the wall clock goes back, nor when it goes a little ahead", async () => {
    const { harness, seat, lease } = await held();
    seat.machine.jumpWall(-3_600_000);
    await harness.world.run(TTL_MS);
    seat.machine.jumpWall(2_000);
    await harness.world.run(TTL_MS);
    expect(lease.state.type).toBe("held");
  });

  it.each([
    ["another record", '{"generation":2,"expires_at":"2030-01-01T00:00:00Z","owner":"b"}'],
    ["something else", "my notes"],
  ])("when %s is in its place", async (_name, json) => {
    const { harness, lease } = await held();
    await harness.put(json);
    await harness.world.run(TTL_MS / 2);
    expect(lossOf(lease)).toBe("taken");
  });

  it("when its object was removed", async () => {
    const { harness, lease } = await held();
    await harness.store.delete(KEY);
    await harness.world.run(TTL_MS / 2);
    expect(lossOf(lease)).toBe("removed");
  });

  it("and makes no further request", async () => {
    const { harness, seat, lease } = await held();
    await harness.store.delete(KEY);
    await harness.world.run(TTL_MS / 2);
    const count = seat.requests.length;
    await harness.until(lease.release());
    await harness.world.run(10 * TTL_MS);
    expect(seat.requests.length).toBe(count);
  });
});

describe("a check", () => {
  it("costs one read", async () => {
    const { harness, seat, lease } = await held();
    seat.requests.length = 0;
    await harness.until(lease.check());
    expect(seat.requests).toEqual(["get"]);
  });

  it("costs nothing when the answer's date proves it, and a read when it does not", async () => {
    const { harness, seat, lease } = await held();
    // Of the first put, no date is known that came before it; of the first renewal there is one.
    await harness.world.run(TTL_MS / 2);
    seat.requests.length = 0;
    const { lastModifiedMs } = await harness.store.head(KEY);
    await harness.until(lease.check({ serverDateMs: lastModifiedMs + TTL_MS / 3 }));
    expect(seat.requests).toEqual([]);
    const lastMs = lastModifiedMs + TTL_MS - MARGIN_MS;
    await harness.until(lease.check({ serverDateMs: lastMs + 1 }));
    expect(seat.requests).toEqual(["get"]);
    // The read has told when the record was put, so that the dates are proof for longer.
    await harness.until(lease.check({ serverDateMs: lastMs }));
    expect(seat.requests).toEqual(["get"]);
    await harness.until(lease.check({ serverDateMs: lastMs + 1 }));
    expect(seat.requests).toEqual(["get", "get"]);
  });

  it("is not fooled by a put whose answer is dated long after its record", async () => {
    const harness = new Harness();
    const seat = harness.seat();
    const { put } = seat.store;
    // As S3 does: the answer to a put does not tell when the object was put, only its own date.
    seat.store.put = async (key, body, options) => {
      const meta = await put(key, body, options);
      await harness.world.delay(8_000);
      const lateMs = meta.lastModifiedMs + 8_000;
      return { ...meta, lastModifiedMs: lateMs, serverDateMs: lateMs };
    };
    const lease = await harness.until(harness.acquire(seat, { marginMs: 1_000 }));
    const { lastModifiedMs } = await harness.store.head(KEY);
    seat.requests.length = 0;
    // By now another may have it, who judges by the record and not by that answer.
    await harness.until(lease.check({ serverDateMs: lastModifiedMs + TTL_MS + 2_500 }));
    expect(seat.requests).toEqual(["get"]);
  });

  it("is not fooled by the clock of a store that gives no dates", async () => {
    const harness = new Harness({ serverDate: false });
    const seat = harness.seat();
    const lease = await harness.until(harness.acquire(seat));
    seat.requests.length = 0;
    const { lastModifiedMs } = await harness.store.head(KEY);
    await harness.until(lease.check({ serverDateMs: lastModifiedMs + 1_000 }));
    expect(seat.requests).toEqual(["get"]);
  });

  it("sees another holder before any renewal does", async () => {
    const { harness, lease } = await held();
    await harness.put('{"generation":2,"expires_at":"2030-01-01T00:00:00Z","owner":"b"}');
    const error = await harness.failure(lease.check());
    expect(error).toMatchObject({ code: "LEASE_LOST", lossReason: "taken" });
    expect(lease.lost.aborted).toBe(true);
  });

  it("is not confused by a renewal on its way", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "normal", thereMs: 300, backMs: 300 };
    for (let passedMs = 0; passedMs < TTL_MS; passedMs += 400) {
      await harness.until(lease.check());
    }
    expect(lease.state.type).toBe("held");
  });

  it("tries again when the store does not answer, and passes its error on in the end", async () => {
    const { harness, seat, lease } = await held();
    seat.gets.push({ type: "unavailable" }, { type: "unavailable" });
    await harness.until(lease.check());
    seat.outage = { type: "unavailable" };
    const error = await harness.failure(lease.check());
    expect(ObjectStoreError.is(error, "UNAVAILABLE")).toBe(true);
  });

  it("fails when the time ran out while it waited for its answer", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "unavailable" };
    await harness.world.run(TTL_MS - MARGIN_MS - 1_000);
    seat.outage = { type: "normal", thereMs: 1_000, backMs: 1_000 };
    const error = await harness.failure(lease.check());
    expect(error).toMatchObject({ code: "LEASE_LOST", lossReason: "expired" });
  });

  it("ends with the reason of the signal", async () => {
    const { harness, seat, lease } = await held();
    seat.gets.push({ type: "hangs", arrivesInMs: 1 });
    const abort = new AbortController();
    const checking = lease.check({ signal: abort.signal });
    await harness.world.run(100);
    abort.abort();
    expect(await harness.failure(checking)).toBe(abort.signal.reason);
    expect(lease.state.type).toBe("held");
  });
});

describe("a release", () => {
  it("marks the record as expired and keeps the generation", async () => {
    const { harness, lease } = await held();
    await harness.until(lease.release());
    expect(await harness.record()).toMatchObject({ generation: 1n, released: true });
    expect(lease.state.type).toBe("released");
    expect(lease.lost.aborted).toBe(false);
  });

  it("ends the belief at the call, and all requests after it", async () => {
    const { harness, seat, lease } = await held();
    const releasing = lease.release();
    expect(lease.state.type).toBe("released");
    expect(LeaseError.is(await harness.failure(lease.check()), "LEASE_RELEASED")).toBe(true);
    await harness.until(releasing);
    const count = seat.requests.length;
    await harness.until(lease.release());
    await harness.until(Promise.resolve(lease[Symbol.asyncDispose]()));
    await harness.world.run(10 * TTL_MS);
    expect(seat.requests.length).toBe(count);
  });

  it.each([
    ["unanswered", { type: "unanswered" }],
    ["never arrived", { type: "lost", arrivesInMs: undefined }],
    ["was refused by the store", { type: "unavailable" }],
    ["met a conflict that nobody won", { type: "conflict" }],
  ] as const)("succeeds when its put %s", async (_name, fate) => {
    const { harness, seat, lease } = await held();
    seat.puts.push(fate);
    await harness.until(lease.release());
    expect((await harness.record()).released).toBe(true);
  });

  it("finds what a renewal on its way has left, and ends after it", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "normal", thereMs: 1_500, backMs: 1_500 };
    await harness.world.run(TTL_MS / 3 + 1_000);
    seat.outage = undefined;
    const startedMs = harness.world.nowMs;
    await harness.until(lease.release());
    expect((await harness.record()).released).toBe(true);
    expect(harness.world.nowMs - startedMs).toBeGreaterThan(1_000);
  });

  it("leaves another holder's record alone", async () => {
    const { harness, seat, lease } = await held();
    await harness.put('{"generation":2,"expires_at":"2030-01-01T00:00:00Z","owner":"b"}');
    seat.requests.length = 0;
    await harness.until(lease.release());
    expect(seat.requests).toEqual(["put", "get"]);
    expect(await harness.record()).toMatchObject({ generation: 2n, owner: "b", released: false });
  });

  it("rejects as the store does when that never answers", async () => {
    const { harness, seat, lease } = await held();
    seat.outage = { type: "unavailable" };
    expect(ObjectStoreError.is(await harness.failure(lease.release()), "UNAVAILABLE")).toBe(true);
    expect(lease.state.type).toBe("released");
  });
});
