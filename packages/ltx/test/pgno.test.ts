import { describe, expect, it } from "vitest";
import {
  isPageSize,
  lockPgno,
  PAGE_SIZES,
  pageOffset,
  pgnoAt,
  storedPageCount,
  toPageCount,
  toPageSize,
  toPgno,
} from "../src/index.ts";

describe("PageSize", () => {
  it("is a power of two from 512 to 65536", () => {
    expect(PAGE_SIZES.every((size) => isPageSize(size))).toBe(true);
    for (const size of [0, 1, 256, 513, 4095, 131_072, -512, 512.5, Number.NaN, 2 ** 32 + 512]) {
      expect(isPageSize(size)).toBe(false);
      expect(() => toPageSize(size)).toThrow(RangeError);
    }
  });
});

describe("Pgno and PageCount", () => {
  it("are unsigned 32-bit numbers, page numbers from 1", () => {
    expect(toPgno(1)).toBe(1);
    expect(toPgno(2 ** 32 - 1)).toBe(2 ** 32 - 1);
    expect(toPageCount(0)).toBe(0);
    for (const value of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      expect(() => toPgno(value)).toThrow(RangeError);
    }
    for (const value of [-1, 1.5, 2 ** 32]) expect(() => toPageCount(value)).toThrow(RangeError);
  });

  it("turn into offsets and back", () => {
    const pageSize = toPageSize(4096);
    expect(pageOffset(toPgno(1), pageSize)).toBe(0);
    expect(pageOffset(toPgno(2 ** 32 - 1), toPageSize(65536))).toBe((2 ** 32 - 2) * 65536);
    expect(pgnoAt(4095, pageSize)).toBe(1);
    expect(pgnoAt(4096, pageSize)).toBe(2);
  });
});

describe("lock page", () => {
  it("holds the byte at 2^30", () => {
    expect(lockPgno(toPageSize(4096))).toBe(262_145);
    for (const pageSize of PAGE_SIZES) {
      expect(lockPgno(pageSize)).toBe(pgnoAt(2 ** 30, pageSize));
    }
  });

  it("is not counted among stored pages", () => {
    const pageSize = toPageSize(65536);
    const lock = lockPgno(pageSize);
    expect(storedPageCount(toPageCount(lock - 1), pageSize)).toBe(lock - 1);
    expect(storedPageCount(toPageCount(lock), pageSize)).toBe(lock - 1);
    expect(storedPageCount(toPageCount(lock + 1), pageSize)).toBe(lock);
  });
});
