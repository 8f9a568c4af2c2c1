import { formatFileName, toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import {
  type CompactionPlan,
  type CompactionRules,
  planCompaction,
  planSnapshot,
} from "../src/compact/compaction-plan.ts";
import { findReachable } from "../src/compact/reachable.ts";
import {
  findLoss,
  planLevel0Retention,
  planSnapshotRetention,
} from "../src/compact/retention-plan.ts";
import { compareFiles, type LtxFile } from "../src/ltx-file.ts";
import { type FilesByLevel, planRestore } from "../src/restore-plan.ts";
import { seededRandom } from "./support/random.ts";
import { describeFile } from "./support/restoring.ts";

/** "5-9@1000*20": transactions 5 to 9, made at 1000 ms, of 20 bytes. */
function parseFile(level: number, text: string): LtxFile {
  const [, min, max, ms = "0", size = "10"] = /^(\d+)-(\d+)(?:@(\d+))?(?:\*(\d+))?$/.exec(text)!;
  const [minTxid, maxTxid] = [toTxid(BigInt(min!)), toTxid(BigInt(max!))];
  const key = `${level}/${formatFileName(minTxid, maxTxid)}`;
  return { level, minTxid, maxTxid, key, size: Number(size), createdAtMs: Number(ms) };
}

function levelsOf(spec: Readonly<Record<number, string>>): FilesByLevel {
  return Array.from({ length: 10 }, (_, level) => {
    const texts = (spec[level] ?? "").split(" ").filter((text) => text !== "");
    return texts.map((text) => parseFile(level, text)).sort(compareFiles);
  });
}

function show(plan: CompactionPlan): string {
  switch (plan.type) {
    case "nothing":
      return "nothing";
    case "gap":
      return `gap after ${plan.afterTxid} before ${plan.beforeTxid}`;
    case "too-large":
      return `too large: ${describeFile(plan.file)}`;
    case "compact":
      return `${plan.sources.map(describeFile).join(" ")} -> ${describeFile(plan as never)}`;
  }
}

const CASES: readonly (readonly [
  what: string,
  spec: Readonly<Record<number, string>>,
  level: number,
  plan: string,
])[] = [
  ["nothing from nothing", {}, 1, "nothing"],
  ["all from the first on", { 0: "1-1 2-2 3-3" }, 1, "1-1 2-2 3-3 -> 1-3"],
  ["what came after the last output", { 0: "1-1 2-2 3-3", 1: "1-2" }, 1, "3-3 -> 3-3"],
  ["nothing when all is there", { 0: "1-1 2-2", 1: "1-2" }, 1, "nothing"],
  [
    "no file that came when its name was free again",
    { 0: "3-3 9-9", 1: "6-8", 9: "1-5" },
    1,
    "9-9 -> 9-9",
  ],
  [
    "a hole in the level from files that were never away",
    { 0: "2-2 3-3", 1: "1-1 3-3", 9: "1-2" },
    1,
    "2-2 -> 2-2",
  ],
  ["a source that straddles", { 1: "1-4 5-9", 2: "1-6" }, 2, "5-9 -> 7-9"],
  ["a source that straddles, and more", { 1: "1-4 5-9 10-12", 2: "1-6" }, 2, "5-9 10-12 -> 7-12"],
  ["a whole history that straddles", { 0: "1-8", 1: "1-5" }, 1, "1-8 -> 6-8"],
  ["overlapping sources: the farthest", { 0: "1-1 2-2 2-4 3-3 4-6" }, 1, "1-1 2-4 4-6 -> 1-6"],
  ["equal ends: the one that starts closer", { 0: "1-2 1-4 3-4" }, 1, "1-4 -> 1-4"],
  ["contained sources are left out", { 0: "1-9 2-3 4-4 10-10" }, 1, "1-9 10-10 -> 1-10"],
  ["up to a gap", { 0: "1-1 2-2 5-5" }, 1, "1-1 2-2 -> 1-2"],
  ["never across a gap", { 0: "5-5 6-6", 1: "1-2" }, 1, "gap after 2 before 5"],
  ["never from behind a lost beginning", { 0: "5-5" }, 1, "gap after 0 before 5"],
  ["on where a higher level bridges", { 0: "5-5 6-6", 1: "1-2", 3: "1-4" }, 1, "5-5 6-6 -> 5-6"],
  ["on after a snapshot", { 0: "8-8 9-9", 9: "1-7" }, 1, "8-8 9-9 -> 8-9"],
  ["also from before a snapshot", { 0: "5-5 6-6 7-7 8-8", 9: "1-7" }, 1, "5-5 6-6 7-7 8-8 -> 5-8"],
  ["nothing from before a bridged gap", { 0: "3-3 6-6", 9: "1-5" }, 1, "6-6 -> 6-6"],
  ["the part behind a bridged gap", { 0: "3-3 6-6", 1: "3-3", 9: "1-5" }, 1, "6-6 -> 6-6"],
  ["a hole that others left", { 0: "4-4 5-5 9-9", 1: "1-3 6-8" }, 1, "4-4 5-5 -> 4-5"],
  ["a hole that ends within a source", { 0: "4-7 9-9", 1: "1-3 6-8" }, 1, "4-7 -> 4-7"],
  ["a beginning that others left out", { 0: "1-1 2-2 5-5", 1: "3-4" }, 1, "1-1 2-2 -> 1-2"],
  ["what is left in a hole", { 0: "5-5", 1: "1-2 6-8", 2: "1-4" }, 1, "5-5 -> 5-5"],
  ["not a hole whose files are gone", { 0: "9-9", 1: "1-3 6-8", 2: "1-8" }, 1, "9-9 -> 9-9"],
  [
    "outputs that overlap already",
    { 0: "6-6 9-9 10-10", 1: "1-5 3-8 4-6" },
    1,
    "9-9 10-10 -> 9-10",
  ],
  ["the output of a compaction that was killed", { 0: "1-1 2-2 3-3", 1: "1-2 1-3" }, 1, "nothing"],
  ["one file alone beyond the limit", { 0: "1-1*99" }, 1, "too large: 1-1"],
  ["as many bytes as fit", { 0: "1-1*40 2-2*40 3-3*40" }, 1, "1-1 2-2 -> 1-2"],
];

describe("which files are compacted", () => {
  for (const [what, spec, level, plan] of CASES) {
    it(what, () => {
      expect(show(planCompaction(levelsOf(spec), level, { bytesMax: 90 }))).toBe(plan);
    });
  }

  it("as many files as may be open at once", () => {
    const levels = levelsOf({ 0: "1-1 2-2 3-3" });
    expect(show(planCompaction(levels, 1, { filesMax: 2 }))).toBe("1-1 2-2 -> 1-2");
  });

  it("those of one window of time, once it is over", () => {
    const levels = levelsOf({ 0: "1-1@5 2-2@29 3-3@30 4-4@61 5-5@95" });
    const after = (end: string, rules: CompactionRules) =>
      show(planCompaction(end === "" ? levels : withLevel1(levels, end), 1, rules));
    const at = (nowMs: number, sinceMs = 0): CompactionRules => ({
      windows: { nowMs, windowMs: 30, sinceMs },
    });
    expect(after("", at(95))).toBe("1-1 2-2 -> 1-2");
    expect(after("1-2", at(95))).toBe("3-3 -> 3-3");
    expect(after("1-3", at(95))).toBe("4-4 -> 4-4");
    expect(after("1-4", at(95))).toBe("nothing");
    expect(after("1-4", at(120))).toBe("5-5 -> 5-5");
    expect(after("", at(200, 60))).toBe("1-1 2-2 3-3 -> 1-3");
    // A clock that was wrong must not hold up the level for ever.
    expect(after("1-4", at(40))).toBe("5-5 -> 5-5");
  });

  it("takes a snapshot of all, from what makes the latest state", () => {
    const show9 = (spec: Readonly<Record<number, string>>) => show(planSnapshot(levelsOf(spec)));
    expect(show9({})).toBe("nothing");
    expect(show9({ 9: "1-4" })).toBe("nothing");
    expect(show9({ 0: "3-3", 9: "1-4" })).toBe("nothing");
    expect(show9({ 0: "1-1 2-2 3-3", 1: "1-2" })).toBe("1-2 3-3 -> 1-3");
    expect(show9({ 0: "5-5 6-6", 1: "3-5", 9: "1-4" })).toBe("1-4 3-5 6-6 -> 1-6");
    expect(show9({ 0: "1-1 3-3" })).toBe("gap after 1 before 3");
  });
});

function withLevel1(levels: FilesByLevel, text: string): FilesByLevel {
  return levels.map((files, level) => (level === 1 ? [parseFile(1, text)] : files));
}

describe("which transactions can be restored", () => {
  it("are the same as planning each one alone finds", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 300; round += 1) {
      const files = Array.from({ length: 1 + random(12) }, () => {
        const level = [0, 0, 0, 1, 2, 9][random(6)]!;
        const min = level === 9 ? 1 : 1 + random(12);
        return parseFile(level, `${min}-${min + random(5)}`);
      });
      const levels = levelsOf({}).map((_, level) =>
        files.filter((file) => file.level === level).sort(compareFiles),
      );
      const alone = [...Array(20).keys()]
        .map((txid) => BigInt(txid + 1))
        .filter((txid) => planRestore(levels, { type: "txid", txid }).txid === txid);
      const shown = levels.flat().map(({ level, minTxid, maxTxid }) => [level, minTxid, maxTxid]);
      expect([...findReachable(levels)], JSON.stringify(shown, textOf)).toEqual(alone);
    }
  });
});

