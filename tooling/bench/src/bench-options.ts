/**
 * The choices that a run is made with, from the command line.
 */

import { Command, InvalidArgumentError } from "commander";
import type { Group } from "./groups/group.ts";

export interface BenchOptions {
  readonly groups: readonly string[];
  readonly sizesMb: readonly number[];
  readonly latenciesMs: readonly number[];
  /** Undefined: all. */
  readonly cases: readonly string[] | undefined;
  /** Contenders by name. Undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Undefined: as many as the case asks for. */
  readonly repeat: number | undefined;
  /** Undefined: a file named for the time. */
  readonly out: string | undefined;
  readonly check: boolean;
  /** One short round of each case: that it works, not how fast. */
  readonly brief: boolean;
  /** Print a summary for a README too. */
  readonly markdown: boolean;
  /** Run the packages from their TypeScript sources, not as they are published. */
  readonly source: boolean;
}

interface RawOptions extends Omit<BenchOptions, "sizesMb" | "latenciesMs"> {
  readonly sizes: readonly number[];
  readonly latencies: readonly number[];
}

/** Ends the program with one sentence when the arguments are wrong, and for `--help`. */
export function parseBenchOptions(args: readonly string[], groups: readonly Group[]): BenchOptions {
  const groupNames = groups.map(({ name }) => name);
  const caseNames = groups.flatMap((group) => group.caseNames);
  const contenderNames = groups.flatMap((group) => group.contenderNames);
  const command = new Command("bench")
    .description("Measures Headwater beside litestream-vfs and plain files, in one run.")
    .option("--groups <names>", "groups of cases to run", oneOf(groupNames), groupNames)
    .option("--sizes <MB>", "database sizes", numbers(1, 4000), [20, 200])
    .option(
      "--latencies <ms>",
      "what the store adds to every request",
      numbers(0, 1000),
      [0, 5, 20],
    )
    .option("--cases <names>", "only these cases", oneOf(caseNames))
    .option("--only <names>", "only these contenders", oneOf(contenderNames))
    .option("--repeat <count>", "repetitions of every case", count)
    .option("--out <file>", "where the JSON goes; by default a new file in bench-results/")
    .option("--check", "compare with the bars, and fail if one is missed", false)
    .option("--brief", "one short round of each case, to see that it works", false)
    .option("--markdown", "print a summary in Markdown too", false)
    .option("--source", "measure the packages from their sources, without building them", false)
    .showHelpAfterError("(--help shows all options)");
  command.parse(args, { from: "user" });
  const { sizes, latencies, ...rest } = command.opts<RawOptions>();
  const { cases, only, repeat, out } = rest;
  return { ...rest, cases, only, repeat, out, sizesMb: sizes, latenciesMs: latencies };
}

function words(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function oneOf(known: readonly string[]) {
  return (text: string): string[] => {
    for (const word of words(text)) {
      if (!known.includes(word)) throw new InvalidArgumentError(`There is ${known.join(", ")}.`);
    }
    return words(text);
  };
}

function numbers(min: number, max: number) {
  return (text: string): number[] => {
    const all = words(text).map(Number);
    if (all.length === 0 || !all.every((n) => Number.isInteger(n) && n >= min && n <= max)) {
      throw new InvalidArgumentError(`Expected whole numbers from ${min} to ${max}, as "5,20".`);
    }
    return [...new Set(all)].sort((a, b) => a - b);
  };
}

function count(text: string): number {
  const [value = 0] = numbers(1, 1000)(text);
  return value;
}
