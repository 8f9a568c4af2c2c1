import { describe, expect, it } from "vitest";
import {
  decodePageIndex,
  encodeLtxWithIndex,
  encodePageIndex,
  PageIndex,
  type PageIndexEntry,
  readIndexFromTail,
  toPgno,
} from "../src/index.ts";
import { fileSpec, randomFile } from "../src/testing/index.ts";
import { expectCode, pgno } from "./support.ts";

function entries(count: number, step = 1): PageIndexEntry[] {
  return Array.from({ length: count }, (_, at) => ({
    pgno: toPgno(1 + at * step),
    offset: 100 + at * 50,
    size: 50,
  }));
}

const at = 1_000_000;

describe("PageIndex", () => {
  it("comes back as it went in", () => {
    for (const list of [[], entries(1), entries(1000), entries(300, 7)]) {
      const index = decodePageIndex(encodePageIndex(list), { at });
      expect([...index]).toEqual(list);
      expect(index.count).toBe(list.length);
      expect(encodePageIndex(index)).toEqual(encodePageIndex(list));
    }
  });

  it("finds pages, with and without gaps", () => {
    for (const step of [1, 7]) {
      const index = decodePageIndex(encodePageIndex(entries(100, step)), { at });
      for (let number = 1; number <= 100 * step; number += 1) {
        const place = (number - 1) % step === 0 ? (number - 1) / step : -1;
        expect(index.indexOf(pgno(number))).toBe(place);
        expect(index.find(pgno(number))?.offset).toBe(place < 0 ? undefined : 100 + place * 50);
      }
      expect(index.find(pgno(2 ** 32 - 1))).toBeUndefined();
      expect(() => index.at(100)).toThrow(RangeError);
    }
  });

  it("is three arrays of one length", () => {
    const make = () => new PageIndex(new Uint32Array(1), new Float64Array(1), new Uint32Array(2));
    expect(make).toThrow(RangeError);
  });

  it("keeps offsets beyond 32 bits", () => {
    const list = [{ pgno: pgno(1), offset: 2 ** 40 + 3, size: 4000 }];
    const index = decodePageIndex(encodePageIndex(list), { at: 2 ** 41 });
    expect([...index]).toEqual(list);
  });

  describe("refuses", () => {
    const raw = (...numbers: readonly number[]) => {
      const bytes: number[] = [];
      for (let value of numbers) {
        for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
        bytes.push(value);
      }
      return Uint8Array.from(bytes);
    };
    const cases: Readonly<Record<string, Uint8Array>> = {
      "no bytes": raw(),
      "no zero at the end": raw(1, 100, 50),
      "an end inside an entry": raw(1, 100, 0),
      "an end inside a number": Uint8Array.of(1, 100, 50, 0x80, 0),
      "bytes after the end": raw(1, 100, 50, 0, 0),
      "page zero": raw(0, 100, 50, 0),
      "a page number beyond 32 bits": raw(2 ** 32, 100, 50, 0),
      "a page twice": raw(1, 100, 50, 1, 150, 50, 0),
      "pages that descend": raw(2, 100, 50, 1, 150, 50, 0),
      "ranges that overlap": raw(1, 100, 50, 2, 149, 50, 0),
      "a range inside the header": raw(1, 99, 50, 0),
      "a range past the pages": raw(1, 999_950, 50, 0),
      "a range far outside": raw(1, 2 ** 52, 50, 0),
      "an empty range": raw(1, 100, 0, 0),
      "a range larger than any page": raw(1, 100, 100_000, 0),
      "a number longer than it need be": Uint8Array.of(0x81, 0, 100, 50, 0),
    };
    for (const [name, bytes] of Object.entries(cases)) {
      it(name, () => {
        expectCode(() => decodePageIndex(bytes, { at }), "INDEX_INVALID");
      });
    }

    it("a range larger than a page of the given size", () => {
      const bytes = encodePageIndex([{ pgno: pgno(1), offset: 100, size: 5000 }]);
      expect(decodePageIndex(bytes, { at }).count).toBe(1);
      expectCode(() => decodePageIndex(bytes, { at, pageSize: 512 }), "INDEX_INVALID");
    });

    it("entries out of order when it encodes", () => {
      expect(() => encodePageIndex(entries(3).reverse())).toThrow(RangeError);
    });
  });
});

describe("readIndexFromTail", () => {
  const { bytes, index, trailer } = encodeLtxWithIndex(randomFile(5, { pageCountMin: 40 }));

  it("gives index and trailer, or asks for exactly what is missing", () => {
    for (let size = 0; size <= bytes.length; size += size < 600 ? 1 : 997) {
      let tail = bytes.subarray(bytes.length - size);
      let found = readIndexFromTail(tail, bytes.length);
      for (let round = 0; found.needed !== undefined; round += 1) {
        expect(round).toBeLessThan(2);
        const { offset, length } = found.needed;
        expect(offset + length).toBe(bytes.length - tail.length);
        tail = bytes.subarray(offset);
        found = readIndexFromTail(tail, bytes.length);
      }
      expect(found.index).toEqual(index);
      expect(found.trailer).toEqual(trailer);
    }
  });

  it("asks for no more than the index", () => {
    const found = readIndexFromTail(bytes.subarray(-24), bytes.length);
    expect(found.needed?.offset).toBe((index.offsets.at(-1) ?? 0) + (index.sizes.at(-1) ?? 0) + 6);
  });

  it("reads the index of a file without pages", () => {
    const empty = encodeLtxWithIndex(fileSpec());
    expect(empty.bytes.length).toBe(131);
    expect(readIndexFromTail(empty.bytes.subarray(-25), 131).index?.count).toBe(0);
  });

  it("refuses sizes that cannot be", () => {
    expect(() => readIndexFromTail(bytes, bytes.length - 1)).toThrow(RangeError);
    expect(() => readIndexFromTail(bytes, Number.NaN)).toThrow(RangeError);
    expectCode(() => readIndexFromTail(new Uint8Array(24), 130), "TRUNCATED");
    const tail = bytes.slice(-24);
    const sizeTo = (value: bigint) => {
      new DataView(tail.buffer).setBigUint64(0, value);
      return () => readIndexFromTail(tail, bytes.length);
    };
    expectCode(sizeTo(0n), "INDEX_INVALID");
    expectCode(sizeTo(BigInt(bytes.length - 24 - 105)), "INDEX_INVALID");
    expectCode(sizeTo(2n ** 64n - 1n), "LIMIT_EXCEEDED");
    expectCode(sizeTo(2n ** 31n), "LIMIT_EXCEEDED");
    const bounded = () => readIndexFromTail(tail, 2 ** 40);
    expectCode(bounded, "LIMIT_EXCEEDED");
  });
});
