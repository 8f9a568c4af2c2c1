import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FRAME_WORD, HEADER_WORD } from "../src/index.ts";
import { CACHE_BYTES_MAX, FRAMES_MIN } from "../src/limits.ts";

const packageFolder = join(import.meta.dirname, "..");
const readme = readFileSync(join(packageFolder, "README.md"), "utf8");

describe("README", () => {
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);

  it.each(blocks.map((code, index) => [index + 1, code]))(
    "block %i says what it prints",
    (_, code) => {
      const flags = ["--conditions=@headwater/source", "--disable-warning=ExperimentalWarning"];
      const input = ["--input-type=module-typescript", "--eval", `${code}`];
      const options = { cwd: packageFolder, encoding: "utf8" } as const;
      const { stderr, stdout } = spawnSync(process.execPath, [...flags, ...input], options);
      expect(stderr).toBe("");
      const said = [...`${code}`.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(
        ([, text]) => text,
      );
      expect(stdout.trim().split("\n")).toEqual(said);
    },
  );

  it("tells every limit that is public", () => {
    for (const [name, value] of Object.entries({ CACHE_BYTES_MAX, FRAMES_MIN })) {
      expect(readme).toMatch(new RegExp(`\\| \`${name}\` +\\| ${value} +\\|`));
    }
  });

  it("tells the words that the code has", () => {
    expect(Object.values(HEADER_WORD)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(FRAME_WORD).toEqual({
      version: 0,
      pgno: 1,
      fromSeqLow: 2,
      fromSeqHigh: 3,
      toSeqLow: 4,
      toSeqHigh: 5,
      next: 6,
      visited: 7,
    });
  });
});
