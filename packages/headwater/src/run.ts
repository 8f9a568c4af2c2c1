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
import { INTERRUPTED, Interruption, type Io } from "./system.ts";

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
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // The program has told it already, in words.
      if (printer.isJson) printer.failure("USAGE", error.message.replace(/^error: /, ""));
      return EXIT.usage;
    }
    printer.finish();
    if (io.signal.aborted) {
      printer.remark(error instanceof Interruption ? error.message : "interrupted");
      return INTERRUPTED;
    }
    const { code, sentence, isUsage } = explain(error);
    printer.failure(code, sentence);
    return isUsage ? EXIT.usage : EXIT.failure;
  }
}
