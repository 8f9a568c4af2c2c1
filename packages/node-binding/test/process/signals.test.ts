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

it.each([
  ["asked for it twice", []],
  ["asked for it, and was started with /register", REGISTER],
] as const)("a signal ends a program that has %s", async (_how, execArgs) => {
  const { url, program } = await startWriter(execArgs);
  await program.call("closeOnSignals");
  if (execArgs.length === 0) await program.call("closeOnSignals");
  process.kill(program.pid, "SIGTERM");
  expect(await within("the end", program.ended)).toMatchObject({ signal: "SIGTERM", stderr: "" });
  await expectUploaded(url);
});

it("a program may close on a signal what was closed by it before", async () => {
  const { url, program, name } = await startWriter();
  await program.call("closeOnSignals");
  await program.call("closeOn", "SIGTERM", name);
  process.kill(program.pid, "SIGTERM");
  expect(await within("the end", program.ended)).toMatchObject({ code: 0, stderr: "" });
  await expectUploaded(url);
});

const NAMESPACE = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];

it("a signal ends the first process of a container that was started with /register", (context) => {
  const { status } = spawnSync("unshare", [...NAMESPACE, "true"]);
  context.skip(status !== 0, "this machine lets nobody make namespaces");
  // One that the kernel kept from the process would leave it to the timer.
  const program = `
    setTimeout(() => process.exit(9), 2000);
    setImmediate(() => process.kill(process.pid, "SIGTERM"));`;
  const node = [process.execPath, "--conditions=@headwater/source", "--no-warnings", ...REGISTER];
  const ended = spawnSync(
    "unshare",
    [...NAMESPACE, ...node, "--input-type=module", "--eval", program],
    { cwd: PACKAGE_DIR, env: programEnv({}, tempDir()), encoding: "utf8" },
  );
  expect(ended).toMatchObject({ status: 143, stderr: "" });
});
