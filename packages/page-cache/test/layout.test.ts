import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bucketOf,
  bufferMemory,
  byteLengthFor,
  CACHE_BYTES_MAX,
  FRAME_BYTES,
  FRAME_WORD,
  FRAME_WORDS,
  FRAMES_MIN,
  frameCountFor,
  HEADER_WORD,
  layOut,
  MAGIC,
  PageCache,
} from "../src/index.ts";

const pageSizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

describe("layout", () => {
  it("places the parts one after another, pages on a boundary of 4096", () => {
    const layout = layOut(100, 4096);
    expect(layout.bucketsOffset).toBe(128);
    expect(layout.framesOffset).toBe(128 + 128 * 4);
    expect(layout.pagesOffset % 4096).toBe(0);
    expect(layout.pagesOffset).toBeGreaterThanOrEqual(layout.framesOffset + 100 * FRAME_BYTES);
    expect(layout.byteLength).toBe(layout.pagesOffset + 100 * 4096);
  });

  it("writes itself into the header", () => {
    const memory = new SharedArrayBuffer(byteLengthFor(20, 512));
    new PageCache(bufferMemory(memory), { frameCount: 20, pageSize: 512 });
    const view = new DataView(memory);
    const word = (index: number) => view.getUint32(index * 4, true);
    const layout = layOut(20, 512);
    expect(word(HEADER_WORD.magic)).toBe(MAGIC);
    expect(word(HEADER_WORD.layoutVersion)).toBe(2);
    expect(word(HEADER_WORD.pageSize)).toBe(512);
    expect(word(HEADER_WORD.frameCountMax)).toBe(20);
    expect(word(HEADER_WORD.bucketCount)).toBe(32);
    expect(word(HEADER_WORD.bucketsOffset)).toBe(layout.bucketsOffset);
    expect(word(HEADER_WORD.framesOffset)).toBe(layout.framesOffset);
    expect(word(HEADER_WORD.pagesOffset)).toBe(layout.pagesOffset);
  });

  it("keeps every page number in range of the buckets", () => {
    for (const bucketCount of [2, 4, 1024, 2 ** 20]) {
      for (const pgno of [1, 2, 3, 262_145, 2 ** 31, 2 ** 32 - 2]) {
        const bucket = bucketOf(pgno, bucketCount);
        expect(bucket).toBeGreaterThanOrEqual(0);
        expect(bucket).toBeLessThan(bucketCount);
      }
    }
    expect(bucketOf(1, 2 ** 16)).toBe(0x9e37);
  });

  it("finds the largest frame count within a budget", () => {
    for (const pageSize of pageSizes) {
      const budget = 10 * 1024 * 1024;
      const frameCount = frameCountFor(budget, pageSize);
      expect(byteLengthFor(frameCount, pageSize)).toBeLessThanOrEqual(budget);
      expect(byteLengthFor(frameCount + 1, pageSize)).toBeGreaterThan(budget);
    }
  });

  it("gives a few frames even to a budget of nothing", () => {
    expect(frameCountFor(0, 65_536)).toBe(FRAMES_MIN);
  });

  it("never passes 4 GiB", () => {
    const frameCount = frameCountFor(2 ** 40, 512);
    expect(byteLengthFor(frameCount, 512)).toBeLessThanOrEqual(CACHE_BYTES_MAX);
    expect(() => layOut(2 ** 20, 65_536)).toThrow(RangeError);
  });

  it("is what the native reader knows", () => {
    const url = new URL("../../node-binding/native/frame_lookup.h", import.meta.url);
    const header = readFileSync(url, "utf8");
    const enumerators = (prefix: string) =>
      Object.fromEntries(
        [...header.matchAll(new RegExp(`\\b${prefix}_(\\w+) = (\\d+)`, "g"))].map(
          ([, name, value]) => [name, Number(value)],
        ),
      );
    expect(enumerators("HW_HEADER")).toEqual({
      PAGE_SIZE: HEADER_WORD.pageSize,
      BUCKET_COUNT: HEADER_WORD.bucketCount,
      BUCKETS: HEADER_WORD.bucketsOffset,
      FRAMES: HEADER_WORD.framesOffset,
      PAGES: HEADER_WORD.pagesOffset,
    });
    expect(enumerators("HW_FRAME")).toEqual({
      VERSION: FRAME_WORD.version,
      PGNO: FRAME_WORD.pgno,
      FROM_LO: FRAME_WORD.fromSeqLow,
      FROM_HI: FRAME_WORD.fromSeqHigh,
      TO_LO: FRAME_WORD.toSeqLow,
      TO_HI: FRAME_WORD.toSeqHigh,
      NEXT: FRAME_WORD.next,
      VISITED: FRAME_WORD.visited,
      WORDS: FRAME_WORDS,
    });
  });

  it("refuses page sizes that SQLite does not have", () => {
    for (const pageSize of [0, 256, 1000, 131_072, Number.NaN]) {
      expect(() => layOut(16, pageSize)).toThrow(RangeError);
    }
  });
});
