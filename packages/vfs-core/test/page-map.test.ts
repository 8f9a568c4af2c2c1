import { toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { FileTable } from "../src/file-table.ts";
import type { LtxFile } from "../src/ltx-file.ts";
import { PageMap, PageMapBuilder, type PageRanges } from "../src/page-map.ts";

function file(min: number, max: number, level = 0): LtxFile {
  const [minTxid, maxTxid] = [toTxid(BigInt(min)), toTxid(BigInt(max))];
  return { level, minTxid, maxTxid, key: `${level}/${min}-${max}`, size: 1000, createdAtMs: 0 };
}

/** Pages at offsets that tell which file they are in. */
function ranges(pgnos: number[], base = 100): PageRanges {
  return {
    count: pgnos.length,
    pgnos: Uint32Array.from(pgnos),
    offsets: Float64Array.from(pgnos, (pgno) => base + pgno * 1000),
    sizes: Uint32Array.from(pgnos, (pgno) => 50 + (pgno % 100)),
  };
}

function build(base: PageMap, ...files: [LtxFile, number, PageRanges][]): PageMap {
  const builder = new PageMapBuilder(base);
  for (const [one, pageCount, pages] of files) builder.apply(one, pageCount, pages);
  return builder.build();
}

const empty = () => PageMap.empty(new FileTable());

function keyAt(map: PageMap, pgno: number): string | undefined {
  return map.find(pgno)?.file.key;
}

describe("PageMap", () => {
  it("shares nothing with a map of another table, wherever their pages lie", () => {
    const [one, other] = [empty(), empty()].map((base) =>
      build(base, [file(1, 1), 3, ranges([1, 2])]),
    );
    expect([1, 2, 3].map((pgno) => one!.isSameAt(pgno, other!))).toEqual([false, false, true]);
    expect(one!.isSameAt(1, build(one!))).toBe(true);
    expect([...one!.changedSince(other!)]).toEqual([1, 2]);
  });

  it("gives each page the newest file that has it", () => {
    const map = build(
      empty(),
      [file(1, 1), 4, ranges([1, 2, 3, 4])],
      [file(2, 2), 4, ranges([2, 4])],
      [file(3, 3), 4, ranges([4])],
    );
    expect([1, 2, 3, 4, 5].map((pgno) => keyAt(map, pgno))).toEqual([
      "0/1-1",
      "0/2-2",
      "0/1-1",
      "0/3-3",
      undefined,
    ]);
    expect(map.txid).toBe(3n);
    expect(map.find(4)).toMatchObject({ offset: 4100, size: 54 });
  });

  it("never lets a file with an older last transaction replace a newer one", () => {
    const map = build(
      empty(),
      [file(1, 1), 2, ranges([1, 2])],
      [file(2, 4), 2, ranges([1])],
      [file(1, 3, 1), 2, ranges([1, 2])],
    );
    expect(keyAt(map, 1)).toBe("0/2-4");
    expect(keyAt(map, 2)).toBe("0/1-1");
    expect(map.txid).toBe(4n);
  });

  it("never changes: a newer map shares what it did not touch", () => {
    const old = build(empty(), [
      file(1, 1),
      2000,
      ranges(Array.from({ length: 2000 }, (_, i) => i + 1)),
    ]);
    const next = build(old, [file(2, 2), 2000, ranges([600])]);
    expect(keyAt(old, 600)).toBe("0/1-1");
    expect(keyAt(next, 600)).toBe("0/2-2");
    expect(next.chunks[0]).toBe(old.chunks[0]);
    expect(next.chunks[1]).not.toBe(old.chunks[1]);
    expect([...next.changedSince(old)]).toEqual([600]);
  });

  it("drops the pages above a smaller size", () => {
    const old = build(empty(), [file(1, 1), 1030, ranges([1, 511, 512, 513, 1024, 1025, 1030])]);
    const next = build(old, [file(2, 2), 512, ranges([1])]);
    expect(next.pageCount).toBe(512);
    expect(keyAt(next, 512)).toBe("0/1-1");
    expect([513, 1024, 1025, 1030].map((pgno) => keyAt(next, pgno))).toEqual(
      Array.from({ length: 4 }),
    );
    expect(keyAt(old, 1030)).toBe("0/1-1");
  });

  it("does not bring back pages from before a shrink when the database grows again", () => {
    const builder = new PageMapBuilder(
      build(empty(), [file(1, 1), 1000, ranges(Array.from({ length: 1000 }, (_, i) => i + 1))]),
    );
    builder.apply(file(2, 2), 300, ranges([1]));
    builder.apply(file(3, 3), 1000, ranges([1, 700]));
    expect(builder.pageCountMin).toBe(300);
    const map = builder.build();
    expect(keyAt(map, 300)).toBe("0/1-1");
    expect(keyAt(map, 301)).toBeUndefined();
    expect(keyAt(map, 700)).toBe("0/3-3");
    expect(keyAt(map, 1000)).toBeUndefined();
  });

  it("ignores pages above the size that their own file gives", () => {
    const map = build(empty(), [file(1, 1), 2, ranges([1, 2, 3])]);
    expect(keyAt(map, 3)).toBeUndefined();
    expect(map.changedSince(PageMap.empty(map.files))).toEqual(Uint32Array.of(1, 2));
  });

  it("becomes empty and grows again", () => {
    const map = build(
      empty(),
      [file(1, 1), 600, ranges([1, 600])],
      [file(2, 2), 0, ranges([])],
      [file(3, 3), 2, ranges([1])],
    );
    expect(map.pageCount).toBe(2);
    expect(keyAt(map, 1)).toBe("0/3-3");
    expect(keyAt(map, 600)).toBeUndefined();
  });

  it("holds the largest places there can be", () => {
    const big: PageRanges = {
      count: 1,
      pgnos: Uint32Array.of(1),
      offsets: Float64Array.of(2 ** 47 - 1),
      sizes: Uint32Array.of(2 ** 17 - 1),
    };
    const map = build(empty(), [file(1, 1), 1, big]);
    expect(map.find(1)).toMatchObject({ offset: 2 ** 47 - 1, size: 2 ** 17 - 1 });
  });

  it("tells which files it points into", () => {
    const map = build(
      empty(),
      [file(1, 1), 2000, ranges([1, 2, 1999])],
      [file(2, 2), 2000, ranges([2])],
    );
    const used = new Set<number>();
    map.collectOrdinals(used);
    expect([...used].map((ordinal) => map.files.get(ordinal).key).sort()).toEqual([
      "0/1-1",
      "0/2-2",
    ]);
  });

  it("takes about twelve bytes a page", () => {
    const pgnos = Array.from({ length: 100_000 }, (_, index) => index + 1);
    const map = build(empty(), [file(1, 1), 100_000, ranges(pgnos)]);
    const bytes = map.chunks.reduce((sum, chunk) => sum + (chunk?.byteLength ?? 0), 0);
    expect(bytes / 100_000).toBeLessThan(16);
  });
});

describe("FileTable", () => {
  it("gives the ordinals of forgotten files out again", () => {
    const table = new FileTable();
    const first = table.add(file(1, 1));
    const second = table.add(file(2, 2));
    expect(table.add(file(1, 1))).toBe(first);
    table.retain(new Set([second]));
    expect(table.count).toBe(1);
    expect(table.add(file(3, 3))).toBe(first);
    expect(table.get(first).key).toBe("0/3-3");
    expect(table.get(second).key).toBe("0/2-2");
  });

  it("tells files of one name and different size apart", () => {
    const table = new FileTable();
    const first = table.add(file(1, 1));
    const second = table.add({ ...file(1, 1), size: 7 });
    expect(second).not.toBe(first);
  });
});
