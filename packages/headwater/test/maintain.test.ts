import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson } from "./support/headwater.ts";
import { folders, type Place, s3 } from "./support/places.ts";
import { openWriter, writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const part = "headwater compact and lease";
const PLACES = [folders, await s3("miniflare", part)];

interface Listed {
  readonly level: number;
  readonly minTxid: number;
  readonly maxTxid: number;
}

async function list(place: Place): Promise<string[]> {
  const files = await headwaterJson(["list", place.url], place);
  return (files as unknown as Listed[]).map(
    ({ level, minTxid, maxTxid }) => `${level}: ${minTxid}-${maxTxid}`,
  );
}

describe.each(PLACES)("on $name", ({ problem, make }) => {
  it.runIf(problem === undefined)(
    "compact, snapshot and retain do what a writer would",
    async () => {
      const place = make();
      await writeHistory(place);
      const compacted = await headwaterJson(["compact", "--all", place.url], place);
      expect(compacted).toEqual([
        { type: "compact", level: 1, isAll: true, fileCount: 1 },
        { type: "compact", level: 2, isAll: true, fileCount: 1 },
        { type: "compact", level: 3, isAll: true, fileCount: 1 },
      ]);
      expect((await headwater(["snapshot", place.url], place)).stdout).toBe("snapshot made\n");
      const again = await headwater(["snapshot", place.url], place);
      expect(again.stdout).toContain("has everything already");
      const above = ["1: 1-5", "2: 1-5", "3: 1-5", "9: 1-5"];
      expect(await list(place)).toEqual([
        "0: 1-1",
        "0: 2-2",
        "0: 3-3",
        "0: 4-4",
        "0: 5-5",
        ...above,
      ]);
      // Nothing is old enough for what is promised by default.
      expect(await headwaterJson(["retain", place.url], place)).toMatchObject([{ fileCount: 0 }]);
      // The store's clock has steps of a second.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      const words = ["retain", "--l0-retention", "1ms", place.url];
      const [{ fileCount }] = (await headwaterJson(words, place)) as unknown as [
        { readonly fileCount: number },
      ];
      // Those around the transaction at which the holder began stay.
      expect(fileCount).toBe(3);
      expect(await list(place)).toEqual(["0: 4-4", "0: 5-5", ...above]);
      expect((await headwater(["verify", place.url], place)).code).toBe(0);
    },
  );

  it.runIf(problem === undefined)("a writer's lease is respected, shown and broken", async () => {
    const place = make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n)");
    await writer.flush();
    const refused = await headwater(["snapshot", place.url], place);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("is held by");
    expect(refused.stderr.trimEnd()).not.toContain("\n");
    const shown = await headwaterJson(["lease", "show", place.url], place);
    expect(shown).toMatchObject({ state: "held", generation: 1, ttlMs: 30_000 });

    const unforced = await headwater(["lease", "break", place.url], place);
    expect([unforced.code, unforced.stderr.includes("--force")]).toEqual([1, true]);
    const broken = await headwaterJson(["lease", "break", "--force", place.url], place);
    expect(broken).toMatchObject({ broken: { state: "held", generation: 1 } });
    // The writer finds out at its next renewal, and says so.
    const write = async () => {
      for (;;) {
        writer.database.exec("insert into t values (1)");
        await writer.flush();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await expect(write()).rejects.toThrow(/generation|read-?only|lease/i);
    const taken = await headwater(["snapshot", "--wait", "20s", place.url], place);
    expect([taken.code, taken.stderr]).toEqual([0, ""]);
    const free = await headwater(["lease", "break", place.url], place);
    expect(free.stdout).toContain("nothing to break");
  });
});

describe("options of maintenance", () => {
  it.each([
    ["compact", "--level=9"],
    ["compact", "--level=0"],
    ["retain", "--l0-retention=5"],
    ["snapshot", "--wait=long"],
  ])("%s %s is a mistake", async (command, option) => {
    const { code, stderr } = await headwater([command, option, "file:///nowhere"]);
    expect(code).toBe(2);
    expect(stderr).toContain(option.split("=")[1]);
  });
});
