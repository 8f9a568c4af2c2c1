import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord, type LeaseRecord } from "../src/index.ts";
import { recordTtlMs } from "../src/lease-record.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

const RECORD: LeaseRecord = {
  generation: 7n,
  expiresAtMs: Date.UTC(2026, 0, 15, 10, 30, 0, 250),
  owner: "host:42",
  ttlMs: 30_000,
  nonce: "00ff",
  released: false,
};

describe("a lease record", () => {
  it("has Litestream's fields under Litestream's names", () => {
    expect(JSON.parse(text(encodeRecord(RECORD)))).toEqual({
      generation: 7,
      expires_at: "2026-01-15T10:30:00.250Z",
      owner: "host:42",
      ttl_ms: 30_000,
      nonce: "00ff",
    });
  });

  it("reads back what was written", () => {
    expect(decodeRecord(encodeRecord(RECORD))).toEqual(RECORD);
    const released = { ...RECORD, released: true, expiresAtMs: 0 };
    expect(decodeRecord(encodeRecord(released))).toEqual(released);
  });

  it("reads one of Litestream's, with nanoseconds and a local zone", () => {
    const json =
      '{"generation":3,"expires_at":"2026-01-15T12:30:00.123456789+02:00","owner":"a:1"}';
    expect(decodeRecord(bytes(json))).toEqual({
      generation: 3n,
      expiresAtMs: Date.UTC(2026, 0, 15, 10, 30, 0, 123),
      owner: "a:1",
      ttlMs: undefined,
      nonce: undefined,
      released: false,
    });
  });

  it.each([
    ["no JSON", "lock"],
    ["no object", "3"],
    ["null", "null"],
    ["no generation", '{"expires_at":"2026-01-15T10:30:00Z"}'],
    ["a generation below zero", '{"generation":-1,"expires_at":"2026-01-15T10:30:00Z"}'],
    ["a generation past what a number holds", '{"generation":1e300,"expires_at":"2026-01-01"}'],
    ["no date", '{"generation":1,"expires_at":"soon"}'],
    ["too many bytes", `{"generation":1,"owner":"${"x".repeat(20_000)}"}`],
    ["bytes that are no text", "\u0000"],
  ])("is refused with %s", (_name, json) => {
    expect(decodeRecord(bytes(json))).toBeTypeOf("string");
  });

  it("is refused when it is not UTF-8", () => {
    expect(decodeRecord(Uint8Array.of(0x22, 0xff, 0x22))).toBeTypeOf("string");
  });

  it("ignores fields of ours that make no sense", () => {
    for (const ttl of ["-5", "0.001", "1e300", '"30000"', "null"]) {
      const json = `{"generation":1,"expires_at":"2026-01-15T10:30:00Z","ttl_ms":${ttl},"nonce":7}`;
      expect(decodeRecord(bytes(json))).toMatchObject({ ttlMs: undefined, nonce: undefined });
    }
  });

  it("holds for its TTL, or as long as Litestream's would, within limits", () => {
    const putMs = RECORD.expiresAtMs - 30_000;
    expect(recordTtlMs({ ...RECORD, ttlMs: 5_000 }, putMs)).toBe(5_000);
    const foreign = { ...RECORD, ttlMs: undefined };
    expect(recordTtlMs(foreign, putMs)).toBe(30_000);
    expect(recordTtlMs(foreign, putMs - 60_000)).toBe(90_000);
    expect(recordTtlMs(foreign, putMs + 86_400_000)).toBe(30_000);
    expect(recordTtlMs(foreign, putMs - 86_400_000)).toBe(600_000);
  });
});
