import { describe, expect, it } from "vitest";
import { bufferMemory, byteLengthFor, PageCache } from "../src/index.ts";

const pageSize = 512;

function open(frameCount: number): PageCache {
  const memory = bufferMemory(new ArrayBuffer(byteLengthFor(frameCount, pageSize)));
  return new PageCache(memory, { frameCount, pageSize });
}

function page(fill: number): Uint8Array {
  return new Uint8Array(pageSize).fill(fill);
}

/** More pages than fit, none of them used twice. */
function scan(cache: PageCache, first: number, count: number): void {
  for (let pgno = first; pgno < first + count; pgno += 1) {
    cache.insert(pgno, 0, undefined, page(pgno));
  }
}

describe("PageCache.pin", () => {
  it("keeps a page that nobody uses through scans of any length", () => {
    const cache = open(16);
    cache.insert(1, 0, undefined, page(1));
    expect(cache.pin(1)).toBe(true);
    scan(cache, 100, 1000);
    expect(cache.peek(1, 0)).toEqual(page(1));
    expect(cache.stats).toMatchObject({ pinnedCount: 1, usedCount: 16 });
  });

  it("says when the page is not here, or only an old version is", () => {
    const cache = open(16);
    expect(cache.pin(1)).toBe(false);
    cache.insert(1, 0, 5, page(1));
    expect(cache.pin(1)).toBe(false);
  });

  it("pins a page once", () => {
    const cache = open(16);
    cache.insert(1, 0, undefined, page(1));
    expect([cache.pin(1), cache.pin(1)]).toEqual([true, true]);
    expect(cache.stats.pinnedCount).toBe(1);
  });

  it("pins no more than a share, and of many those that are used", () => {
    const cache = open(16);
    for (let pgno = 1; pgno <= 4; pgno += 1) {
      cache.insert(pgno, 0, undefined, page(pgno));
      cache.pin(pgno);
    }
    for (const pgno of [1, 2, 4]) cache.get(pgno, 0);
    cache.insert(5, 0, undefined, page(5));
    expect(cache.pin(5)).toBe(true);
    expect(cache.stats).toMatchObject({ pinnedCount: 4, pinnedCountMax: 4 });
    scan(cache, 100, 1000);
    const left = [1, 2, 3, 4, 5].filter((pgno) => cache.peek(pgno, 0) !== undefined);
    expect(left).toEqual([1, 2, 4, 5]);
  });

  it("pins nothing in a cache of three frames", () => {
    const cache = open(3);
    cache.insert(1, 0, undefined, page(1));
    expect(cache.pin(1)).toBe(false);
  });

  it("lets go of a version that another has followed", () => {
    const cache = open(16);
    cache.insert(1, 0, undefined, page(1));
    cache.pin(1);
    cache.close(1, 7);
    expect(cache.stats.pinnedCount).toBe(0);
    expect(cache.peek(1, 6)).toEqual(page(1));
    scan(cache, 100, 1000);
    expect(cache.peek(1, 6)).toBeUndefined();
  });

  it("forgets a pinned version that ends where it starts, or that a shrink takes", () => {
    const cache = open(16);
    cache.insert(1, 3, undefined, page(1));
    cache.insert(2, 3, undefined, page(2));
    cache.pin(1);
    cache.pin(2);
    cache.close(1, 3);
    cache.closeAbove(1, 3);
    expect(cache.stats).toMatchObject({ pinnedCount: 0, usedCount: 0 });
    scan(cache, 100, 100);
    expect(cache.stats.usedCount).toBe(16);
  });
});
