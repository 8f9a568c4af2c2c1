import { describe, expect, it } from "vitest";
import { bufferMemory, byteLengthFor, type CacheMemory, PageCache } from "../src/index.ts";

const pageSize = 512;
const frameCountMax = 4096;

/** A cache that can grow, over a memory that tells how much of it is in use. */
function open(frameCount: number) {
  const maxByteLength = byteLengthFor(frameCountMax, pageSize);
  const buffer = new ArrayBuffer(0, { maxByteLength });
  const cache = new PageCache(bufferMemory(buffer), { frameCount, pageSize });
  return { cache, buffer };
}

function page(pgno: number): Uint8Array {
  return new Uint8Array(new Uint32Array(pageSize / 4).fill(pgno).buffer);
}

function fill(cache: PageCache, first: number, last: number): void {
  for (let pgno = first; pgno <= last; pgno += 1) cache.insert(pgno, 0, undefined, page(pgno));
}

function present(cache: PageCache, last: number): number[] {
  const pgnos: number[] = [];
  for (let pgno = 1; pgno <= last; pgno += 1) {
    const found = cache.peek(pgno, 0);
    if (found === undefined) continue;
    expect(found).toEqual(page(pgno));
    pgnos.push(pgno);
  }
  return pgnos;
}

function settle(cache: PageCache, step = 7): void {
  while (!cache.settle(step));
}

describe("PageCache.resize", () => {
  it("keeps every page when it grows, and has room for more", () => {
    const { cache } = open(16);
    fill(cache, 1, 16);
    cache.resize(frameCountMax);
    expect(cache.settle(1)).toBe(true);
    fill(cache, 17, frameCountMax);
    expect(present(cache, frameCountMax)).toHaveLength(frameCountMax);
    expect(cache.stats).toMatchObject({ evictCount: 0, usedCount: frameCountMax });
  });

  it("keeps as many pages as it may when it shrinks, those that were used before others", () => {
    const { cache } = open(1000);
    fill(cache, 1, 1000);
    const used = [];
    for (let pgno = 3; pgno <= 1000; pgno += 17) {
      cache.get(pgno, 0);
      used.push(pgno);
    }
    cache.resize(100);
    settle(cache);
    const left = present(cache, 1000);
    expect(left).toHaveLength(100);
    expect(used.filter((pgno) => !left.includes(pgno))).toEqual([]);
    expect(cache.stats.evictCount).toBe(900);
  });

  it("gives memory back, and takes it again", () => {
    const { cache, buffer } = open(1000);
    const bytes = buffer.byteLength;
    fill(cache, 1, 1000);
    cache.resize(10);
    settle(cache);
    expect(buffer.byteLength).toBe(bytes - 990 * pageSize);
    cache.resize(1000);
    expect(buffer.byteLength).toBe(bytes);
    fill(cache, 1, 1000);
    expect(present(cache, 1000)).toHaveLength(1000);
  });

  it("takes pages, and no more than it may, while it shrinks bit by bit", () => {
    const { cache } = open(200);
    fill(cache, 1, 200);
    cache.resize(20);
    let pgno = 200;
    do {
      pgno += 1;
      cache.insert(pgno, 0, undefined, page(pgno));
      expect(cache.peek(pgno, 0)).toEqual(page(pgno));
    } while (!cache.settle(3));
    expect(present(cache, pgno).length).toBe(20);
  });

  it("can grow again before it has shrunk", () => {
    const { cache } = open(200);
    fill(cache, 1, 200);
    cache.resize(20);
    cache.settle(50);
    cache.resize(180);
    settle(cache);
    const kept = present(cache, 200).length;
    fill(cache, 201, 380 - kept);
    expect(present(cache, 400)).toHaveLength(180);
    expect(cache.stats.usedCount).toBe(180);
  });

  it("keeps what was pinned, as far as the share goes", () => {
    const { cache } = open(400);
    fill(cache, 1, 400);
    for (let pgno = 301; pgno <= 400; pgno += 1) expect(cache.pin(pgno)).toBe(true);
    expect(cache.stats.pinnedCount).toBe(100);
    cache.resize(40);
    settle(cache);
    expect(cache.stats).toMatchObject({ pinnedCount: 10, pinnedCountMax: 10, usedCount: 40 });
  });

  it("leaves old versions to those who need them", () => {
    const { cache } = open(100);
    for (let pgno = 1; pgno <= 20; pgno += 1) {
      cache.insert(pgno, 0, undefined, page(pgno));
      cache.close(pgno, 5);
      cache.insert(pgno, 5, undefined, page(1000 + pgno));
    }
    cache.resize(50);
    settle(cache);
    for (let pgno = 1; pgno <= 20; pgno += 1) {
      expect(cache.peek(pgno, 4)).toEqual(page(pgno));
      expect(cache.peek(pgno, 5)).toEqual(page(1000 + pgno));
    }
    cache.reclaim(5);
    expect(cache.stats).toMatchObject({ usedCount: 20, closedCount: 0 });
  });

  it("asks the memory only for what it needs", () => {
    const sizes: number[] = [];
    const maxByteLength = byteLengthFor(64, pageSize);
    const inner = bufferMemory(new ArrayBuffer(0, { maxByteLength }));
    const memory: CacheMemory = {
      ...inner,
      resize(byteLength) {
        sizes.push(byteLength);
        inner.resize(byteLength);
      },
    };
    const cache = new PageCache(memory, { frameCount: 64, pageSize });
    cache.resize(32);
    expect(sizes).toHaveLength(1);
    settle(cache, 1000);
    cache.resize(48);
    const [all = 0] = sizes;
    expect(sizes).toEqual([all, all - 32 * pageSize, all - 16 * pageSize]);
  });

  it("refuses what the memory cannot hold", () => {
    const { cache } = open(16);
    for (const frameCount of [0, -1, 1.5, Number.NaN, frameCountMax + 1]) {
      expect(() => cache.resize(frameCount)).toThrow(RangeError);
    }
    expect(cache.stats.frameCountMax).toBe(frameCountMax);
  });
});
