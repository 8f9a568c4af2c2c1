/**
 * What a lease promises, on any store: for whoever writes an ObjectStore and wants to know whether
 * it can keep one.
 *
 * It runs in real time against a real store, so it takes seconds. Clocks that are wrong and answers
 * that get lost are not its subject: no store can bring them about on demand.
 */

import type { ObjectStore } from "@headwater/object-store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acquireLease } from "../acquire.ts";
import { LeaseError } from "../errors.ts";
import type { Lease } from "../lease.ts";
import { decodeRecord, type LeaseRecord } from "../lease-record.ts";
import { systemClock } from "../system.ts";

export interface LeaseContractOptions {
  /** Of the store, for the title. */
  readonly name: string;
  /** Each call gives a store of its own over the same objects, as another process would have. */
  readonly open: () => Promise<ObjectStore>;
  /** Long enough for some requests to the store; two seconds unless told otherwise. */
  readonly ttlMs?: number | undefined;
}

const CONTENDERS = 8;

export function leaseContract({ name, open, ttlMs = 2_000 }: LeaseContractOptions): void {
  describe(`Lease contract: ${name}`, () => {
    const stores: ObjectStore[] = [];
    let keys = 0;
    const newKey = () => {
      keys += 1;
      return `lease-contract/${keys}/lock.json`;
    };
    const contender = async (key: string, owner: string, wait = false): Promise<Lease> => {
      const store = await open();
      stores.push(store);
      return acquireLease({ store, key, owner, ttlMs, wait, pollMs: ttlMs / 10 });
    };
    const context = { contender, newKey, ttlMs, open: async () => stores[0] ?? (await open()) };

    beforeAll(async () => {
      stores.push(await open());
    });
    afterAll(async () => {
      for (const store of stores) await store.close();
    });

    describe.concurrent("one at a time", () => oneAtATime(context));
    describe.concurrent("generations", () => generations(context));
    describe.concurrent("renewal and expiry", () => renewalAndExpiry(context));
  });
}

interface Context {
  readonly contender: (key: string, owner: string, wait?: boolean) => Promise<Lease>;
  readonly newKey: () => string;
  readonly ttlMs: number;
  readonly open: () => Promise<ObjectStore>;
}

function oneAtATime({ contender, newKey, ttlMs }: Context): void {
  it("one of many contenders wins, and the others are told who", async () => {
    const key = newKey();
    const owners = Array.from({ length: CONTENDERS }, (_, index) => `contender ${index}`);
    const results = await Promise.allSettled(owners.map((owner) => contender(key, owner)));
    const winners = results.filter((result) => result.status === "fulfilled");
    expect(winners.length).toBe(1);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      expect(LeaseError.is(result.reason, "LEASE_HELD")).toBe(true);
      expect((result.reason as LeaseError).holder?.owner).toBe(winners[0]!.value.owner);
    }
    await winners[0]!.value.release();
  });

  it("whoever waits gets it after a release, one after another", async () => {
    const key = newKey();
    let holders = 0;
    const turns = Array.from({ length: 4 }, async (_, index) => {
      const lease = await contender(key, `waiting ${index}`, true);
      holders += 1;
      expect(holders).toBe(1);
      await systemClock.sleep(ttlMs / 20);
      await lease.check();
      holders -= 1;
      await lease.release();
      return lease.generation;
    });
    const order = await Promise.all(turns);
    expect(new Set(order).size).toBe(4);
  });
}

function generations({ contender, newKey, open }: Context): void {
  it("start at 1 and never go back, not even by a release", async () => {
    const key = newKey();
    for (const generation of [1n, 2n, 3n]) {
      const lease = await contender(key, "again");
      expect(lease.generation).toBe(generation);
      await lease.release();
    }
    expect(await readRecord(await open(), key)).toMatchObject({ generation: 3n, released: true });
  });

  it("go on from a record of Litestream's", async () => {
    const key = newKey();
    await replace(await open(), key, { ...FOREIGN, expiresAtMs: 0, generation: 41n });
    const lease = await contender(key, "next");
    expect(lease.generation).toBe(42n);
    await lease.release();
  });
}

function renewalAndExpiry({ contender, newKey, ttlMs, open }: Context): void {
  it("a holder keeps it for longer than the TTL, and passes its check", async () => {
    const key = newKey();
    const lease = await contender(key, "holder");
    await systemClock.sleep(ttlMs * 1.6);
    await lease.check();
    await expect(contender(key, "other")).rejects.toMatchObject({ code: "LEASE_HELD" });
    await lease.release();
  });

  it("a holder that vanished is followed by the next after the TTL, not before", async () => {
    const key = newKey();
    const store = await open();
    const vanished: LeaseRecord = { ...FOREIGN, ttlMs, owner: "vanished", nonce: "0" };
    await replace(store, key, vanished);
    const startedMs = systemClock.monotonicMs();
    await expect(contender(key, "early")).rejects.toMatchObject({ code: "LEASE_HELD" });
    const lease = await contender(key, "next", true);
    expect(lease.generation).toBe(2n);
    // The store's dates may be cut to seconds, so the moment of the put is known to a second.
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThan(ttlMs - 1_000);
    await lease.release();
  });

  it("a holder that was followed sees it when it checks, and gives nothing back", async () => {
    const key = newKey();
    const lease = await contender(key, "first");
    await replace(await open(), key, { ...FOREIGN, generation: 2n, owner: "second" });
    await expect(lease.check()).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(lease.lost.aborted).toBe(true);
    await lease.release();
    expect(await readRecord(await open(), key)).toMatchObject({ owner: "second" });
  });
}

const FOREIGN: LeaseRecord = {
  generation: 1n,
  expiresAtMs: Date.UTC(2100, 0),
  owner: "litestream",
  ttlMs: undefined,
  nonce: undefined,
  released: false,
};

/** Written by hand, without our fields where they are not given, as another program would. */
async function replace(store: ObjectStore, key: string, record: LeaseRecord): Promise<void> {
  const body = JSON.stringify({
    generation: Number(record.generation),
    expires_at: new Date(record.expiresAtMs).toISOString(),
    owner: record.owner,
    ttl_ms: record.ttlMs,
    nonce: record.nonce,
  });
  await store.put(key, new TextEncoder().encode(body), { condition: { type: "none" } });
}

async function readRecord(store: ObjectStore, key: string): Promise<LeaseRecord> {
  const record = decodeRecord((await store.get(key)).body);
  if (typeof record === "string") throw new TypeError(record);
  return record;
}
