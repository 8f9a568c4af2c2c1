import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../src/index.ts";
import * as limits from "../src/limits.ts";

const packageFolder = join(import.meta.dirname, "..");
/** Without the padding of tables. */
const readme = readFileSync(join(packageFolder, "README.md"), "utf8").replace(/ +/g, " ");
const source = readFileSync(join(packageFolder, "src", "errors.ts"), "utf8");

describe("README", () => {
  it("tells limits with the values that they have", () => {
    const told = [...readme.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)];
    expect(told.length).toBeGreaterThan(5);
    const values = new Map(Object.entries(limits));
    for (const [, name = "", value] of told) expect(`${values.get(name)}`).toBe(value);
  });

  it("tells every error code with its remedy", () => {
    const codes = [...source.matchAll(/^ {2}([A-Z_]+): "([a-z-]+)",/gm)];
    expect(codes.length).toBeGreaterThan(15);
    for (const [, code = "", remedy = ""] of codes) {
      expect(readme).toContain(`| \`${code}\` | ${remedy} |`);
      const error = new HeadwaterError(code as "CLOSED", "because");
      expect(error.remedy).toBe(remedy);
    }
  });
});
