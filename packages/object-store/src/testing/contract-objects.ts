/**
 * Contract, part one: what is put comes back, whole or in part.
 */

import { describe, expect, it } from "vitest";
import type { ByteRange } from "../object-store.ts";
import type { ContractSettings } from "./contract.ts";
import {
  ALWAYS,
  bytes,
  collect,
  expectBytes,
  expectCode,
  inParallel,
  keysOf,
  pattern,
} from "./contract-helpers.ts";

const ODD_KEYS = [
  "with space/and two  spaces",
  "plus+and%percent%20and%2F",
  "encoded%20already%2Bonce",
  "quotes\"and'and`",
  "ampersand&less<greater>",
  "question?hash#equals=semicolon;",
  "unicode/\u00e9\u4e2d\u{1f600}",
  "tilde~bang!star*paren()comma,at@dollar$",
  "..dots/.hidden/...",
  "colon:and|pipe",
  "not composed: e\u0301",
  // Nearly as long as one may be, with what some wrapper puts before it.
  Array.from({ length: 9 }, () => "x".repeat(99)).join("/"),
];

export function objectCases(settings: ContractSettings): void {
  describe("objects", () => {
    bodyCases(settings);
    keyCases(settings);
    metadataCases(settings);
    deleteCases(settings);
  });
  describe("ranges", () => rangeCases(settings));
}

function bodyCases({ open, bigBodySize }: ContractSettings): void {
  it("gives back what was put", async () => {
    await using store = await open();
    const body = pattern(1000);
    const put = await store.put("dir/key", body, ALWAYS);
    expect(put).toMatchObject({ key: "dir/key", size: 1000 });
    const got = await store.get("dir/key");
    expectBytes(got.body, body);
    expect(got.meta).toMatchObject({ key: "dir/key", size: 1000, version: put.version });
    expect(await store.head("dir/key")).toMatchObject({ size: 1000, version: put.version });
  });

  it("keeps an empty object", async () => {
    await using store = await open();
    await store.put("empty", new Uint8Array(0), ALWAYS);
    const { meta, body } = await store.get("empty");
    expect(body.byteLength).toBe(0);
    expect(meta.size).toBe(0);
    expect((await store.head("empty")).size).toBe(0);
  });

  it("replaces the whole object and gives it another version", async () => {
    await using store = await open();
    const first = await store.put("key", pattern(2000, 1), ALWAYS);
    const second = await store.put("key", bytes("short"), ALWAYS);
    expect(second.version).not.toBe(first.version);
    expectBytes((await store.get("key")).body, bytes("short"));
  });

  it("takes a body that is a part of a larger buffer", async () => {
    await using store = await open();
    const buffer = pattern(300);
    await store.put("view", buffer.subarray(100, 200), ALWAYS);
    expectBytes((await store.get("view")).body, buffer.slice(100, 200));
  });

  it("hands out bodies that the caller may change", async () => {
    await using store = await open();
    await store.put("own", bytes("unchanged"), ALWAYS);
    (await store.get("own")).body.fill(0);
    expectBytes((await store.get("own")).body, bytes("unchanged"));
  });

  it(`keeps a body of ${bigBodySize} bytes`, async () => {
    await using store = await open();
    const body = pattern(bigBodySize);
    await store.put("big", body, ALWAYS);
    const { meta, body: got } = await store.get("big");
    expect(meta.size).toBe(bigBodySize);
    expectBytes(got, body);
    const range = { offset: bigBodySize - 70_000, length: 65_536 };
    const part = await store.get("big", { range });
    expectBytes(part.body, body.slice(range.offset, range.offset + range.length));
  });

  it("serves 64 calls at a time", async () => {
    await using store = await open();
    const names = Array.from({ length: 64 }, (_, index) => `parallel/${index}`);
    await inParallel(names, 64, (name) => store.put(name, bytes(name), ALWAYS));
    await inParallel([...names, ...names, ...names], 64, async (name) => {
      expectBytes((await store.get(name)).body, bytes(name));
    });
  });
}

