import { type ObjectStore, type RequestTrace, traced } from "@headwater/object-store";
import { openGcsStore } from "@headwater/object-store/gcs";
import { startGcsFake } from "@headwater/servers";
import { type GcsConnection, useServer } from "@headwater/servers/testing";
import { describe, expect, it, vi } from "vitest";
import { acquireLease } from "../../src/index.ts";
import { leaseContract } from "../../src/testing/index.ts";

const part = "a lease on our fake of GCS";
const answer = await useServer("gcs-fake", `Lease contract: ${part}`);
if (answer.available) contractOn(answer.connection);
else describe.skip(`Lease contract: ${part}`, () => it(answer.reason, () => undefined));

function contractOn({ bucket, endpoint }: GcsConnection): void {
  leaseContract({ name: part, open: () => openGcsStore({ bucket, endpoint }) });
}

/** A server of its own that lets each object be written once a second, as Google does. */
async function startThrottled() {
  const { bucket, endpoint, stop } = await startGcsFake({ writesPerObjectPerSecond: 1 });
  const traces: RequestTrace[] = [];
  return {
    open: async (): Promise<ObjectStore> => {
      const store = await openGcsStore({ bucket, endpoint });
      return traced(store, { onRequest: (trace) => traces.push(trace) });
    },
    throttledCount: () => traces.filter(({ outcome }) => outcome === "THROTTLED").length,
    [Symbol.asyncDispose]: stop,
  };
}

describe("a lease on a store that takes one write per object and second", () => {
  // The questions to a store that nobody knows would be throttled away.
  const common = { key: "lock.json", ttlMs: 6_000, probe: false };

  it("is acquired, renewed, released and taken over", async () => {
    await using server = await startThrottled();
    await using store = await server.open();
    await using other = await server.open();
    const first = await acquireLease({ ...common, store, owner: "first" });
    const second = acquireLease({ ...common, store: other, owner: "second", wait: true });
    const deadlineMs = () => (first.state.type === "held" ? first.state.deadlineMs : undefined);
    for (let renewals = 1, before = deadlineMs(); renewals <= 2; renewals += 1) {
      await vi.waitUntil(() => deadlineMs() !== before, { timeout: 10_000 });
      before = deadlineMs();
      expect(first.state.type).toBe("held");
    }
    // At once after a renewal, so that the store wants none of it at first.
    const throttledBefore = server.throttledCount();
    await first.release();
    expect(server.throttledCount()).toBeGreaterThan(throttledBefore);
    const lease = await second;
    expect(lease).toMatchObject({ generation: 2n, predecessor: "released" });
    await lease.check();
    await lease.release();
  });

  it("is acquired again at once by whoever does not wait", async () => {
    await using server = await startThrottled();
    await using store = await server.open();
    for (const generation of [1n, 2n]) {
      const lease = await acquireLease({ ...common, store, owner: "again" });
      expect(lease.generation).toBe(generation);
      await lease.release();
    }
    expect(server.throttledCount()).toBeGreaterThan(0);
  });
});
