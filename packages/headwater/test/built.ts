/**
 * Runs what was built, as it is published, and ends with an error if it does not work: the tests
 * all run the sources. `npm test` calls this when everything is built.
 */

import { equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "headwater-built-"));
try {
  const [url, origin, restored] = ["replica", "origin.db", "restored.db"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const database = new DatabaseSync(origin);
  database.exec("create table note(text); insert into note values ('kept')");
  database.close();
  match(run("--help"), /Usage: headwater/);
  match(run("import", url, origin), /transaction 1/);
  match(run("info", url), /restorable/);
  match(run("restore", "--time", "now", url, restored), /transaction 1/);
  match(run("verify", "--compare", restored, url), /are the same/);
  match(run("query", url, "select text from note"), /kept/);
  match(run("snapshot", url), /has everything already/);
  match(run("lease", "show", url), /free/);
  equal(existsSync(`${restored}.restoring`), false);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: "utf8",
    timeout: 60_000,
  });
  equal(status, 0, `headwater ${words.join(" ")}: ${stderr}`);
  equal(stderr, "");
  return stdout;
}
