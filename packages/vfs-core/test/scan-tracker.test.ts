import { describe, expect, it } from "vitest";
import {
  READ_AHEAD_BYTES_MAX,
  READ_AHEAD_BYTES_MIN,
  READ_AHEAD_WINDOWS,
  SCAN_MISSES_MAX,
} from "../src/limits.ts";
import { PageOrder } from "../src/read/page-order.ts";
import { type Scan, ScanTracker } from "../src/read/scan-tracker.ts";
import { range } from "./support/world.ts";

function open({ trees = [], used = [] }: { trees?: number[][]; used?: number[] } = {}) {
  const order = new PageOrder();
  order.reserve(100_000);
  for (const tree of trees) {
    order.note(tree);
    order.noteFirst(tree[0]!);
  }
  const tracker = new ScanTracker({ order, wasUsed: (pgno) => used.includes(pgno) });
  /** Asks for so many pages on behalf of the scan. */
  const window = (scan: Scan, count: number): readonly number[] => {
    const pgnos: number[] = [];
    for (let last = scan.endPgno; pgnos.length < count; ) {
      const next = tracker.next(scan, last);
      if (next === undefined) break;
      pgnos.push(next);
      last = next;
    }
    const facts = { seq: 0, fetched: new Set(pgnos), waitedCount: 0 };
    tracker.onWindow(scan, { ...facts, startPlace: scan.endPlace + 1, pgnos });
    return pgnos;
  };
  return { tracker, window, order };
}

describe("a scan by number", () => {
  it("starts with the second of two misses near each other", () => {
    const { tracker, window } = open();
    expect(tracker.onMiss(10)).toBeUndefined();
    const scan = tracker.onMiss(12)!;
    // The page between is fetched too.
    expect(window(scan, 40)).toEqual(range(11, 50));
    expect(tracker.onMiss(13)).toBeUndefined();
    expect(tracker.onMiss(45)).toBe(scan);
    expect(window(scan, 400)).toEqual(range(51, 450));
    // Of a large one, after its beginning.
    expect(tracker.onMiss(140)).toBeUndefined();
    expect(tracker.onMiss(151)).toBe(scan);
  });

  it("is not led astray by misses elsewhere", () => {
    const { tracker, window } = open();
    tracker.onMiss(10);
    const scan = tracker.onMiss(11)!;
    window(scan, 40);
    for (let pgno = 1000; pgno < 100_000; pgno += 1000) {
      expect(tracker.onMiss(pgno)).toBeUndefined();
    }
    expect(tracker.onMiss(51)).toBe(scan);
  });

  it("is over when many misses have passed by", () => {
    const { tracker, window } = open();
    tracker.onMiss(10);
    window(tracker.onMiss(11)!, 40);
    for (const step of range(1, SCAN_MISSES_MAX)) tracker.onMiss(1000 * step);
    expect(tracker.onMiss(51)).toBeUndefined();
  });

  it("begins with a smaller window, the farther apart its misses are", () => {
    const bytes = [1, 2, 8].map((distance) => {
      const { tracker } = open();
      tracker.onMiss(10);
      return tracker.onMiss(10 + distance)!.windowBytes;
    });
    expect(bytes).toEqual([1, 2, 8].map((distance) => READ_AHEAD_BYTES_MIN / distance));
  });

  it("grows faster for a reader that waits than for one that reads from memory", () => {
    const [waiting, reading] = (["miss", "use"] as const).map((sighting) => {
      const { tracker, window } = open();
      tracker.onMiss(10);
      const scan = tracker.onMiss(11)!;
      window(scan, 40);
      expect(tracker.onReached(scan, 36, sighting)).toBe(true);
      return scan.windowBytes;
    });
    expect(waiting).toBe(2 * reading!);
  });

  it("has several large windows on their way once its reader has waited for one", () => {
    const { tracker, window } = open();
    tracker.onMiss(10);
    const scan = tracker.onMiss(11)!;
    window(scan, 40);
    for (let place = 40; scan.windowBytes < READ_AHEAD_BYTES_MAX; place = scan.endPlace) {
      expect(tracker.onReached(scan, place, "miss")).toBe(true);
      window(scan, 100);
    }
    const start = scan.windows.at(-1)!.startPlace;
    tracker.onReached(scan, start, "miss");
    let count = 0;
    for (; start >= scan.nextPlace; count += 1) window(scan, 100);
    expect(count).toBe(READ_AHEAD_WINDOWS - 1);
  });

  it("goes across the pages of other tables, and none begins because of them", () => {
    const { tracker, window } = open();
    tracker.onMiss(10);
    expect(tracker.onMiss(100)).toBeUndefined();
    const scan = tracker.onMiss(101)!;
    window(scan, 20);
    expect(tracker.onMiss(220)).toBe(scan);
  });

  it("is one of as many as there are places", () => {
    const { tracker, window } = open();
    const scans = range(0, 7).map((index) => {
      tracker.onMiss(1000 * (index + 1));
      const scan = tracker.onMiss(1000 * (index + 1) + 1)!;
      window(scan, 30);
      return scan;
    });
    for (const [index, scan] of scans.entries()) {
      expect(tracker.onMiss(1000 * (index + 1) + 28)).toBe(scan);
    }
  });
});

