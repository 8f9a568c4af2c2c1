/**
 * Which SQLite libraries `--import @headwater/node-binding/register` teaches, and what it prints.
 */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { PACKAGE_DIR, programEnv, REGISTER } from "./support/asking.ts";
import { fileStore } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const run = promisify(execFile);

const OPEN = {
  "better-sqlite3": `
    import { createRequire } from "node:module";
    const Database = createRequire("${PACKAGE_DIR}")("better-sqlite3");
    const database = new Database("file:app.db?vfs=litestream");`,
  "node:sqlite": `
    import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync("file:app.db?vfs=litestream");`,
  "node:sqlite without a loader": `
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const database = new DatabaseSync("file:app.db?vfs=litestream");`,
};

const USE = `
  database.exec("create table item(text); insert into item values ('there')");
  const [isWriter] = Object.values(database.prepare("pragma litestream_write_enabled").get());
  console.log(database.prepare("select text from item").get().text, isWriter);
  database.close();`;

/** A copy of better-sqlite3 that only a dependency of the program finds. */
function addDependency(folder: string): void {
  const main = createRequire(import.meta.url).resolve("better-sqlite3/package.json");
  const copy = join(folder, "dependency/node_modules/better-sqlite3");
  mkdirSync(copy, { recursive: true });
  for (const part of ["package.json", "lib", "prebuilds"]) {
    cpSync(join(dirname(main), part), join(copy, part), { recursive: true });
  }
  writeFileSync(join(folder, "dependency/index.cjs"), 'module.exports = require("better-sqlite3")');
}

/** In a folder of its own, as a program that has none of our packages beside it. */
async function runProgram(
  code: string,
  prepare: (folder: string) => void = () => {},
): Promise<{ stdout: string; stderr: string }> {
  const folder = tempDir();
  prepare(folder);
  const program = join(folder, "program.mjs");
  writeFileSync(program, code);
  const env = programEnv(
    { LITESTREAM_REPLICA_URL: fileStore.place().options.url, LITESTREAM_WRITE_ENABLED: "true" },
    join(folder, "state"),
  );
  const args = ["--conditions=@headwater/source", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
  return run(process.execPath, [...args, ...REGISTER, program], { cwd: PACKAGE_DIR, env });
}

const WARNING = "SQLite is an experimental feature";

describe("a program that is not told to print no warnings", () => {
  it("uses better-sqlite3 from elsewhere, and hears nothing of node:sqlite", async () => {
    const { stdout, stderr } = await runProgram(OPEN["better-sqlite3"] + USE);
    expect(stdout).toBe("there 1\n");
    expect(stderr).toBe("");
  });

  it("uses node:sqlite, and hears that it is experimental, once", async () => {
    const { stdout, stderr } = await runProgram(OPEN["node:sqlite"] + USE);
    expect(stdout).toBe("there 1\n");
    expect(stderr.split(WARNING)).toHaveLength(2);
  });

  it("uses node:sqlite without loading it as a module", async () => {
    const { stdout } = await runProgram(OPEN["node:sqlite without a loader"] + USE);
    expect(stdout).toBe("there 1\n");
  });

  it("uses a copy of better-sqlite3 that only a dependency finds", async () => {
    const open = `
      import Database from "./dependency/index.cjs";
      const database = new Database("file:app.db?vfs=litestream");`;
    const { stdout, stderr } = await runProgram(open + USE, addDependency);
    expect(stdout).toBe("there 1\n");
    expect(stderr).toBe("");
  });

  it("uses neither, and hears nothing", async () => {
    const { stdout, stderr } = await runProgram("console.log('nothing to do')");
    expect(stdout).toBe("nothing to do\n");
    expect(stderr).toBe("");
  });
});
