/**
 * From the words of a command line to the number that the program ends with.
 *
 * Always true: whatever goes wrong is told in one sentence on standard error, and nobody ever sees
 * a stack trace.
 */

import { CommanderError } from "commander";
import { EXIT } from "./exit-codes.ts";
import { explain } from "./output/explain.ts";
import { Printer } from "./output/printer.ts";
import { makeProgram } from "./program.ts";
import { INTERRUPTED, type Io } from "./system.ts";

export async function run(words: readonly string[], io: Io): Promise<number> {
  const printer = new Printer(io, { isJson: words.includes("--json") });
  let exitCode: number = EXIT.ok;
  const program = makeProgram(io, printer, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    // The program has told it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    printer.finish();
    if (io.signal.aborted) {
      printer.remark("interrupted");
      return INTERRUPTED;
    }
    const { code, sentence, isUsage } = explain(error);
    printer.failure(code, sentence);
    return isUsage ? EXIT.usage : EXIT.failure;
  }
}