function textOf(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

const TIMES = { nowMs: 1000, level0RetentionMs: 100, snapshotRetentionMs: 500 };

describe("which files have served their time", () => {
  const level0Of = (spec: Readonly<Record<number, string>>, times = TIMES) =>
    planLevel0Retention(levelsOf(spec), times).map(({ file }) => describeFile(file));
  const above0Of = (spec: Readonly<Record<number, string>>, times = TIMES) =>
    planSnapshotRetention(levelsOf(spec), times).map(
      ({ file }) => `${file.level}:${describeFile(file)}`,
    );

  it("on level 0: old, and taken over by level 1", () => {
    expect(level0Of({ 0: "1-1 2-2 3-3" })).toEqual([]);
    expect(level0Of({ 0: "1-1 2-2 3-3 4-4", 1: "1-2" })).toEqual(["1-1", "2-2"]);
    expect(level0Of({ 0: "1-1@899 2-2@900 3-3@950", 1: "1-1 2-3" })).toEqual(["1-1"]);
  });

  it("on level 0: not what a younger file of it builds on", () => {
    expect(level0Of({ 0: "1-1 2-2 3-3@950 4-4@960", 1: "1-1 2-3" })).toEqual(["1-1"]);
    expect(level0Of({ 0: "1-1 2-2 3-3@950 4-4@960", 1: "1-3" })).toEqual([]);
  });

  it("on level 0: never the newest, and none behind one that is not old", () => {
    expect(level0Of({ 0: "1-1 2-2", 1: "1-2" })).toEqual(["1-1"]);
    expect(level0Of({ 0: "1-1 2-2@950 3-3 4-4", 1: "1-1 2-4" })).toEqual(["1-1"]);
  });

  it("on level 0: not for a file that the levels above do not lead to", () => {
    expect(level0Of({ 0: "1-1 2-2 3-3 4-4 5-5@950 6-6@960", 1: "1-6 3-4" })).toEqual([]);
  });

  it("on level 0: not what is in a hole of level 1 or behind a gap", () => {
    expect(level0Of({ 0: "1-1 2-2 3-3 4-4 5-5", 1: "1-1 3-4" })).toEqual(["1-1"]);
    expect(level0Of({ 0: "1-1 2-2 3-3 4-4 5-5", 1: "1-1 3-4", 9: "1-2" })).toEqual([
      "1-1",
      "3-3",
      "4-4",
    ]);
    expect(level0Of({ 0: "1-1 2-2 3-3 4-4", 1: "3-3", 9: "1-2" })).toEqual(["1-1", "2-2", "3-3"]);
    expect(level0Of({ 0: "1-1 2-2 3-3", 1: "3-3" })).toEqual([]);
  });

  it("above: snapshots before the one that the promised time begins with", () => {
    const spec = {
      1: "1-2@50 3-4@150 5-6@450 7-8@550 9-9@900",
      3: "1-4@150 5-8@550",
      9: "1-2@60 1-4@150 1-6@460 1-8@700",
    };
    expect(above0Of(spec)).toEqual(["9:1-2", "9:1-4", "1:1-2", "3:1-4", "1:3-4"]);
    expect(above0Of({ ...spec, 9: "1-6@600 1-8@700" })).toEqual([]);
    expect(above0Of({ ...spec, 9: "1-8@400" })).toEqual(["1:1-2", "3:1-4", "1:3-4", "1:5-6"]);
  });

  it("above: never the newest of a level", () => {
    expect(above0Of({ 1: "1-2", 2: "1-1 2-2", 9: "1-1 1-9" })).toEqual(["9:1-1", "2:1-1"]);
  });

  it("none, with a retention of zero", () => {
    const spec = { 0: "1-1 2-2", 1: "1-2 3-3", 9: "1-1 1-2" };
    expect(level0Of(spec, { ...TIMES, level0RetentionMs: 0 })).toEqual([]);
    expect(above0Of(spec, { ...TIMES, snapshotRetentionMs: 0 })).toEqual([]);
  });

  it("and what would be lost without a file is found", async () => {
    const levels = levelsOf({ 0: "1-1 2-2 3-3@950 4-4@960", 1: "1-2 3-4@950" });
    let turns = 0;
    const giveWay = async () => {
      turns += 1;
    };
    const lossOf = (text: string, level = 0) =>
      findLoss(levels, [parseFile(level, text)], TIMES, giveWay);
    expect(await lossOf("1-1")).toBeUndefined();
    // A moment within the retention of level 0.
    expect(await lossOf("3-3@950")).toBe(3n);
    expect(await lossOf("4-4@960")).toBeUndefined();
    // The end of a file of level 1: level 0 still has it.
    expect(await lossOf("1-2", 1)).toBeUndefined();
    const both = [parseFile(0, "2-2"), parseFile(1, "1-2")];
    expect(await findLoss(levels, both, TIMES, giveWay)).toBe(4n);
    expect(turns).toBeGreaterThan(5);
  });
});
