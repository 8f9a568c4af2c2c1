import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../support/linked-copies.ts", import.meta.url));
const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

/** As package managers make it who keep each file once, for packages with other neighbours. */
function linkedCopy(): string {
  const folder = join(tempDir(), "node-binding");
  mkdirSync(folder);
  for (const name of ["src", "package.json"]) {
    cpSync(join(PACKAGE, name), join(folder, name), { recursive: true });
  }
  for (const name of ["node_modules", "prebuilds"]) {
    symlinkSync(join(PACKAGE, name), join(folder, name));
  }
  return folder;
}

it.each(["main", "thread"])("lets two copies share one binary, and the engine of a %s", (where) => {
  const paths = [PACKAGE, linkedCopy()].map((folder) => join(folder, "src", "index.ts"));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...EXEC_ARGV, PROGRAM, ...paths, tempDir(), where],
    { encoding: "utf8", timeout: 20_000 },
  );
  expect({ stdout, stderr }).toEqual({ stdout: "1 2\n", stderr: "" });
});