describe("a scan in the order of a tree", () => {
  const sparse = range(1, 100).map((index) => 1000 - 9 * index);

  it("starts with two pages that follow each other, however far apart they lie", () => {
    const { tracker, window } = open({ trees: [sparse] });
    expect(tracker.onMiss(sparse[5]!)).toBeUndefined();
    const scan = tracker.onMiss(sparse[6]!)!;
    expect(window(scan, 10)).toEqual(sparse.slice(6, 16));
    expect(tracker.onMiss(sparse[15]!)).toBe(scan);
  });

  it("starts with the second page of a tree whose first one was read from memory", () => {
    const known = open({ trees: [sparse], used: [sparse[0]!] });
    expect(known.tracker.onMiss(sparse[1]!)).toBeDefined();
    const unread = open({ trees: [sparse] });
    expect(unread.tracker.onMiss(sparse[1]!)).toBeUndefined();
  });

  it("starts with the first page of a tree alone", () => {
    const { tracker, window } = open({ trees: [sparse] });
    const scan = tracker.onMiss(sparse[0]!)!;
    expect(window(scan, 10)).toEqual(sparse.slice(1, 11));
    expect(tracker.onMiss(sparse[10]!)).toBe(scan);
  });

  it("starts behind a beginning that was read from memory, without gaps", () => {
    const read = open({ trees: [sparse], used: sparse.slice(0, 5) });
    expect(read.window(read.tracker.onMiss(sparse[5]!)!, 10)).toEqual(sparse.slice(5, 15));
    const gap = open({ trees: [sparse], used: [0, 1, 3, 4].map((index) => sparse[index]!) });
    expect(gap.tracker.onMiss(sparse[5]!)).toBeUndefined();
  });

  it("does not start with the first page of a level above the leaves", () => {
    const interior = range(1, 20).map((index) => 4000 * index);
    const { tracker } = open({ trees: [interior] });
    expect(tracker.onMiss(interior[0]!)).toBeUndefined();
    expect(tracker.onMiss(interior[1]!)).toBeDefined();
  });

  it("goes on where the order was not known before", () => {
    const { tracker, window, order } = open({ trees: [sparse.slice(0, 20)] });
    const scan = tracker.onMiss(sparse[0]!)!;
    expect(window(scan, 30)).toEqual(sparse.slice(1, 20));
    expect(tracker.onMiss(sparse[19]!)).toBe(scan);
    expect(window(scan, 30)).toEqual([]);
    expect(tracker.onMiss(sparse[20]!)).toBeUndefined();
    order.note(sparse);
    expect(tracker.onMiss(sparse[21]!)).toBe(scan);
    expect(window(scan, 5)).toEqual(sparse.slice(20, 25));
  });

  it("goes on by number where the order is not known yet", () => {
    const { tracker, window, order } = open();
    order.note([10, 12, 14], true);
    tracker.onMiss(10);
    const scan = tracker.onMiss(12)!;
    expect(window(scan, 5)).toEqual([12, 14, 15, 16, 17]);
    order.note([10, 12, 14, 18, 25, 30]);
    const ordered = tracker.onMiss(18)!;
    expect(window(ordered, 5)).toEqual([25, 30]);
  });

  it("goes on behind pages that were in memory", () => {
    const { tracker, window } = open({ trees: [sparse] });
    tracker.onMiss(sparse[5]!);
    const scan = tracker.onMiss(sparse[8]!)!;
    expect(window(scan, 10)).toEqual(sparse.slice(6, 16));
    expect(tracker.onMiss(sparse[18]!)).toBe(scan);
  });

  it("does not start with pages of a tree that only lie near each other", () => {
    const scattered = range(0, 99).map((index) => 1 + ((index * 37) % 100));
    const { tracker } = open({ trees: [scattered] });
    for (const pgno of [10, 11, 12, 13, 14]) expect(tracker.onMiss(pgno)).toBeUndefined();
  });

  it("has as many windows on their way as may be once its reader waits for a large one", () => {
    const { tracker, window } = open({ trees: [range(1, 4000)] });
    const scan = tracker.onMiss(1)!;
    window(scan, 40);
    // A small one is not to cost a large one before it is read.
    expect(tracker.onMiss(3)).toBeUndefined();
    expect(tracker.onMiss(42)).toBe(scan);
    window(scan, 400);
    expect(tracker.onMiss(43)).toBe(scan);
    let count = 0;
    do {
      window(scan, 400);
      count += 1;
    } while (scan.lastPlace >= scan.nextPlace);
    expect(count).toBe(READ_AHEAD_WINDOWS - 1);
    expect(tracker.onMiss(44)).toBeUndefined();
  });

  it("ends with the tree", () => {
    const { tracker, window } = open({ trees: [[5, 90, 20]] });
    tracker.onMiss(5);
    const scan = tracker.onMiss(90)!;
    expect(window(scan, 10)).toEqual([90, 20]);
    expect(tracker.onMiss(20)).toBe(scan);
    expect(window(scan, 10)).toEqual([]);
    expect(tracker.near(21)).toBeUndefined();
  });
});

