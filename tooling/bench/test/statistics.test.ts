import { describe, expect, it } from "vitest";
import { mean, median, percentile, summarize } from "../src/statistics.ts";

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

describe("mean and percentile", () => {
  it("take samples in any order", () => {
    expect(mean([3, 1, 2])).toBe(2);
    expect(percentile([9, 1, 5, 3], 0.5)).toBe(3);
    expect(percentile([9, 1, 5, 3], 0.99)).toBe(9);
    expect(percentile([9, 1, 5, 3], 0)).toBe(1);
  });

  it("refuse an empty list", () => {
    expect(() => mean([])).toThrow(RangeError);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});
