/** `headwater verify`: whether a replica is sound, and the same as a database file. */

import {
  type Comparison,
  compareDatabase,
  type Finding,
  type Verification,
  verifyReplica,
} from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { openLocalDatabase } from "../database/local-database.ts";
import { EXIT, UsageError } from "../exit-codes.ts";
import { type MomentOptions, momentOptions, targetOf } from "../moment.ts";
import { useNativeCode } from "../native-code.ts";
import type { Printer } from "../output/printer.ts";
import { formatBytes, formatCount } from "../output/units.ts";

interface VerifyOptions extends CommonOptions, MomentOptions {
  readonly quick?: boolean;
  readonly compare?: string;
}

export function addVerify(program: Command, kit: Kit): void {
  const command = momentOptions(replicaCommand(program, "verify", "Check a replica"))
    .option("--quick", "look at names alone, and do not read the files")
    .option("--compare <file>", "compare it with a database file, page by page");
  command.description(
    "Check a replica: the checksum of every file, that no transaction is missing, what lies " +
      "there in vain. Ends with 3 when something is wrong, and says what to do. --time and " +
      "--txid are for --compare.",
  );
  examples(command, [
    ["verify s3://bucket/app.db", "read everything"],
    ["verify --quick s3://bucket/app.db", "only see that no transaction is missing"],
    ["verify --compare app.db s3://bucket/app.db", "see that the bucket has what the file has"],
  ]).action(async (url: string, options: VerifyOptions) => {
    const target = targetOf(options);
    if (options.compare === undefined && target.type !== "latest") {
      throw new UsageError("--time and --txid go with --compare: files are verified as they are");
    }
    const { printer, io } = kit;
    await useNativeCode();
    await using opened = await openReplicaAt(url, options, kit);
    await using database =
      options.compare === undefined
        ? undefined
        : await openLocalDatabase(options.compare, io.signal);
    const { signal } = io;
    const verification = await verifyReplica(opened, {
      isQuick: options.quick,
      signal,
      onProgress: (done, total) => printer.progress("verifying", done, total),
    });
    const canCompare = database !== undefined && verification.isSound;
    const comparison = canCompare
      ? await compareDatabase(opened, database, {
          target,
          signal,
          onProgress: (done, total) => printer.progress("comparing", done, total),
        })
      : undefined;
    const isSound = verification.isSound && comparison?.isSame !== false;
    printer.result({ ...verification, isSound, comparison }, () => {
      const words = say(verification, comparison, options.quick === true, printer);
      const isLeftOut = database !== undefined && comparison === undefined;
      return `${words}${isLeftOut ? `${options.compare} was not compared with it\n` : ""}`;
    });
    if (!isSound) kit.setExit(EXIT.damaged);
  });
}

function say(
  { findings, fileCount, bytes, txid, isSound }: Verification,
  comparison: Comparison | undefined,
  isQuick: boolean,
  printer: Printer,
): string {
  const { colors } = printer;
  const order = [...findings].sort((a, b) => Number(b.isDamage) - Number(a.isDamage));
  const lines = order.map((finding) => sayFinding(finding, printer));
  const files = formatCount(fileCount, "file");
  const what = `${files}, ${formatBytes(bytes)}, up to transaction ${txid}`;
  const how = isQuick ? "nothing is missing, as far as names tell" : "sound";
  const verdict = isSound ? colors.green(how) : colors.red("not sound");
  const compared = comparison === undefined ? "" : `${sayComparison(comparison, printer)}\n`;
  return `${lines.join("")}${what}: ${verdict}\n${compared}`;
}

function sayFinding({ type, isDamage, what, next }: Finding, { colors }: Printer): string {
  const mark = isDamage ? colors.red(type) : colors.yellow(type);
  return `${mark}: ${what}\n  ${colors.dim("->")} ${next}\n`;
}

function sayComparison(comparison: Comparison, { colors }: Printer): string {
  const { isSame, txid, replica, file, differingCount, differingPgnos } = comparison;
  if (isSame) return `the file and transaction ${txid} ${colors.green("are the same")}`;
  const next = "compare with the same transaction (--txid), or restore the one that is wrong";
  if (replica.pageSize !== file.pageSize) {
    const sizes = `${file.pageSize} and ${replica.pageSize} bytes`;
    return `${colors.red("different")}: pages of ${sizes}; these are different databases`;
  }
  const counts =
    replica.pageCount === file.pageCount
      ? ""
      : `${file.pageCount} pages in the file and ${replica.pageCount} in the replica; `;
  const first = differingPgnos.join(", ");
  const more = differingCount > differingPgnos.length ? ", ..." : "";
  const pages =
    differingCount === 0 ? "" : `${formatCount(differingCount, "page")} differ: ${first}${more}; `;
  return `${colors.red("different")} from transaction ${txid}: ${counts}${pages}${next}`;
}
