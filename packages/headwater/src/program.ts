/**
 * The commands, and what each of them takes.
 */

import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { Kit } from "./command-kit.ts";
import { addDescribe } from "./commands/describe.ts";
import { addImport } from "./commands/import.ts";
import { addInfo } from "./commands/info.ts";
import { addJournal } from "./commands/journal.ts";
import { addLease } from "./commands/lease.ts";
import { addList } from "./commands/list.ts";
import { addCompact, addRetain, addSnapshot } from "./commands/maintain.ts";
import { addQuery } from "./commands/query.ts";
import { addRestore } from "./commands/restore.ts";
import { addVerify } from "./commands/verify.ts";
import type { Printer } from "./output/printer.ts";
import type { Io } from "./system.ts";

const DESCRIPTION = `Restore, import, look into and repair SQLite databases in object storage.

A replica is named by its URL, in Litestream's forms:
  s3://bucket/path             ?endpoint=, ?region=, ?forcePathStyle= and so on
  gs://bucket/path   abs://account@container/path   tigris://bucket/path
  file:///folder, or the folder itself
  module:./my-store.js         a store of your own
Credentials come from the environment, as the SDK of each provider reads it.`;

const AFTER = `
Exit codes: 0 done, 1 failed, 2 the command makes no sense, 3 "verify" or "describe" found damage,
130 interrupted.
Results go to standard output, all else to standard error. NO_COLOR is respected.`;

/** As they are listed in the help. */
const COMMANDS: readonly ((program: Command, kit: Kit) => void)[] = [
  addInfo,
  addList,
  addRestore,
  addVerify,
  addImport,
  addSnapshot,
  addCompact,
  addRetain,
  addLease,
  addJournal,
  addQuery,
  addDescribe,
];

/** The same from src/ and from dist/. */
const PACKAGE = new URL("../package.json", import.meta.url);

export function makeProgram(
  io: Io,
  printer: Printer,
  setExit: (exitCode: number) => void,
): Command {
  const { version } = JSON.parse(readFileSync(PACKAGE, "utf8")) as { readonly version: string };
  const kit: Kit = { io, printer, setExit };
  const program = new Command("headwater")
    .description(DESCRIPTION)
    .version(version)
    .showHelpAfterError('(add "--help" to see what it takes)')
    .configureOutput({
      writeOut: io.out,
      // Then `run` tells what is wrong with the words, as JSON.
      writeErr: printer.isJson ? () => {} : io.err,
    })
    .addHelpText("after", AFTER)
    .exitOverride();
  for (const add of COMMANDS) add(program, kit);
  return program;
}
