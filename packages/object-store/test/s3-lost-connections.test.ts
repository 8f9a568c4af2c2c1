/**
 * Connections that are gone without a word: a NAT or a load balancer has forgotten them, or this
 * machine was started from a snapshot in which they were open.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { deadlined, retrying } from "@headwater/object-store";
import { openS3Store, type S3StoreOptions } from "@headwater/object-store/s3";
import { type Relay, startRelay } from "@headwater/servers";
import { expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { CREDENTIALS, failureOf } from "./scripted-s3.ts";
import { type Answer, startScriptedServer } from "./scripted-server.ts";

const KEPT = 8;
const OBJECT: Answer = {
  status: 200,
  headers: { etag: '"v"' },
  body: "0123456789",
  // So that requests at the same time need a connection each.
  delayMs: 30,
};

async function withKeptConnections(
  options: Partial<S3StoreOptions>,
  work: (store: Awaited<ReturnType<typeof openS3Store>>, relay: Relay) => Promise<void>,
): Promise<void> {
  await using server = await startScriptedServer(() => OBJECT);
  await using relay = await startRelay(server.endpoint);
  const place = { bucket: "bucket", endpoint: relay.endpoint, region: "us-east-1" };
  await using store = await openS3Store({ ...place, credentials: CREDENTIALS, ...options });
  await Promise.all(Array.from({ length: KEPT }, () => store.get("k")));
  expect(relay.openedCount).toBe(KEPT);
  await work(store, relay);
}

it("are found out by one request that gets no answer for a second, all of them", async () => {
  await withKeptConnections({}, async (store, relay) => {
    const stop = new AbortController();
    relay.lose();
    const lost = store.get("k", { signal: stop.signal });
    await sleep(1_300);
    await store.get("k");
    expect(relay.lostCount).toBe(1);
    stop.abort();
    await expect(lost).rejects.toBe(stop.signal.reason);
  });
});

it("are found out by a call that is repeated when its first request is late", async () => {
  await withKeptConnections({}, async (store, relay) => {
    const again = retrying(deadlined(store, { requestMs: 1_500, wholeBytes: 100 }));
    relay.lose();
    await again.get("k");
    expect(relay.lostCount).toBe(1);
  });
});

it("end a get sooner than a store that is slow", async () => {
  await withKeptConnections({ idleMsMax: 60_000 }, async (store, relay) => {
    relay.lose();
    const { code } = await failureOf(store.get("k"));
    expect(code).toBe("UNAVAILABLE");
  });
});

it("are found out within an answer, too", async () => {
  await withKeptConnections({}, async (store, relay) => {
    const again = retrying(deadlined(store, { requestMs: 1_500, wholeBytes: 100 }));
    relay.loseWithinNext();
    await again.get("k");
    expect(relay.lostCount).toBe(0);
  });
});

it("are not all given up for one of them that is slow", async () => {
  await withKeptConnections({}, async (store, relay) => {
    relay.lose();
    const stop = new AbortController();
    const lost = store.get("k", { signal: stop.signal });
    await expect.poll(() => relay.lostCount).toBe(1);
    stop.abort();
    await expect(lost).rejects.toBe(stop.signal.reason);
    await expect(store.get("k", { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    expect(relay.openedCount).toBe(KEPT);
  });
});

it.each([
  [59_000, 0],
  [61_000, 1],
])("are not waited for when nothing was heard for a minute: %i ms", async (idleMs, opened) => {
  const clock = new ManualClock();
  await withKeptConnections({ clock }, async (store, relay) => {
    clock.nowValueMs += idleMs;
    await store.get("k");
    expect(relay.openedCount).toBe(KEPT + opened);
  });
});
