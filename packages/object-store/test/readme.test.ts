import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RETRY } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import * as limits from "../src/limits.ts";

const packageFolder = join(import.meta.dirname, "..");
const readme = readFileSync(join(packageFolder, "README.md"), "utf8");
/** Without the padding of tables. */
const table = readme.replace(/ +/g, " ");

describe("README", () => {
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);

  it.each(blocks.map((code, index) => [index + 1, code]))(
    "block %i runs and prints what it says",
    (_, code) => {
      const flags = ["--conditions=@headwater/source", "--disable-warning=ExperimentalWarning"];
      const input = ["--input-type=module-typescript", "--eval", `${code}`];
      const options = { cwd: packageFolder, encoding: "utf8" } as const;
      const { stderr, stdout } = spawnSync(process.execPath, [...flags, ...input], options);
      expect(stderr).toBe("");
      for (const [, said = ""] of `${code}`.matchAll(/console\.log\(.*\); \/\/ (.*)/g)) {
        expect(stdout).toContain(said);
      }
    },
  );

  it("shows the store that passes the contract and serves a database in the tests", () => {
    const example = readFileSync(join(packageFolder, "test", "example-store.ts"), "utf8");
    expect(blocks).toContain(example);
  });

  it("tells every limit with its value", () => {
    const told = new Map<string, string>();
    for (const [, names = "", values = ""] of table.matchAll(
      /^\| (`[A-Z][^|]*) \| ([\d, ]+) \|/gm,
    )) {
      const each = values.split(", ");
      for (const [index, name] of [...names.matchAll(/`(\w+)`/g)].entries()) {
        told.set(name[1] as string, each[Math.min(index, each.length - 1)] as string);
      }
    }
    const untold = ["FILE_CHUNK_BYTES", "FILE_STATS_PARALLEL", "ERROR_TEXT_LENGTH_MAX"];
    for (const [name, value] of Object.entries(limits)) {
      if (!untold.includes(name)) expect(`${name} ${told.get(name)}`).toBe(`${name} ${value}`);
    }
  });

  it("tells every error code with what may be done next", () => {
    for (const [code, retry] of Object.entries(RETRY)) {
      expect(table).toContain(`| \`${code}\` | ${retry} |`);
    }
  });
});