function keyCases({ open }: ContractSettings): void {
  it.each(ODD_KEYS)("keeps a key like %s", async (key) => {
    await using store = await open();
    await store.put(key, bytes(key), ALWAYS);
    const { meta, body } = await store.get(key);
    expect(meta.key).toBe(key);
    expectBytes(body, bytes(key));
    expect((await store.head(key)).key).toBe(key);
    expect(await keysOf(store.list(""))).toEqual([key]);
    expect(await keysOf(store.list(key))).toEqual([key]);
    expect(await keysOf(store.list("", { startAfter: key }))).toEqual([]);
    // Of the key itself, without anything after it, and of nothing but that.
    await store.put(`${key}0`, bytes("0"), ALWAYS);
    expect(await keysOf(store.list(key, { startAfter: key }))).toEqual([`${key}0`]);
    await store.deleteMany([key]);
    await expectCode(store.head(key), "OBJECT_NOT_FOUND");
    expect(await keysOf(store.list(""))).toEqual([`${key}0`]);
  });

  it("throws on keys that no store can hold, before it does anything", async () => {
    await using store = await open();
    for (const key of ["", "a/../b", "..", "./a", "nul\0", "\ud800", "k".repeat(1025), "a\nb"]) {
      await expect(store.get(key)).rejects.toBeInstanceOf(RangeError);
      await expect(store.head(key)).rejects.toBeInstanceOf(RangeError);
      await expect(store.put(key, bytes("x"), ALWAYS)).rejects.toBeInstanceOf(RangeError);
      await expect(store.delete(key)).rejects.toBeInstanceOf(RangeError);
      await expect(store.deleteMany([key])).rejects.toBeInstanceOf(RangeError);
    }
    expect(await keysOf(store.list(""))).toEqual([]);
  });
}

function metadataCases({ open }: ContractSettings): void {
  it("keeps the timestamp of a put to the millisecond", async () => {
    await using store = await open();
    for (const timestampMs of [1_700_000_000_123, 1_600_000_000_000, 1_712_345_678_900]) {
      await store.put("stamped", bytes(`${timestampMs}`), { ...ALWAYS, timestampMs });
      const expected = store.supports.storedTimestamp ? timestampMs : undefined;
      expect((await store.get("stamped")).meta.timestampMs).toBe(expected);
      expect((await store.head("stamped")).timestampMs).toBe(expected);
      const [listed] = await collect(store.list("stamped"));
      const inList = store.supports.listedTimestamp ? expected : undefined;
      expect(listed?.timestampMs).toBe(inList);
    }
    // One that is not given is not that of the object before.
    await store.put("stamped", bytes("anew"), ALWAYS);
    const { timestampMs } = await store.head("stamped");
    expect(timestampMs).not.toBe(1_712_345_678_900);
  });

  it("takes a content type and a wish for no caching", async () => {
    await using store = await open();
    const options = { ...ALWAYS, contentType: "application/json", noCache: true };
    await store.put("typed.json", bytes("{}"), options);
    expectBytes((await store.get("typed.json")).body, bytes("{}"));
  });

  it("tells when an object was put, by one clock with its own date", async () => {
    await using store = await open();
    const put = await store.put("timed", bytes("1"), ALWAYS);
    const head = await store.head("timed");
    const [listed] = await collect(store.list("timed"));
    for (const meta of [put, head, listed]) {
      if (store.supports.serverDate) expect(meta?.serverDateMs).toBeTypeOf("number");
      // Clocks of stores may be cut to the second.
      const ageMs = (head.serverDateMs ?? head.lastModifiedMs) - (meta?.lastModifiedMs ?? 0);
      expect(Math.abs(ageMs)).toBeLessThan(60_000);
    }
  });

  it("has no object that was not put", async () => {
    await using store = await open();
    await store.put("key/child", bytes("1"), ALWAYS);
    for (const key of ["missing", "key", "key/chil", "key/child2"]) {
      await expectCode(store.get(key), "OBJECT_NOT_FOUND");
      const range = store.supports.suffixRange ? { suffix: 10 } : { offset: 10 };
      await expectCode(store.get(key, { range }), "OBJECT_NOT_FOUND");
      await expectCode(store.head(key), "OBJECT_NOT_FOUND");
    }
  });
}

