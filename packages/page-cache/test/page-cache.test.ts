import { describe, expect, it } from "vitest";
import { bufferMemory, byteLengthFor, PageCache } from "../src/index.ts";

const pageSize = 512;

function open(frameCount: number): PageCache {
  const memory = new SharedArrayBuffer(byteLengthFor(frameCount, pageSize));
  return new PageCache(bufferMemory(memory), { frameCount, pageSize });
}

function page(fill: number): Uint8Array {
  return new Uint8Array(pageSize).fill(fill);
}

describe("PageCache", () => {
  it("gives a page to the pins of its range only", () => {
    const cache = open(8);
    cache.insert(7, 3, 5, page(1));
    expect(cache.get(7, 2)).toBeUndefined();
    expect(cache.get(7, 3)).toEqual(page(1));
    expect(cache.get(7, 4)).toEqual(page(1));
    expect(cache.get(7, 5)).toBeUndefined();
    expect(cache.get(8, 3)).toBeUndefined();
  });

  it("holds an old and a new version beside each other", () => {
    const cache = open(8);
    cache.insert(7, 0, undefined, page(1));
    expect(cache.close(7, 10)).toBe(true);
    cache.insert(7, 10, undefined, page(2));
    expect(cache.get(7, 9)).toEqual(page(1));
    expect(cache.get(7, 10)).toEqual(page(2));
    cache.reclaim(9);
    expect(cache.get(7, 9)).toEqual(page(1));
    cache.reclaim(10);
    expect(cache.get(7, 9)).toBeUndefined();
    expect(cache.get(7, 10)).toEqual(page(2));
  });

  it("forgets a version that ends where it starts", () => {
    const cache = open(8);
    cache.insert(7, 10, undefined, page(1));
    cache.close(7, 10);
    expect(cache.stats.usedCount).toBe(0);
    expect(cache.close(7, 11)).toBe(false);
  });

  it("closes the pages above a page count", () => {
    const cache = open(8);
    for (const pgno of [1, 2, 3, 4]) cache.insert(pgno, 0, undefined, page(pgno));
    cache.closeAbove(2, 6);
    expect(cache.get(2, 6)).toEqual(page(2));
    expect(cache.get(3, 6)).toBeUndefined();
    expect(cache.get(3, 5)).toEqual(page(3));
  });

  it("keeps one frame for a version that is offered twice", () => {
    const cache = open(8);
    cache.insert(7, 5, undefined, page(1));
    cache.insert(7, 3, undefined, page(1));
    cache.insert(7, 4, 9, page(1));
    expect(cache.stats.usedCount).toBe(1);
    expect(cache.get(7, 3)).toEqual(page(1));
    expect(cache.get(7, 100)).toEqual(page(1));
  });

  it("counts seqs past 32 bits", () => {
    const cache = open(8);
    const from = 2 ** 40 + 17;
    cache.insert(1, from, from + 2, page(1));
    expect(cache.get(1, from - 1)).toBeUndefined();
    expect(cache.get(1, from)).toEqual(page(1));
    expect(cache.get(1, from + 1)).toEqual(page(1));
    expect(cache.get(1, from + 2)).toBeUndefined();
  });

  it("evicts the page that nobody used", () => {
    const cache = open(3);
    for (const pgno of [1, 2, 3]) cache.insert(pgno, 0, undefined, page(pgno));
    cache.get(1, 0);
    cache.peek(2, 0);
    cache.insert(4, 0, undefined, page(4));
    expect(cache.peek(1, 0)).toEqual(page(1));
    expect(cache.peek(2, 0)).toBeUndefined();
    expect(cache.stats).toMatchObject({ usedCount: 3, evictCount: 1, insertCount: 4 });
  });

  it("tells whether a version of a page is here, which is no use of it", () => {
    const cache = open(3);
    cache.insert(1, 4, 9, page(1));
    expect([3, 4, 8, 9].map((seq) => cache.has(1, seq))).toEqual([false, true, true, false]);
    expect(cache.has(2, 4)).toBe(false);
    expect(cache.wasUsed(1, 4)).toBe(false);
    expect(cache.stats).toMatchObject({ hitCount: 0, missCount: 0 });
  });

  it("tells whether a page was used", () => {
    const cache = open(3);
    cache.insert(1, 0, undefined, page(1));
    expect(cache.wasUsed(1, 0)).toBe(false);
    cache.peek(1, 0);
    expect(cache.wasUsed(1, 0)).toBe(false);
    cache.get(1, 0);
    expect(cache.wasUsed(1, 0)).toBe(true);
    expect(cache.wasUsed(2, 0)).toBe(false);
    cache.forgetUse(1, 0);
    expect(cache.wasUsed(1, 0)).toBe(false);
  });

  it("refuses a page of another size and a memory that is too small", () => {
    expect(() => open(8).insert(1, 0, undefined, new Uint8Array(511))).toThrow(RangeError);
    const memory = new ArrayBuffer(4096);
    const make = () => new PageCache(bufferMemory(memory), { frameCount: 8, pageSize });
    expect(make).toThrow(RangeError);
  });

  it("gives what is expected the time of what comes ahead of its use", () => {
    const cache = open(16);
    for (let pgno = 1; pgno <= 16; pgno += 1) cache.insert(pgno, 0, undefined, page(pgno));
    expect(cache.roomCount).toBe(0);
    expect(cache.expect(1, 0)).toBe(true);
    expect(cache.expect(99, 0)).toBe(false);
    // The quarter of the frames that came last.
    for (let pgno = 17; pgno <= 19; pgno += 1) cache.insert(pgno, 0, undefined, page(pgno));
    expect(cache.peek(1, 0)).toEqual(page(1));
    expect(cache.peek(2, 0)).toBeUndefined();
    for (let pgno = 20; pgno <= 36; pgno += 1) cache.insert(pgno, 0, undefined, page(pgno));
    expect(cache.peek(1, 0)).toBeUndefined();
  });

  it("leaves a pinned page that is expected where it is", () => {
    const cache = open(16);
    cache.insert(1, 0, undefined, page(1));
    cache.pin(1);
    expect(cache.expect(1, 0)).toBe(true);
    for (let pgno = 2; pgno <= 60; pgno += 1) cache.insert(pgno, 0, undefined, page(pgno));
    expect(cache.peek(1, 0)).toEqual(page(1));
    expect(cache.stats).toMatchObject({ pinnedCount: 1, usedCount: 16 });
  });
});
