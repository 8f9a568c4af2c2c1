/** What PRAGMA synchronous has flushed to the local disk, and when. */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DrivenProcess } from "./support/driven-process.ts";
import { preload } from "./support/preload.ts";
import { tempDir } from "./support/temp-dir.ts";

const COMMITS = 5;

it.for([
  ["off", 0],
  ["normal", 0],
  ["full", COMMITS],
  ["extra", COMMITS],
] as const)(
  "synchronous=%s flushes the journal %i times for five commits",
  async ([level, expected], { skip }) => {
    const folder = tempDir();
    const library = preload("flush-count.c", folder);
    if (library === undefined) return skip("no library can be put before those of the system here");
    const file = join(folder, "flushed");
    const flushed = () => (existsSync(file) ? statSync(file).size : 0);
    const watch = { FLUSH_COUNT_FILE: file, FLUSH_COUNT_SUFFIX: ".journal" };
    const env = { ...process.env, ...watch, LD_PRELOAD: library };
    const child = new DrivenProcess("./headwater-child.ts", { env });
    const url = `file://${tempDir()}/app.db`;
    const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: 600_000 };
    const name = await child.call("mount", options);
    await child.call("exec", name, `pragma synchronous = ${level}; create table t(a)`);
    await child.call("flush", name);
    const before = flushed();
    for (let i = 0; i < COMMITS; i += 1) await child.call("exec", name, "insert into t values (1)");
    expect(flushed() - before).toBe(expected);
    // Before the bucket hears of a commit, the disk has it, whatever was chosen.
    await child.call("flush", name);
    expect(flushed() - before).toBeGreaterThan(expected);
  },
);

it("does not stop flushing when the level is refused within a transaction", async ({ skip }) => {
  const folder = tempDir();
  const library = preload("flush-count.c", folder);
  if (library === undefined) return skip("no library can be put before those of the system here");
  const file = join(folder, "flushed");
  const watch = { FLUSH_COUNT_FILE: file, FLUSH_COUNT_SUFFIX: ".journal" };
  const child = new DrivenProcess("./headwater-child.ts", {
    env: { ...process.env, ...watch, LD_PRELOAD: library },
  });
  const url = `file://${tempDir()}/app.db`;
  const options = { url, mode: "write", journalDir: tempDir(), syncIntervalMs: 600_000 };
  const name = await child.call("mount", options);
  await child.call("exec", name, "pragma synchronous = full; create table t(a)");
  await child.call("flush", name);
  await child.call("exec", name, "begin");
  await expect(child.call("exec", name, "pragma synchronous = off")).rejects.toMatchObject({
    code: "SQLITE_ERROR",
  });
  await child.call("exec", name, "commit");
  const before = statSync(file).size;
  await child.call("exec", name, "insert into t values (1)");
  expect(statSync(file).size - before).toBe(1);
});
