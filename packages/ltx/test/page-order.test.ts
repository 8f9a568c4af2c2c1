import { describe, expect, it } from "vitest";
import { lockPgno, makeHeader, PAGE_SIZES } from "../src/index.ts";
import { PageOrder } from "../src/page-order.ts";
import { fileSpec } from "../src/testing/index.ts";
import { pgno } from "./support.ts";

function order(
  minTxid: number,
  commit: number,
  { pageSize = 512, allowIncomplete = false } = {},
): PageOrder {
  const { header } = fileSpec({ minTxid, commit, pageSize });
  return new PageOrder(makeHeader(header), allowIncomplete);
}

describe("PageOrder", () => {
  it("ascends, with gaps, up to commit", () => {
    const pages = order(2, 10);
    expect(pages.findFault(pgno(3))).toBeUndefined();
    expect(pages.findGap(pgno(3))).toBeUndefined();
    pages.accept(pgno(3));
    expect(pages.findFault(pgno(3))).toBeDefined();
    expect(pages.findFault(pgno(2))).toBeDefined();
    expect(pages.findFault(pgno(10))).toBeUndefined();
    expect(pages.findFault(pgno(11))).toBeDefined();
    expect(pages.findGapAtEnd()).toBeUndefined();
    expect(pages.whole).toBe(false);
  });

  it("leaves no gap in a snapshot", () => {
    const pages = order(1, 2);
    expect(pages.findGap(pgno(2))).toBe(1);
    expect(pages.findGapAtEnd()).toBe(1);
    pages.accept(pgno(1));
    expect(pages.findGapAtEnd()).toBe(2);
    pages.accept(pgno(2));
    expect(pages.findGapAtEnd()).toBeUndefined();
    expect(pages.whole).toBe(true);
  });

  it("knows a snapshot with gaps if those are allowed", () => {
    const pages = order(1, 3, { allowIncomplete: true });
    pages.accept(pgno(2));
    pages.accept(pgno(3));
    expect(pages.findGap(pgno(2))).toBeUndefined();
    expect(pages.findGapAtEnd()).toBeUndefined();
    expect(pages.whole).toBe(false);
  });

  it.each(PAGE_SIZES)("skips the lock page, and no other, with pages of %i bytes", (pageSize) => {
    const lock = lockPgno(pageSize);
    const pages = order(1, lock + 1, { pageSize });
    expect(pages.findFault(lock)).toBeDefined();
    for (let number = 1; number < lock; number += 1) pages.accept(pgno(number));
    expect(pages.whole).toBe(false);
    expect(pages.findGap(pgno(lock + 1))).toBeUndefined();
    expect(pages.findGapAtEnd()).toBe(lock + 1);
    pages.accept(pgno(lock + 1));
    expect(pages.findGapAtEnd()).toBeUndefined();
    expect(pages.whole).toBe(true);
    for (const commit of [lock - 1, lock]) {
      const ending = order(1, commit, { pageSize });
      for (let number = 1; number < lock; number += 1) ending.accept(pgno(number));
      expect(ending.findGapAtEnd()).toBeUndefined();
      expect(ending.whole).toBe(true);
    }
  });
});
