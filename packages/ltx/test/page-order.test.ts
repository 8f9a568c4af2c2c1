import { describe, expect, it } from "vitest";
import { lockPgno, makeHeader, toPageSize } from "../src/index.ts";
import { PageOrder } from "../src/page-order.ts";
import { fileSpec } from "../src/testing/index.ts";
import { pgno } from "./support.ts";

function order(minTxid: number, commit: number, allowIncomplete = false): PageOrder {
  const { header } = fileSpec({ minTxid, commit, pageSize: 65536 });
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
    const pages = order(1, 3, true);
    pages.accept(pgno(2));
    pages.accept(pgno(3));
    expect(pages.findGap(pgno(2))).toBeUndefined();
    expect(pages.findGapAtEnd()).toBeUndefined();
    expect(pages.whole).toBe(false);
  });

  it("skips the lock page, and no other", () => {
    const lock = lockPgno(toPageSize(65536));
    const pages = order(1, lock + 1, true);
    expect(pages.findFault(lock)).toBeDefined();
    for (let number = 1; number < lock; number += 1) pages.accept(pgno(number));
    expect(pages.whole).toBe(false);
    pages.accept(pgno(lock + 1));
    expect(pages.whole).toBe(true);
    const ending = order(1, lock, true);
    for (let number = 1; number < lock; number += 1) ending.accept(pgno(number));
    expect(ending.whole).toBe(true);
  });
});
