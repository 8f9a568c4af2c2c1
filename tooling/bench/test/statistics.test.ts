import { describe, expect, it } from "vitest";
import { median, summarize } from "../src/statistics.ts";

describe("median", () => {
  it("is the middle sample, or the mean of the middle two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it("refuses an empty list", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("summarize", () => {
  it("gives the sample that 95 of 100 do not exceed", () => {
    const samples = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(summarize(samples)).toEqual({
      count: 100,
      median: 50.5,
      mean: 50.5,
      min: 1,
      max: 100,
      p95: 95,
    });
    expect(summarize([7]).p95).toBe(7);
  });
});
