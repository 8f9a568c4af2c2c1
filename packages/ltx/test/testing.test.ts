import { describe, expect, it } from "vitest";
import { encodeLtx } from "../src/index.ts";
import {
  decodeFileSpec,
  encodeFileSpec,
  fileSpec,
  randomChain,
  randomFile,
  SeededRandom,
} from "../src/testing/index.ts";

describe("SeededRandom", () => {
  it("gives the same numbers for the same seed", () => {
    const numbers = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 5 }, () => random.u32());
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });

  it("keeps to its bounds and reaches them", () => {
    const random = new SeededRandom(3);
    const seen = new Set(Array.from({ length: 1000 }, () => random.between(2, 5)));
    expect([...seen].sort()).toEqual([2, 3, 4, 5]);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
    expect(random.bytes(10).length).toBe(10);
  });
});

describe("FileSpec", () => {
  it("is a snapshot of the pages given, unless told otherwise", () => {
    const spec = fileSpec({ pages: { 2: 2, 1: 1 } });
    expect(spec.header).toMatchObject({ pageSize: 512, commit: 2, minTxid: 1n, maxTxid: 1n });
    expect(spec.pages.map(({ pgno, page }) => [pgno, page[511]])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(decodeFileSpec(encodeFileSpec(spec)).pages).toEqual(spec.pages);
  });

  it("is the same file for the same seed", () => {
    expect(encodeLtx(randomFile(1))).toEqual(encodeLtx(randomFile(1)));
    expect(randomChain(4).databases).toEqual(randomChain(4).databases);
  });
});
