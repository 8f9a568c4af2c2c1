/**
 * The command line of the lab.
 */

import { Command, InvalidArgumentError } from "commander";
import { DEFAULT_FAULTS, FAULT_NAMES, FAULTS, type FaultName } from "./faults.ts";
import { MUTATION_NAMES, MUTATIONS, type Mutation } from "./mutations.ts";

export interface SimulationOptions {
  readonly firstSeed: number;
  readonly lastSeed: number;
  readonly trace: boolean;
  readonly harsh: boolean;
  readonly faults: readonly FaultName[];
  readonly mutations: readonly Mutation[];
}

export interface ProcessesOptions {
  readonly url: string;
  readonly minutes: number;
  readonly kills: number;
  readonly litestream: boolean;
}

export interface SoakOptions {
  readonly url: string | undefined;
  readonly minutes: number;
  readonly perSecond: number;
}

export interface LabCommands {
  simulate(options: SimulationOptions): Promise<number>;
  processes(options: ProcessesOptions): Promise<number>;
  soak(options: SoakOptions): Promise<number>;
}

/** Runs what the arguments say; resolves with the exit code. */
export async function runLab(args: readonly string[], commands: LabCommands): Promise<number> {
  let code = 0;
  const program = new Command("fault-lab");
  program
    .command("simulate", { isDefault: true })
    .description("everything in one process, in virtual time, from a seed")
    .option("--seeds <from..to>", "which runs", parseSeeds, { first: 1, last: 200 })
    .option("--seed <number>", "one run", parseWhole)
    .option("--trace", "print everything that happens", false)
    .option("--harsh", "all of the faults in each run, as often as it gets", false)
    .option("--faults <names>", "what may go wrong", namesOf(FAULT_NAMES), DEFAULT_FAULTS)
    .option("--mutations <names>", "what is broken on purpose", namesOf(MUTATION_NAMES), [])
    .addHelpText("after", `\n${describe("Faults", FAULTS)}\n${describe("Mutations", MUTATIONS)}`)
    .action(async ({ seeds, seed, trace, harsh, faults, mutations }) => {
      const [firstSeed, lastSeed] = seed === undefined ? [seeds.first, seeds.last] : [seed, seed];
      code = await commands.simulate({ firstSeed, lastSeed, trace, harsh, faults, mutations });
    });
  program
    .command("processes")
    .description("real processes on a real bucket, killed at random moments")
    .requiredOption("--url <url>", "an empty place, such as s3://bucket/fault-lab")
    .option("--minutes <number>", "how long", parseNumber, 10)
    .option("--kills <number>", "end after so many kills at the latest", parseWhole, 1_000)
    .option("--no-litestream", "without a follower that runs litestream-vfs")
    .action(async ({ url, minutes, kills, litestream }) => {
      code = await commands.processes({ url, minutes, kills, litestream });
    });
  program
    .command("soak")
    .description("a writer and readers with local images, for hours; nobody is to notice them")
    .option("--url <url>", "an empty place; without one, on a server that is started here")
    .option("--minutes <number>", "how long", parseNumber, 30)
    .option("--per-second <number>", "transactions of the writer", parseNumber, 20)
    .action(async ({ url, minutes, perSecond }) => {
      code = await commands.soak({ url, minutes, perSecond });
    });
  await program.parseAsync(args, { from: "user" });
  return code;
}

function parseSeeds(text: string): { readonly first: number; readonly last: number } {
  const match = /^(\d+)\.\.(\d+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected two numbers, such as 1..200.");
  return { first: Number(match[1]), last: Number(match[2]) };
}

function parseWhole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number.");
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

function namesOf<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text
      .split(",")
      .filter((name) => name !== "")
      .map((name) => {
        const found = known.find((one) => one === name);
        if (found !== undefined) return found;
        throw new InvalidArgumentError(`There is no "${name}"; there are ${known.join(", ")}.`);
      });
}

function describe(title: string, names: Readonly<Record<string, string>>): string {
  const lines = Object.entries(names).map(([name, text]) => `  ${name.padEnd(20)} ${text}`);
  return [`${title}:`, ...lines].join("\n");
}
