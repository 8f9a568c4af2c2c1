import { toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { FileTable } from "../src/file-table.ts";
import { PageMap, PageMapBuilder } from "../src/page-map.ts";
import { Versions } from "../src/versions.ts";

/** Maps of one database, each with some pages of its own. */
function makeMaps(...changes: number[][]): PageMap[] {
  const maps: PageMap[] = [];
  let map = PageMap.empty(new FileTable());
  for (const [index, pgnos] of changes.entries()) {
    const txid = toTxid(BigInt(index + 1));
    const builder = new PageMapBuilder(map);
    builder.apply(
      { level: 0, minTxid: txid, maxTxid: txid, key: `${txid}`, size: 1, createdAtMs: 0 },
      10,
      {
        count: pgnos.length,
        pgnos: Uint32Array.from(pgnos),
        offsets: Float64Array.from(pgnos),
        sizes: Uint32Array.from(pgnos),
      },
    );
    map = builder.build();
    maps.push(map);
  }
  return maps;
}

describe("Versions", () => {
  it("tells for which pins a page is the same", () => {
    const maps = makeMaps([1, 2, 3], [2], [3], [2]);
    const versions = new Versions(maps[0]!);
    for (const [index, seq] of [10, 20, 30].entries()) versions.push(seq, maps[index + 1]!);
    const found = (pgno: number, seq: number) => {
      const { location, fromSeq, toSeq } = versions.find(pgno, seq);
      return [location?.file.key, fromSeq, toSeq];
    };
    expect(found(1, 25)).toEqual(["1", 0, undefined]);
    expect(found(2, 9)).toEqual(["1", 0, 10]);
    expect(found(2, 10)).toEqual(["2", 10, 30]);
    expect(found(2, 29)).toEqual(["2", 10, 30]);
    expect(found(2, 99)).toEqual(["4", 30, undefined]);
    expect(found(3, 19)).toEqual(["1", 0, 20]);
    expect(found(9, 15)).toEqual([undefined, 0, undefined]);
  });

  it("lets go of what no pin can see", () => {
    const maps = makeMaps([1], [1], [1], [1]);
    const versions = new Versions(maps[0]!);
    for (const [index, seq] of [10, 20, 30].entries()) versions.push(seq, maps[index + 1]!);
    versions.prune(5);
    expect(versions.count).toBe(4);
    versions.prune(20);
    expect(versions.count).toBe(2);
    expect(versions.at(25).map).toBe(maps[2]);
    versions.prune(1000);
    expect(versions.count).toBe(1);
    expect(versions.newest.map).toBe(maps[3]);
  });

  it("only grows", () => {
    const maps = makeMaps([1], [1]);
    const versions = new Versions(maps[0]!);
    versions.push(5, maps[1]!);
    expect(() => versions.push(5, maps[1]!)).toThrow();
  });
});
