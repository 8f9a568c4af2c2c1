import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const INDEX = new URL("../../src/index.ts", import.meta.url).href;
const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings", "--input-type=module"];

/** Prints the number of rows. */
const program = (folder: string): string => `
  const { openDatabase } = await import(${JSON.stringify(INDEX)});
  const opened = await openDatabase({
    url: ${JSON.stringify(`file://${folder}/app.db`)},
    mode: "write",
    journalDir: ${JSON.stringify(join(folder, "journal"))},
  });
  opened.database.exec("create table item(a); insert into item values (1)");
  console.log(opened.database.prepare("select count(*) from item").pluck().get());
  await opened.close();`;

const inThread = (text: string): string => `
  import { Worker } from "node:worker_threads";
  new Worker(${JSON.stringify(`(async () => {${text}})()`)}, { eval: true });`;

describe("a program that is in no file", () => {
  it.each([
    ["is piped into node", (folder: string) => program(folder)],
    ["is the text of a thread", (folder: string) => inThread(program(folder))],
  ])("opens a database when it %s", (_, textFor) => {
    const { stdout, stderr } = spawnSync(process.execPath, [...EXEC_ARGV, "-"], {
      encoding: "utf8",
      input: textFor(tempDir()),
    });
    expect({ stdout, stderr }).toEqual({ stdout: "1\n", stderr: "" });
  });
});
