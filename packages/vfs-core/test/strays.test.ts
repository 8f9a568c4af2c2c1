import { toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { compareFiles, type LtxFile } from "../src/ltx-file.ts";
import { planRestore } from "../src/restore-plan.ts";
import { withoutStrays } from "../src/strays.ts";
import { seededRandom } from "./support/random.ts";
import { range } from "./support/world.ts";

type Name = readonly [level: number, min: number, max: number];

function file([level, min, max]: Name): LtxFile {
  const [minTxid, maxTxid] = [toTxid(BigInt(min)), toTxid(BigInt(max))];
  return { level, minTxid, maxTxid, key: `${level}/${min}-${max}`, size: 1, createdAtMs: 0 };
}

function levelsOf(names: readonly Name[]): LtxFile[][] {
  return range(0, 9).map((level) =>
    names
      .filter(([of]) => of === level)
      .map(file)
      .sort(compareFiles),
  );
}

function left(...names: Name[]): string[] {
  return withoutStrays(levelsOf(names))[0]!.map(({ key }) => key);
}

describe("withoutStrays", () => {
  it("leaves out what is behind a gap and held by a level above", () => {
    expect(left([0, 3, 3], [0, 9, 9], [1, 1, 8])).toEqual(["0/9-9"]);
    expect(left([0, 3, 3], [0, 9, 9], [9, 1, 9])).toEqual(["0/9-9"]);
    expect(left([0, 2, 2], [0, 3, 3], [0, 8, 8], [0, 9, 9], [2, 1, 7])).toEqual(["0/8-8", "0/9-9"]);
  });

  it("keeps what no level above holds whole", () => {
    expect(left([0, 3, 3], [0, 9, 9], [1, 4, 8])).toEqual(["0/3-3", "0/9-9"]);
    expect(left([0, 3, 5], [0, 9, 9], [1, 1, 4])).toEqual(["0/3-5", "0/9-9"]);
  });

  it("keeps all that leads to the newest, whatever is above", () => {
    expect(left([0, 3, 3], [0, 4, 4], [1, 1, 4])).toEqual(["0/3-3", "0/4-4"]);
    expect(left([0, 1, 1])).toEqual(["0/1-1"]);
    expect(left()).toEqual([]);
  });

  it("changes nothing in what the latest state is, in random listings", () => {
    const random = seededRandom(5);
    for (let run = 0; run < 2_000; run += 1) {
      const names = range(0, 3).flatMap((level) =>
        range(1, 1 + random(6)).map((): Name => {
          const min = 1 + random(20);
          return [level, min, level === 0 ? min : min + random(6)];
        }),
      );
      const levels = levelsOf(random(2) === 0 ? names : [...names, [9, 1, 1 + random(20)]]);
      const whole = planRestore(levels, { type: "latest" }).txid;
      expect(planRestore(withoutStrays(levels), { type: "latest" }).txid).toBe(whole);
    }
  });
});
