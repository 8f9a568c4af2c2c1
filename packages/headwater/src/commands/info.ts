/** `headwater info`: levels, ranges, sizes, age, lease, and what can be restored. */

import { HeadwaterError } from "@headwater/vfs-core";
import {
  inspectReplicaLease,
  type LevelInfo,
  type OfflineReplica,
  type ReplicaInfo,
  readReplicaInfo,
} from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { type FoundLease, leaseToJson, sayLease } from "../output/lease-words.ts";
import type { Printer } from "../output/printer.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatRange,
  formatTime,
} from "../output/units.ts";

export function addInfo(program: Command, kit: Kit): void {
  const command = replicaCommand(program, "info", "Show what a replica has");
  examples(command, [
    ["info s3://bucket/app.db", "levels, sizes, and since when one can restore"],
    ["info --json s3://bucket/app.db | jq .ageMs", "how old the newest transaction is"],
  ]).action(async (url: string, options: CommonOptions) => {
    await using opened = await openReplicaAt(url, options, kit);
    const { signal } = kit.io;
    const [info, lease] = await Promise.all([
      readReplicaInfo(opened, signal),
      findLease(opened, signal),
    ]);
    const { printer } = kit;
    const result = { ...info, lease: leaseToJson(lease) };
    printer.result(result, () => say(info, lease, printer));
  });
}

/** What lies there and is none keeps nothing else from being told. */
async function findLease(opened: OfflineReplica, signal: AbortSignal): Promise<FoundLease> {
  try {
    return await inspectReplicaLease(opened, signal);
  } catch (error) {
    if (HeadwaterError.is(error, "LEASE_INVALID")) return error;
    throw error;
  }
}

const LEVEL_NAMES: Readonly<Record<number, string>> = { 0: "0 (as written)", 9: "9 (snapshots)" };

function say(info: ReplicaInfo, lease: FoundLease, printer: Printer): string {
  const { newest, oldest, pageCount, pageSize } = info;
  const since = `${formatTime(oldest.createdAtMs)} (transaction ${oldest.txid})`;
  const facts = [
    ["replica", info.name],
    ["database", `${formatBytes(pageCount * pageSize)}, ${pageCount} pages of ${pageSize} bytes`],
    ["stored", `${formatBytes(info.bytes)} in ${formatCount(info.fileCount, "file")}`],
    ["newest", `transaction ${newest.txid}, ${formatTime(newest.createdAtMs)}`],
    ["age", `${formatDuration(info.ageMs)} since the newest transaction`],
    ["restorable", `since ${since}, at ${formatCount(info.momentCount, "transaction")}`],
    ["lease", sayLease(lease)],
  ];
  const gap =
    info.gapBefore === undefined
      ? ""
      : printer.colors.red(
          `transactions ${newest.txid + 1n} to ${info.gapBefore - 1n} are missing: ` +
            'see "headwater verify"\n',
        );
  const levels = printer.table(["level", "files", "size", "transactions"], info.levels.map(toRow));
  return `${printer.table([], facts)}${gap}\n${levels}`;
}

function toRow({ level, fileCount, bytes, minTxid, maxTxid }: LevelInfo) {
  return [
    LEVEL_NAMES[level] ?? `${level}`,
    { right: `${fileCount}` },
    { right: formatBytes(bytes) },
    { right: formatRange(minTxid, maxTxid) },
  ];
}
