/** One lease, of which one participant is Litestream: `lock.json` in its form, by its rules. */

import { ObjectStoreError } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { decodeRecord, LeaseError } from "../src/index.ts";
import { Harness, KEY, TTL_MS } from "./harness.ts";
import { goTime, LitestreamLeaser, LitestreamRefusal, marshal } from "./litestream-leaser.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const START_MS = 1_700_000_000_000;

interface Clocks {
  /** How far Litestream's machine is off. */
  readonly offsetMs?: number;
  readonly zoneMinutes?: number;
  readonly owner?: string;
}

function withLitestream({ offsetMs = 0, zoneMinutes = -210, owner = "litestream:1" }: Clocks = {}) {
  const harness = new Harness();
  const litestream = new LitestreamLeaser({
    store: harness.store,
    key: KEY,
    ttlMs: 30_000,
    owner,
    zoneMinutes,
    nowMs: () => START_MS + harness.world.nowMs + offsetMs,
  });
  return { harness, litestream };
}

describe("the form of Litestream's lock.json", () => {
  it.each([
    ["UTC", 0, "2026-01-15T10:30:00.1234567Z"],
    ["an offset east", 345, "2026-01-15T16:15:00.1234567+05:45"],
    ["an offset west", -210, "2026-01-15T07:00:00.1234567-03:30"],
  ])("is read in %s", (_name, zoneMinutes, expected) => {
    const expiresAtMs = Date.UTC(2026, 0, 15, 10, 30, 0, 123);
    expect(goTime(expiresAtMs, zoneMinutes)).toBe(expected);
    const json = marshal({ generation: 3, expiresAtMs, owner: "a:1", zoneMinutes });
    expect(decodeRecord(bytes(json))).toEqual({
      generation: 3n,
      expiresAtMs,
      owner: "a:1",
      ttlMs: undefined,
      nonce: undefined,
      released: false,
    });
  });

  it("is read without a fraction, without an owner, and with fields that nobody knows", () => {
    const json = '{"generation":9,"expires_at":"2026-01-15T10:30:00Z","etag":"x","more":{"a":1}}';
    expect(decodeRecord(bytes(json))).toMatchObject({ generation: 9n, owner: undefined });
    expect(decodeRecord(bytes(json.replace("00Z", "00.5+01:00")))).toMatchObject({
      expiresAtMs: Date.UTC(2026, 0, 15, 9, 30, 0, 500),
    });
  });

  it("counts as given back with Go's zero time, as Litestream writes it to some stores", () => {
    const json = '{"generation":9,"expires_at":"0001-01-01T00:00:00Z","owner":"a:1"}';
    expect(decodeRecord(bytes(json))).toMatchObject({ generation: 9n, released: true });
  });

  it("is what we write: its fields, times that Go reads, JSON as the content type", async () => {
    const { harness } = withLitestream();
    const seat = harness.seat();
    const types: (string | undefined)[] = [];
    const { put } = seat.store;
    seat.store.put = (key, body, options) => {
      types.push(options.contentType);
      expect(options.noCache).toBe(true);
      return put(key, body, options);
    };
    const lease = await harness.until(harness.acquire(seat, { owner: "host:1" }));
    await harness.world.run(TTL_MS);
    const held = JSON.parse(new TextDecoder().decode((await harness.store.get(KEY)).body));
    expect(held).toMatchObject({ generation: 1, owner: "host:1" });
    expect(held.expires_at).toMatch(/^2023-11-14T22:1\d:\d\d\.\d{3}Z$/);
    await harness.until(lease.release());
    const released = JSON.parse(new TextDecoder().decode((await harness.store.get(KEY)).body));
    expect(released.expires_at).toBe("1970-01-01T00:00:00.000Z");
    expect(new Set(types)).toEqual(new Set(["application/json"]));
  });
});

describe("with Litestream as the other", () => {
  it("its lease is respected while it renews, and its generation goes on", async () => {
    const { harness, litestream } = withLitestream();
    let theirs = await litestream.acquire();
    const seat = harness.seat({ wallOffsetMs: 86_400_000 });
    for (let round = 0; round < 4; round += 1) {
      await harness.world.run(20_000);
      theirs = await litestream.renew(theirs);
      const error = await harness.failure(harness.acquire(seat));
      expect(LeaseError.is(error, "LEASE_HELD")).toBe(true);
      expect((error as LeaseError).holder?.owner).toBe("litestream:1");
    }
    const ours = await harness.until(harness.acquire(seat, { wait: true }));
    expect(ours.generation).toBe(2n);
    await expect(litestream.renew(theirs)).rejects.toThrow(LitestreamRefusal);
    expect(ours.state.type).toBe("held");
  });

  it("ours is respected while we renew, and taken over when we vanished", async () => {
    const { harness, litestream } = withLitestream();
    const seat = harness.seat({ wallOffsetMs: -86_400_000 });
    const ours = await harness.until(harness.acquire(seat));
    for (let round = 0; round < 4; round += 1) {
      await harness.world.run(20_000);
      await expect(litestream.acquire()).rejects.toThrow(LitestreamRefusal);
    }
    seat.machine.pause("stopped", TTL_MS * 2);
    await harness.world.run(TTL_MS + 1_000);
    const theirs = await litestream.acquire();
    expect(theirs.generation).toBe(2);
    await harness.world.run(TTL_MS);
    const error = await harness.failure(ours.check());
    expect(LeaseError.is(error, "LEASE_LOST")).toBe(true);
    await harness.until(ours.release());
    expect((await harness.record()).owner).toBe("litestream:1");
  });

  it("it may take ours as soon as we gave it back, and we its own when it did", async () => {
    const { harness, litestream } = withLitestream({ owner: "" });
    const seat = harness.seat();
    const ours = await harness.until(harness.acquire(seat, { generationMin: 7n }));
    await harness.until(ours.release());
    const theirs = await litestream.acquire();
    expect(theirs.generation).toBe(8);
    const error = await harness.failure(harness.acquire(seat));
    expect((error as LeaseError).holder?.owner).toBeUndefined();
    await litestream.release(theirs);
    expect(ObjectStoreError.is(await harness.failure(harness.record()))).toBe(true);
    // It deleted the object: only who knows of greater generations can go on from them.
    const again = await harness.until(harness.acquire(seat, { generationMin: 9n }));
    expect(again.generation).toBe(9n);
  });

  it("fields of its record that we do not know end with its generation", async () => {
    const { harness } = withLitestream();
    await harness.put('{"generation":4,"expires_at":"0001-01-01T00:00:00Z","more":1}');
    const lease = await harness.until(harness.acquire(harness.seat()));
    expect(lease.generation).toBe(5n);
    const json = JSON.parse(new TextDecoder().decode((await harness.store.get(KEY)).body));
    expect(Object.keys(json)).toEqual(["generation", "expires_at", "owner", "ttl_ms", "nonce"]);
  });
});
