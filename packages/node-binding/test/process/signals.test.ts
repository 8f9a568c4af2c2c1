/** What a signal does to a program that listens to it more than once, by us and by itself. */

import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { PACKAGE_DIR, programEnv, REGISTER } from "../support/asking.ts";
import { DrivenProcess } from "../support/driven-process.ts";
import { scalar } from "../support/dump.ts";
import { within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { tempDir } from "../support/temp-dir.ts";

const ADD = "create table item(text); insert into item values ('x')";
const NEVER_MS = 600_000;

async function startWriter(execArgs: readonly string[] = []) {
  const url = `file://${tempDir()}/app.db`;
  const program = new DrivenProcess("./headwater-child.ts", {
    execArgs,
    cwd: PACKAGE_DIR,
    env: programEnv({}, tempDir()),
  });
  const journalDir = tempDir();
  const options = { url, mode: "write", journalDir, syncIntervalMs: NEVER_MS };
  const name = (await program.call("mount", options)) as string;
  await program.call("exec", name, ADD);
  return { url, program, name };
}

async function expectUploaded(url: string): Promise<void> {
  const { database } = await openWriter({ url, mustExist: true });
  expect(scalar(database, "select count(*) from item")).toBe(1);
}

it("a program may close on a signal what was closed by it before", async () => {
  const { url, program, name } = await startWriter();
  await program.call("closeOnSignals");
  await program.call("closeOn", "SIGTERM", name);
  process.kill(program.pid, "SIGTERM");
  expect(await within("the end", program.ended)).toMatchObject({ code: 0, stderr: "" });
  await expectUploaded(url);
});
