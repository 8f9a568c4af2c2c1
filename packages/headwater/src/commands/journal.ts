/** `headwater journal inspect`, `export`, `discard`: commits that never reached the bucket. */

import type { LeftJournal } from "@headwater/node-binding/offline";
import { HeadwaterError } from "@headwater/vfs-core";
import {
  type ExportResult,
  exportCommits,
  journalIdentity,
  readReplicaInfo,
} from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  replicaCommand,
  sourceOf,
} from "../command-kit.ts";
import { useNativeCode } from "../native-code.ts";
import type { Printer } from "../output/printer.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { type OpenedSource, openSource, type ReplicaSource } from "../replica-source.ts";

interface JournalOptions extends CommonOptions {
  readonly journalDir?: string;
}

interface ExportOptions extends JournalOptions {
  readonly ltx?: boolean;
  readonly overwrite?: boolean;
}

interface DiscardOptions extends JournalOptions {
  readonly yes?: boolean;
}

export function addJournal(program: Command, kit: Kit): void {
  const journal = program
    .command("journal")
    .summary("Look into, save or give up commits that never reached the bucket")
    .description(
      "Commits wait in a folder of their own until they are in the bucket. When somebody else " +
        "has written there meanwhile, they stay in it, and opening in write mode says so " +
        "(JOURNAL_CONFLICT). These commands tell what they are, save them, and give them up.",
    );
  addInspect(journal, kit);
  addExport(journal, kit);
  addDiscard(journal, kit);
}

function addInspect(journal: Command, kit: Kit): void {
  const command = journalCommand(journal, "inspect", "Show what a journal holds");
  examples(command, [
    ["journal inspect s3://bucket/app.db", "the journal that this user's programs write"],
    ["journal inspect --journal-dir /var/lib/app/journal s3://bucket/app.db", "another one"],
  ]).action(async (url: string, options: JournalOptions) => {
    const source = sourceOf(url, options, kit);
    await using left = await openLeft(source, options, kit);
    await using opened = await openSource(source);
    requireSame(left, source, opened);
    const bucketTxid = await findBucketTxid(opened, kit.io.signal);
    const { path, identity, synced, intents, segments, commitCount, changedPageCount } = left;
    const { pageCount, pageSize } = left;
    const verdict = judge(left, bucketTxid);
    const counts = { commitCount, changedPageCount, pageCount, pageSize };
    kit.printer.result(
      { path, replica: identity, synced, intents, segments, ...counts, bucketTxid, ...verdict },
      () => say(left, bucketTxid, verdict, kit.printer),
    );
  });
}

function addExport(journal: Command, kit: Kit): void {
  const command = journalCommand(journal, "export", "Save the commits of a journal to a file")
    .argument("<file>", "the file to be made")
    .option("--ltx", "an LTX file of the changed pages alone, in place of a database")
    .option("--overwrite", "take the place of a file that is there");
  command.description(
    "Save the commits of a journal to a file: the database as its writer saw it, made of the " +
      "replica at the transaction on which they were made. Journal and replica stay as they are.",
  );
  examples(command, [
    ["journal export s3://bucket/app.db stranded.db", "to compare, or to take rows from"],
    ["journal export --ltx s3://bucket/app.db stranded.ltx", "when that transaction is gone"],
  ]).action(async (url: string, path: string, options: ExportOptions) => {
    const source = sourceOf(url, options, kit);
    const locks = await useNativeCode();
    await using left = await openLeft(source, options, kit);
    await using opened = await openSource(source);
    requireSame(left, source, opened);
    const { printer, io } = kit;
    const { journal, synced } = left;
    const result = await exportCommits(
      opened,
      { journal, synced },
      {
        path,
        locks,
        format: options.ltx === true ? "ltx" : "database",
        overwrite: options.overwrite,
        signal: io.signal,
        onProgress: ({ bytesDone, bytesTotal }) =>
          printer.progress("restoring", bytesDone, bytesTotal),
      },
    );
    printer.result(result, () => sayExport(left, result));
  });
}

function addDiscard(journal: Command, kit: Kit): void {
  const command = journalCommand(
    journal,
    "discard",
    "Give up what a journal holds, for good",
  ).option("--yes", "although there are commits that the bucket has not");
  examples(command, [
    ["journal discard --yes s3://bucket/app.db", "after they were saved with journal export"],
  ]).action(async (url: string, options: DiscardOptions) => {
    const source = sourceOf(url, options, kit);
    await using left = await openLeft(source, options, kit);
    // The default folder is that of the URL, and needs no store to be given up.
    if (options.journalDir !== undefined) {
      await using opened = await openSource(source);
      requireSame(left, source, opened);
    }
    const { path, commitCount, segments } = left;
    const isLost = commitCount > 0 || segments.some(({ problem }) => problem !== undefined);
    if (isLost && options.yes !== true) {
      throw new Error(
        `${path} holds ${formatCount(commitCount, "commit")} that may be nowhere else; save them ` +
          'with "headwater journal export", then give them up with --yes',
      );
    }
    await left.discard();
    kit.printer.result({ path, commitCount }, () =>
      commitCount === 0
        ? `${path}: taken away; the bucket has everything\n`
        : `${path}: taken away, and ${formatCount(commitCount, "commit")} with it\n`,
    );
  });
}

