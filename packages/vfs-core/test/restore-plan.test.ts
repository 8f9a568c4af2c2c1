import { toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { compareFiles, type LtxFile } from "../src/ltx-file.ts";
import { type FilesByLevel, planFollow, planRestore } from "../src/restore-plan.ts";

type Name = readonly [level: number, min: number, max: number, createdAtMs?: number];

function levels(...names: Name[]): FilesByLevel {
  const byLevel: LtxFile[][] = Array.from({ length: 10 }, () => []);
  for (const [level, min, max, createdAtMs = 0] of names) {
    byLevel[level]!.push({
      level,
      minTxid: toTxid(BigInt(min)),
      maxTxid: toTxid(BigInt(max)),
      key: `${level}/${min}-${max}`,
      size: 1,
      createdAtMs,
    });
  }
  for (const files of byLevel) files.sort(compareFiles);
  return byLevel;
}

function latest(...names: Name[]) {
  const plan = planRestore(levels(...names), { type: "latest" });
  return { keys: plan.files.map(({ key }) => key), txid: plan.txid, gap: plan.gapBefore };
}

function follow(from: number, ...names: Name[]) {
  const plan = planFollow(levels(...names), BigInt(from));
  return { keys: plan.files.map(({ key }) => key), txid: plan.txid, gap: plan.gapBefore };
}

describe("planRestore, latest", () => {
  it("is empty without files", () => {
    expect(latest()).toEqual({ keys: [], txid: 0n, gap: undefined });
  });

  it("takes a snapshot alone", () => {
    expect(latest([9, 1, 5])).toMatchObject({ keys: ["9/1-5"], txid: 5n });
  });

  it("takes the newest snapshot and what follows it", () => {
    const plan = latest([9, 1, 5], [9, 1, 8], [0, 7, 7], [0, 8, 8], [0, 9, 9]);
    expect(plan).toEqual({ keys: ["9/1-8", "0/9-9"], txid: 9n, gap: undefined });
  });

  it("needs no snapshot", () => {
    expect(latest([0, 1, 1], [0, 2, 2])).toMatchObject({ keys: ["0/1-1", "0/2-2"], txid: 2n });
  });

  it("goes as far as it can in each step, whatever the level", () => {
    const plan = latest([0, 1, 1], [0, 2, 2], [0, 3, 3], [0, 4, 4], [1, 1, 2], [2, 1, 3]);
    expect(plan.keys).toEqual(["2/1-3", "0/4-4"]);
  });

  it("fills a gap of a higher level from a lower one", () => {
    const plan = latest([2, 1, 4], [1, 5, 6], [1, 9, 10], [0, 7, 7], [0, 8, 8], [0, 9, 9]);
    expect(plan.keys).toEqual(["2/1-4", "1/5-6", "0/7-7", "0/8-8", "1/9-10"]);
  });

  it("goes across files that straddle where it stands", () => {
    expect(latest([9, 1, 5], [1, 4, 7], [0, 8, 8]).keys).toEqual(["9/1-5", "1/4-7", "0/8-8"]);
  });

  it("takes the larger of two files of one level that overlap", () => {
    expect(latest([1, 1, 3], [1, 1, 5], [1, 4, 6]).keys).toEqual(["1/1-5", "1/4-6"]);
  });

  it("skips what is covered", () => {
    expect(latest([9, 1, 9], [0, 3, 3], [1, 1, 8]).keys).toEqual(["9/1-9"]);
  });

  it("prefers, among files that reach as far, the longer, then the higher level", () => {
    expect(latest([9, 1, 2], [0, 3, 3], [1, 3, 3]).keys).toEqual(["9/1-2", "1/3-3"]);
    expect(latest([9, 1, 4], [2, 5, 6], [1, 3, 6]).keys).toEqual(["9/1-4", "1/3-6"]);
  });

  it("uses snapshots as a base only", () => {
    expect(latest([9, 1, 2], [8, 3, 4]).keys).toEqual(["9/1-2", "8/3-4"]);
  });

  it("tells where the next file starts when there is a gap", () => {
    expect(latest([9, 1, 5], [0, 8, 8])).toEqual({ keys: ["9/1-5"], txid: 5n, gap: 8n });
    expect(latest([0, 4, 4])).toEqual({ keys: [], txid: 0n, gap: 4n });
  });
});

describe("planRestore, txid", () => {
  const files = levels([9, 1, 5], [9, 1, 9], [1, 6, 7], [0, 6, 6], [0, 7, 7], [0, 8, 8]);
  const plan = (txid: bigint) => planRestore(files, { type: "txid", txid });

  it("takes the newest snapshot that is not past it, and stops there", () => {
    expect(plan(5n).files.map(({ key }) => key)).toEqual(["9/1-5"]);
    expect(plan(9n).files.map(({ key }) => key)).toEqual(["9/1-9"]);
  });

  it("leaves out files that go past it", () => {
    expect(plan(6n)).toMatchObject({ txid: 6n });
    expect(plan(6n).files.map(({ key }) => key)).toEqual(["9/1-5", "0/6-6"]);
    expect(plan(8n).files.map(({ key }) => key)).toEqual(["9/1-5", "1/6-7", "0/8-8"]);
  });

  it("ends before it when it cannot be reached", () => {
    expect(plan(4n).files).toEqual([]);
    expect(planRestore(levels([9, 1, 5], [1, 6, 9]), { type: "txid", txid: 7n }).txid).toBe(5n);
  });
});

describe("planRestore, timestamp", () => {
  const files = levels([9, 1, 5, 100], [0, 6, 6, 200], [0, 7, 7, 300], [1, 6, 7, 300]);
  const plan = (timestampMs: number) => planRestore(files, { type: "timestamp", timestampMs });

  it("takes what was made before the moment, not at it", () => {
    expect(plan(100).files).toEqual([]);
    expect(plan(101).txid).toBe(5n);
    expect(plan(300).files.map(({ key }) => key)).toEqual(["9/1-5", "0/6-6"]);
    expect(plan(301).files.map(({ key }) => key)).toEqual(["9/1-5", "1/6-7"]);
  });

  it("reports no gap", () => {
    const gappy = levels([9, 1, 5, 100], [0, 8, 8, 100]);
    const found = planRestore(gappy, { type: "timestamp", timestampMs: 1000 });
    expect(found.gapBefore).toBeUndefined();
  });
});

describe("planFollow", () => {
  it("is empty when nothing is newer", () => {
    expect(follow(5, [9, 1, 5], [0, 5, 5])).toEqual({ keys: [], txid: 5n, gap: undefined });
  });

  it("takes the longest file that starts just after", () => {
    const plan = follow(5, [0, 6, 6], [0, 7, 7], [1, 6, 7], [0, 8, 8], [1, 1, 7]);
    expect(plan.keys).toEqual(["1/6-7", "0/8-8"]);
  });

  it("takes a straddling file when no other goes on", () => {
    expect(follow(6, [1, 4, 8], [0, 9, 9]).keys).toEqual(["1/4-8", "0/9-9"]);
  });

  it("takes no file of level 0 where a level above goes on", () => {
    expect(follow(6, [0, 7, 7], [0, 8, 8], [1, 5, 7]).keys).toEqual(["1/5-7", "0/8-8"]);
    expect(follow(6, [0, 7, 7], [0, 8, 8], [9, 1, 7]).keys).toEqual(["0/7-7", "0/8-8"]);
  });

  it("takes no file of level 0 that came when its name was free again", () => {
    expect(follow(6, [0, 7, 7], [0, 20, 20], [9, 1, 20]).keys).toEqual(["9/1-20"]);
  });

  it("takes the straddling file that overlaps least", () => {
    expect(follow(6, [9, 1, 8], [2, 2, 8], [1, 5, 8]).keys).toEqual(["1/5-8"]);
  });

  it("goes on with a file that a closer one had put aside", () => {
    expect(follow(9, [1, 1, 50], [1, 10, 20]).keys).toEqual(["1/10-20", "1/1-50"]);
  });

  it("falls back to a snapshot", () => {
    expect(follow(3, [9, 1, 8], [0, 9, 9])).toEqual({
      keys: ["9/1-8", "0/9-9"],
      txid: 9n,
      gap: undefined,
    });
  });

  it("tells of a gap", () => {
    expect(follow(5, [0, 8, 8])).toEqual({ keys: [], txid: 5n, gap: 8n });
  });
});
