/** `headwater describe`: one LTX file, on this machine or in a replica's store. */

import { readFile } from "node:fs/promises";
import { describe, type LtxDescription } from "@headwater/ltx";
import type { Command } from "commander";
import { examples, type Kit, outputOptions } from "../command-kit.ts";
import { EXIT } from "../exit-codes.ts";
import { useNativeCode } from "../native-code.ts";
import type { Printer } from "../output/printer.ts";
import { formatBytes } from "../output/units.ts";

interface DescribeOptions {
  readonly pages?: boolean;
}

export function addDescribe(program: Command, kit: Kit): void {
  const summary = "Show and verify an LTX file";
  const command = outputOptions(
    program
      .command("describe")
      .summary(summary)
      .description(`${summary}. Ends with 3 when it is damaged.`)
      .argument("<file>", "an LTX file on this machine"),
  ).option("--pages", "every page too, with its place in the file");
  examples(command, [
    ["describe 0000000000000001-0000000000000001.ltx", "its header, and whether it is sound"],
    ["describe --json --pages x.ltx", "everything in it but what the pages hold"],
  ]).action(async (path: string, options: DescribeOptions) => {
    await useNativeCode();
    const description = describe(await read(path));
    const { pages, ...rest } = description;
    const shown = options.pages === true ? description : { ...rest, pageCount: pages.length };
    kit.printer.result(shown, () => say(description, kit.printer, options.pages === true));
    if (!description.valid) kit.setExit(EXIT.damaged);
  });
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}; check the path`);
  }
}

function say(description: LtxDescription, printer: Printer, hasPages: boolean): string {
  const { header, trailer, pages, problem, fileSize } = description;
  const { colors } = printer;
  const facts: (readonly [string, string])[] = [
    ["file", `${formatBytes(fileSize)}${description.snapshot === true ? ", a snapshot" : ""}`],
  ];
  if (header !== null) {
    facts.push(
      ["transactions", `${header.minTxid} to ${header.maxTxid}`],
      ["made", header.timestamp],
      ["pages", `${pages.length} of ${header.pageSize} bytes`],
      ["database", `${header.commit} pages afterwards`],
      ["node id", header.nodeId],
    );
  }
  if (trailer !== null) facts.push(["checksum", trailer.fileChecksum]);
  const verdict =
    problem === null
      ? colors.green("sound")
      : colors.red(`damaged: ${problem.message} (${problem.code})`);
  facts.push(["state", verdict]);
  const rows = pages.map(({ pgno, offset, size, encoding }) => [
    { right: `${pgno}` },
    { right: `${offset}` },
    { right: `${size}` },
    encoding,
  ]);
  const list = hasPages ? `\n${printer.table(["page", "offset", "size", "encoding"], rows)}` : "";
  return `${printer.table([], facts)}${list}`;
}
