import { formatFileName, toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { Holders } from "../src/compact/holders.ts";
import { planLevel0Retention } from "../src/compact/retention-plan.ts";
import { compareFiles, type LtxFile } from "../src/ltx-file.ts";
import { seededRandom } from "./support/random.ts";
import { range } from "./support/world.ts";

function makeFile(level: number, min: number, max: number): LtxFile {
  const [minTxid, maxTxid] = [toTxid(BigInt(min)), toTxid(BigInt(max))];
  const key = `${level}/${formatFileName(minTxid, maxTxid)}`;
  return { level, minTxid, maxTxid, key, size: 10, createdAtMs: max };
}

describe("the files that hold a transaction", () => {
  it.each(range(1, 20))("are those of a search of them all (seed %d)", (seed) => {
    const random = seededRandom(seed);
    const files = range(1, random(12)).map(() => {
      const min = 1 + random(20);
      return makeFile(1, min, min + random(seed % 2 === 0 ? 3 : 15));
    });
    files.sort(compareFiles);
    const holders = new Holders(files);
    const accepts = ({ maxTxid }: LtxFile) => maxTxid % 3n !== 0n;
    for (let txid = 0n; txid <= 40n; txid += 1n) {
      const holds = (file: LtxFile) =>
        file.minTxid <= txid && file.maxTxid >= txid && accepts(file);
      expect(holders.findFirst(txid, accepts)).toBe(files.find(holds));
      expect(holders.findLast(txid, accepts)).toBe(files.findLast(holds));
    }
  });
});

describe("planning what may go", () => {
  /** Reads of `maxTxid` per file, whatever the planning does with it. */
  function readsPerFile(count: number, level1From: number, level1To: number): number {
    let reads = 0;
    const counted = (file: LtxFile): LtxFile => ({
      ...file,
      get maxTxid() {
        reads += 1;
        return file.maxTxid;
      },
    });
    const span = (level: number, width: number, from: number, to = count) =>
      range(0, Math.floor((to - from) / width)).map((index) => {
        const min = from + index * width;
        return counted(makeFile(level, min, min + width - 1));
      });
    const none: LtxFile[] = [];
    const levels = [
      span(0, 1, 1),
      span(1, 5, level1From, level1To),
      span(2, 5, 1),
      ...Array(7).fill(none),
    ];
    const times = { nowMs: 2 * count, level0RetentionMs: 1, snapshotRetentionMs: 1 };
    const retired = planLevel0Retention(levels, times);
    expect(retired.length).toBeGreaterThan(count / 3);
    return reads / levels.flat().length;
  }

  it.each([
    ["from the first on", 0, 1],
    ["in its newer half only", 0.5, 1],
    ["in its older half only", 0, 0.5],
  ])("looks at each file a few times, where level 1 is there %s", (_name, from, to) => {
    const few = readsPerFile(1_000, 1_000 * from + 1, 1_000 * to);
    const many = readsPerFile(8_000, 8_000 * from + 1, 8_000 * to);
    // A search of all files for each file would be eight times as many.
    expect(many).toBeLessThan(few * 2);
  });
});
