/**
 * What commands have in common: the replica that they are about, and options of the same name and
 * meaning.
 */

import { type Command, Option } from "commander";
import { durationOf } from "./moment.ts";
import type { Printer } from "./output/printer.ts";
import {
  type OpenedSource,
  openSource,
  type ReplicaSource,
  type SourceOptions,
  toReplicaSource,
} from "./replica-source.ts";
import { collectStoreOption, STORE_OPTION_NAMES } from "./store-options.ts";
import type { Io } from "./system.ts";

export interface Kit {
  readonly io: Io;
  readonly printer: Printer;
  /** What the program ends with, if it is not 0. */
  readonly setExit: (exitCode: number) => void;
}

export interface CommonOptions extends SourceOptions {
  readonly quiet?: boolean;
}

/** A command about the replica at a URL. */
export function replicaCommand(program: Command, name: string, summary: string): Command {
  const command = outputOptions(program.command(name).summary(summary).description(`${summary}.`));
  return storeOptions(
    command.argument("<url>", "the replica: s3://, gs://, abs://, tigris://, file://, or a folder"),
  );
}

export function outputOptions(command: Command): Command {
  return command
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "no progress and no remarks");
}

export function storeOptions(command: Command): Command {
  const names = `may be given again; one of ${STORE_OPTION_NAMES.join(", ")}`;
  const option = new Option("--store-option <name=value>", names)
    .argParser(collectStoreOption)
    .default({}, "none");
  return command
    .option("--endpoint <url>", "the server, where it is not the provider's own")
    .option("--region <name>", "the region of the bucket")
    .addOption(option);
}

export function sourceOf(url: string, options: CommonOptions, { printer }: Kit): ReplicaSource {
  if (options.quiet === true) printer.quiet();
  return toReplicaSource(url, options);
}

export function openReplicaAt(
  url: string,
  options: CommonOptions,
  kit: Kit,
): Promise<OpenedSource> {
  return openSource(sourceOf(url, options, kit));
}

export interface LeaseOptions {
  readonly wait?: string;
}

/** Of commands that change a replica: they take the lease, as a writer does. */
export function leaseOptions(command: Command): Command {
  return command.option("--wait <duration>", "wait so long for a writer to end, such as 30s");
}

export function leaseChoiceOf({ wait }: LeaseOptions): { readonly waitMs: number } {
  return { waitMs: wait === undefined ? 0 : durationOf("--wait", wait) };
}

/** Examples at the end of a command's help, each with a word of what it does. */
export function examples(command: Command, pairs: readonly (readonly [string, string])[]): Command {
  const text = pairs.map(([line, what]) => `  # ${what}\n  $ headwater ${line}`).join("\n");
  return command.addHelpText("after", `\nExamples:\n${text}`);
}