function deleteCases({ open }: ContractSettings): void {
  it("deletes, and does not mind when there is nothing to delete", async () => {
    await using store = await open();
    await store.put("gone", bytes("1"), ALWAYS);
    await store.put("gone2", bytes("2"), ALWAYS);
    await store.delete("gone");
    await expectCode(store.get("gone"), "OBJECT_NOT_FOUND");
    expect(await keysOf(store.list(""))).toEqual(["gone2"]);
    await store.delete("gone");
    await store.delete("never/was");
  });

  it("deletes many, there or not, and nothing else", async () => {
    await using store = await open();
    for (const key of ["a", "b", "c"]) await store.put(key, bytes(key), ALWAYS);
    await store.deleteMany(["a", "missing", "c"]);
    await store.deleteMany([]);
    expect(await keysOf(store.list(""))).toEqual(["b"]);
  });
}

function rangeCases({ open }: ContractSettings): void {
  const body = pattern(1000);
  const parts: readonly (readonly [string, ByteRange, number, number])[] = [
    ["the first byte", { offset: 0, length: 1 }, 0, 1],
    ["a middle part", { offset: 100, length: 200 }, 100, 300],
    ["the last byte", { offset: 999, length: 1 }, 999, 1000],
    ["the whole", { offset: 0, length: 1000 }, 0, 1000],
    ["a part that ends beyond the end", { offset: 900, length: 500 }, 900, 1000],
    ["from an offset to the end", { offset: 400 }, 400, 1000],
    ["from zero to the end", { offset: 0 }, 0, 1000],
  ];

  it.each(parts)("reads %s", async (_name, range, start, end) => {
    await using store = await open();
    await store.put("ranged", body, ALWAYS);
    const got = await store.get("ranged", { range });
    expectBytes(got.body, body.slice(start, end));
    expect(got.meta.size).toBe(1000);
    expect(got.meta.version).toBe((await store.head("ranged")).version);
  });

  it("reads a suffix and tells the size, or refuses suffixes", async () => {
    await using store = await open();
    await store.put("ranged", body, ALWAYS);
    if (!store.supports.suffixRange) {
      await expectCode(store.get("ranged", { range: { suffix: 10 } }), "UNSUPPORTED");
      return;
    }
    for (const suffix of [1, 10, 999, 1000, 1001, 5000]) {
      const got = await store.get("ranged", { range: { suffix } });
      expectBytes(got.body, body.slice(Math.max(0, 1000 - suffix)));
      expect(got.meta.size).toBe(1000);
    }
  });

  it("refuses ranges that hold no byte of the object", async () => {
    await using store = await open();
    await store.put("ranged", body, ALWAYS);
    await store.put("empty", new Uint8Array(0), ALWAYS);
    for (const range of [{ offset: 1000, length: 1 }, { offset: 5000 }, { offset: 1000 }]) {
      await expectCode(store.get("ranged", { range }), "RANGE_UNSATISFIABLE");
    }
    const ofEmpty: ByteRange[] = [{ offset: 0 }, { offset: 0, length: 1 }];
    if (store.supports.suffixRange) ofEmpty.push({ suffix: 1 });
    for (const range of ofEmpty) {
      await expectCode(store.get("empty", { range }), "RANGE_UNSATISFIABLE");
    }
  });

  it("throws on ranges that mean nothing", async () => {
    await using store = await open();
    await store.put("ranged", body, ALWAYS);
    const ranges = [
      { offset: -1, length: 1 },
      { offset: 0, length: 0 },
      { offset: 0.5, length: 1 },
      { offset: Number.NaN },
      { suffix: 0 },
      { suffix: -5 },
    ];
    for (const range of ranges) {
      await expect(store.get("ranged", { range })).rejects.toBeInstanceOf(RangeError);
    }
  });
}
