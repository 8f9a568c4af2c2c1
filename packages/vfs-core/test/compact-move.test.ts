import { formatFileName, toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { movePages } from "../src/compact/move-pages.ts";
import { FileTable } from "../src/file-table.ts";
import type { LoadedFile } from "../src/load-file.ts";
import type { LtxFile } from "../src/ltx-file.ts";
import { PageMap, PageMapBuilder, type PageRanges } from "../src/page-map.ts";
import { Versions } from "../src/versions.ts";

function fileOf(level: number, min: number, max: number): LtxFile {
  const [minTxid, maxTxid] = [toTxid(BigInt(min)), toTxid(BigInt(max))];
  const key = `${level}/${formatFileName(minTxid, maxTxid)}`;
  return { level, minTxid, maxTxid, key, size: 1000, createdAtMs: 0 };
}

/** Where the pages lie: each at ten times its number. */
function rangesOf(pgnos: readonly number[]): PageRanges {
  return {
    count: pgnos.length,
    pgnos: Uint32Array.from(pgnos),
    offsets: Float64Array.from(pgnos, (pgno) => pgno * 10),
    sizes: Uint32Array.from(pgnos, () => 7),
  };
}

function heirOf(file: LtxFile, pgnos: readonly number[]): LoadedFile {
  return { file, pageSize: 512, pageCount: 2000, index: rangesOf(pgnos) as never, body: undefined };
}

const PAGE_COUNT = 2000;

/** Transactions 1 to 6, each a version; the first writes all these pages, the others some. */
const WRITTEN: readonly (readonly number[])[] = [
  [1, 2, 3, 600, 1500],
  [1, 2],
  [1],
  [1, 3],
  [1],
  [1],
];

function makeVersions(): { readonly versions: Versions; readonly files: readonly LtxFile[] } {
  let map = PageMap.empty(new FileTable());
  const files = WRITTEN.map((_, index) => fileOf(0, index + 1, index + 1));
  const versions = new Versions(map);
  for (const [index, pgnos] of WRITTEN.entries()) {
    const builder = new PageMapBuilder(map);
    builder.apply(files[index]!, PAGE_COUNT, rangesOf(pgnos));
    map = builder.build();
    versions.push(index + 1, map);
  }
  return { versions, files };
}

function placesAt(versions: Versions, seq: number): string {
  const { map } = versions.at(seq);
  const places = [1, 2, 3, 600, 1500].map((pgno) => {
    const { level, minTxid, maxTxid } = map.find(pgno)!.file;
    return `${level}:${minTxid}-${maxTxid}`;
  });
  return places.join(" ");
}

describe("pages of files that are about to be deleted", () => {
  it("move to the heir in versions that are not older than it", () => {
    const { versions, files } = makeVersions();
    versions.prune(4);
    const heir = heirOf(fileOf(1, 1, 4), [1, 2, 3, 600, 1500]);
    expect(movePages(versions, files.slice(0, 4), [heir])).toEqual(new Set());
    expect(placesAt(versions, 4)).toBe("1:1-4 1:1-4 1:1-4 1:1-4 1:1-4");
    expect(placesAt(versions, 6)).toBe("0:6-6 1:1-4 1:1-4 1:1-4 1:1-4");
    expect(versions.at(6).map.find(600)).toMatchObject({ offset: 6000, size: 7 });
    expect(versions.at(6).map.txid).toBe(6n);
    expect(versions.at(6).map.pageCount).toBe(PAGE_COUNT);
  });

  it("stay in older versions, whose files are named", () => {
    const { versions, files } = makeVersions();
    versions.prune(3);
    const heir = heirOf(fileOf(1, 1, 4), [1, 2, 3, 600, 1500]);
    const needed = movePages(versions, files.slice(0, 4), [heir]);
    // Of the others, the version that is as new as the heir shows that they have not changed.
    expect(needed).toEqual(new Set([files[0], files[2]]));
    expect(placesAt(versions, 3)).toBe("0:3-3 1:1-4 0:1-1 1:1-4 1:1-4");
    expect(placesAt(versions, 4)).toBe("1:1-4 1:1-4 1:1-4 1:1-4 1:1-4");
    versions.prune(6);
    expect(movePages(versions, files.slice(0, 4), [heir])).toEqual(new Set());
  });

  it("stay where they are when the heir does not have them", () => {
    const { versions, files } = makeVersions();
    versions.prune(6);
    const heir = heirOf(fileOf(1, 1, 4), [1, 2, 3, 600]);
    expect(movePages(versions, files.slice(0, 4), [heir])).toEqual(new Set([files[0]]));
  });

  it("each go to the heir of their own file", () => {
    const { versions, files } = makeVersions();
    versions.prune(6);
    const heirs = [heirOf(fileOf(1, 1, 2), [1, 2, 3, 600, 1500]), heirOf(fileOf(1, 3, 5), [1, 3])];
    expect(movePages(versions, files.slice(0, 5), heirs)).toEqual(new Set());
    expect(placesAt(versions, 6)).toBe("0:6-6 1:1-2 1:3-5 1:1-2 1:1-2");
  });

  it("stay in versions of another history, whose files have the same names", () => {
    const { versions } = makeVersions();
    const before = [1, 4, 6].map((seq) => placesAt(versions, seq));
    const builder = new PageMapBuilder(PageMap.empty(new FileTable()));
    const others = [fileOf(0, 1, 1), fileOf(0, 2, 2)];
    builder.apply(others[0]!, PAGE_COUNT, rangesOf([1, 2, 3, 600, 1500]));
    builder.apply(others[1]!, PAGE_COUNT, rangesOf([3]));
    versions.push(7, builder.build());
    const heir = heirOf(fileOf(1, 1, 2), [1, 2, 3, 600, 1500]);
    expect(movePages(versions, others, [heir])).toEqual(new Set(others));
    expect([1, 4, 6].map((seq) => placesAt(versions, seq))).toEqual(before);
    expect(placesAt(versions, 7)).toBe("1:1-2 1:1-2 1:1-2 1:1-2 1:1-2");
  });

  it("are moved once for all versions that share them", () => {
    const { versions, files } = makeVersions();
    versions.prune(4);
    const chunkOf = (seq: number, index: number) => versions.at(seq).map.chunks[index];
    const before = chunkOf(4, 1);
    movePages(versions, files.slice(0, 4), [heirOf(fileOf(1, 1, 4), [1, 2, 3, 600, 1500])]);
    expect(chunkOf(4, 1)).not.toBe(before);
    for (const seq of [5, 6]) {
      for (const index of [1, 2]) expect(chunkOf(seq, index)).toBe(chunkOf(4, index));
    }
  });
});