function journalCommand(journal: Command, name: string, summary: string): Command {
  return replicaCommand(journal, name, summary).option(
    "--journal-dir <folder>",
    "where it is; default: where programs of this user put it that name no other",
  );
}

async function openLeft(
  { source, storeOptions }: ReplicaSource,
  { journalDir }: JournalOptions,
  { io }: Kit,
): Promise<LeftJournal> {
  const { defaultJournalDir, openLeftJournal } = await import("@headwater/node-binding/offline");
  if (journalDir !== undefined) return openLeftJournal(journalDir);
  if (typeof source !== "string") throw new Error("name the folder of the journal: --journal-dir");
  return openLeftJournal(defaultJournalDir({ url: source, storeOptions }, io.env));
}

/** Who means another one would save what never was, or give up what nobody has saved. */
function requireSame(
  { path, identity }: LeftJournal,
  { source }: ReplicaSource,
  { replica }: OpenedSource,
): void {
  // What a module makes has no place that could be compared.
  if (typeof source !== "string") return;
  const wanted = journalIdentity(replica, source);
  if (wanted === identity) return;
  throw new Error(`${path} is the journal of ${identity}, not of ${wanted}; give the URL of that`);
}

/** Zero where there is no replica. */
async function findBucketTxid(opened: OpenedSource, signal: AbortSignal): Promise<bigint> {
  try {
    return (await readReplicaInfo(opened, signal)).newest.txid;
  } catch (error) {
    if (HeadwaterError.is(error, "REPLICA_NOT_FOUND")) return 0n;
    throw error;
  }
}

interface Verdict {
  readonly state: "empty" | "pending" | "stranded";
  readonly next: string;
}

function judge({ commitCount, synced, intents }: LeftJournal, bucketTxid: bigint): Verdict {
  if (commitCount === 0) {
    return { state: "empty", next: "nothing has to be done: the bucket has everything" };
  }
  const mayBeOurs = intents.some(({ txid }) => txid === bucketTxid);
  if ((synced?.txid ?? 0n) === bucketTxid || mayBeOurs) {
    return { state: "pending", next: "open it in write mode: that uploads them" };
  }
  const next =
    'save them with "headwater journal export", then give the journal up with "journal discard"';
  return { state: "stranded", next };
}

function say(
  left: LeftJournal,
  bucketTxid: bigint,
  { state, next }: Verdict,
  printer: Printer,
): string {
  const { synced, segments, commitCount, changedPageCount, identity, path } = left;
  const { colors } = printer;
  const color = { empty: colors.green, pending: colors.yellow, stranded: colors.red }[state];
  const base = synced === undefined ? "nothing" : `transaction ${synced.txid}`;
  const facts = [
    ["journal", path],
    ["of", identity],
    ["made on", `${base}; the bucket stands at transaction ${bucketTxid}`],
    [
      "holds",
      `${formatCount(commitCount, "commit")}, ${formatCount(changedPageCount, "changed page")}`,
    ],
    ["state", `${color(state)}: ${next}`],
  ];
  const rows = segments.map(({ path, bytes, baseTxid, firstSeq, lastSeq, problem }) => [
    path.split(/[/\\]/).at(-1) ?? path,
    { right: formatBytes(bytes) },
    { right: `${baseTxid}` },
    { right: lastSeq === 0 ? "none" : `${firstSeq}-${lastSeq}` },
    problem ?? "",
  ]);
  const table = printer.table(["segment", "size", "begun at", "commits", ""], rows);
  return `${printer.table([], facts)}\n${segments.length === 0 ? "" : table}`;
}

function sayExport({ commitCount }: LeftJournal, result: ExportResult): string {
  const { path, pageSize, pageCount, changedPageCount, fileName } = result;
  const commits = formatCount(commitCount, "commit");
  const pages = formatCount(changedPageCount, "page");
  if (fileName !== undefined) return `${path}: ${commits} in ${pages}; in a replica: ${fileName}\n`;
  return `${path}: ${formatBytes(pageSize * pageCount)}, with ${commits} in ${pages}\n`;
}