describe("a scan against the order of a tree", () => {
  const sparse = range(1, 100).map((index) => 1000 - 9 * index);
  const backwards = sparse.toReversed();

  it("starts with two pages of which the second comes before the first", () => {
    const { tracker, window } = open({ trees: [sparse] });
    expect(tracker.onMiss(backwards[5]!)).toBeUndefined();
    const scan = tracker.onMiss(backwards[6]!)!;
    expect(window(scan, 10)).toEqual(backwards.slice(6, 16));
    expect(tracker.onMiss(backwards[15]!)).toBe(scan);
    expect(window(scan, 40)).toEqual(backwards.slice(16, 56));
  });

  it("does not start with the last page alone, which is where rows are added", () => {
    const { tracker } = open({ trees: [sparse] });
    expect(tracker.onMiss(backwards[0]!)).toBeUndefined();
    expect(tracker.onMiss(backwards[1]!)).toBeDefined();
  });

  it("starts with the last page but one when the last was read from memory", () => {
    const { tracker, window } = open({ trees: [sparse], used: [backwards[0]!] });
    expect(window(tracker.onMiss(backwards[1]!)!, 10)).toEqual(backwards.slice(1, 11));
  });

  it("goes on behind pages that were in memory, and ends with the tree", () => {
    const { tracker, window } = open({ trees: [sparse] });
    tracker.onMiss(backwards[80]!);
    const scan = tracker.onMiss(backwards[83]!)!;
    expect(window(scan, 10)).toEqual(backwards.slice(81, 91));
    expect(tracker.onMiss(backwards[93]!)).toBe(scan);
    expect(window(scan, 10)).toEqual(backwards.slice(91));
    expect(tracker.onMiss(backwards[99]!)).toBe(scan);
    expect(window(scan, 10)).toEqual([]);
  });

  it("is another one than a scan that comes the other way", () => {
    const { tracker, window } = open({ trees: [sparse] });
    tracker.onMiss(sparse[20]!);
    const ahead = tracker.onMiss(sparse[21]!)!;
    window(ahead, 5);
    tracker.onMiss(sparse[70]!);
    const back = tracker.onMiss(sparse[69]!)!;
    expect(window(back, 5)).toEqual([69, 68, 67, 66, 65].map((index) => sparse[index]));
    expect(tracker.onMiss(sparse[26]!)).toBe(ahead);
    expect(tracker.onMiss(sparse[64]!)).toBe(back);
  });
});

describe("PageOrder", () => {
  it("knows what follows a page until the page changes", () => {
    const order = new PageOrder();
    order.reserve(900);
    order.note([7, 3, 900]);
    order.noteFirst(7);
    expect([7, 3, 900].map((pgno) => order.after(pgno))).toEqual([3, 900, undefined]);
    expect([7, 3, 900, 4, 5000].map((pgno) => order.isKnown(pgno))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    order.forget(Uint32Array.of(7, 5000));
    expect(order.after(7)).toBeUndefined();
    expect(order.isKnown(7)).toBe(false);
    expect([...order.firsts]).toEqual([]);
    expect(order.isSoonAfter(900, 3, 0)).toBe(true);
  });

  it("knows what comes before a page, also of what it is told later", () => {
    const order = new PageOrder();
    order.reserve(900);
    order.note([7, 3, 900]);
    const before = (pgnos: readonly number[]) => pgnos.map((pgno) => order.before(pgno));
    expect(before([7, 3, 900, 4, 5000])).toEqual([undefined, 7, 3, undefined, undefined]);
    order.note([7, 3, 900, 12]);
    expect(before([900, 12])).toEqual([3, 900]);
    order.forget(Uint32Array.of(900, 5000));
    expect(before([900, 12])).toEqual([undefined, 900]);
    order.reserve(1200);
    order.note([12, 1200]);
    expect(before([3, 1200])).toEqual([7, 12]);
  });
});
