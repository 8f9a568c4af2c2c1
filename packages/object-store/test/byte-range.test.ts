import { describe, expect, it } from "vitest";
import { formatRange, parseContentRangeSize, resolveRange } from "../src/byte-range.ts";

describe("byte ranges", () => {
  it("are written as HTTP does, with the last byte included", () => {
    expect(formatRange({ offset: 0, length: 1 })).toBe("bytes=0-0");
    expect(formatRange({ offset: 10, length: 5 })).toBe("bytes=10-14");
    expect(formatRange({ offset: 10 })).toBe("bytes=10-");
    expect(formatRange({ suffix: 24 })).toBe("bytes=-24");
  });

  it("are cut at the end of the object", () => {
    expect(resolveRange(undefined, 0)).toEqual({ offset: 0, length: 0 });
    expect(resolveRange({ offset: 5, length: 10 }, 8)).toEqual({ offset: 5, length: 3 });
    expect(resolveRange({ offset: 8, length: 1 }, 8)).toBeUndefined();
    expect(resolveRange({ offset: 0 }, 0)).toBeUndefined();
    expect(resolveRange({ suffix: 10 }, 8)).toEqual({ offset: 0, length: 8 });
    expect(resolveRange({ suffix: 1 }, 0)).toBeUndefined();
  });

  it("tell the size of the object in Content-Range, if it is known", () => {
    expect(parseContentRangeSize("bytes 0-9/1234")).toBe(1234);
    expect(parseContentRangeSize("bytes */1234")).toBe(1234);
    expect(parseContentRangeSize("bytes 0--1/0")).toBe(0);
    for (const header of ["", "bytes 0-9/*", "items 0-9/10", "bytes 0-9/99999999999999999999"]) {
      expect(parseContentRangeSize(header)).toBeUndefined();
    }
  });
});
