/** `headwater list`: the files of a replica. */

import { listReplica } from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { UsageError } from "../exit-codes.ts";
import { formatBytes, formatRange, formatTime } from "../output/units.ts";

interface ListOptions extends CommonOptions {
  readonly level?: string;
}

const LEVEL = /^[0-9]$/;

export function addList(program: Command, kit: Kit): void {
  const command = replicaCommand(program, "list", "List the files of a replica").option(
    "--level <number>",
    "of this level only: 0 as written, 1 to 8 compacted, 9 snapshots",
  );
  examples(command, [
    ["list s3://bucket/app.db", "every file, level by level"],
    ["list --level 9 --json s3://bucket/app.db", "the snapshots, for a script"],
  ]).action(async (url: string, options: ListOptions) => {
    const { level: wanted } = options;
    if (wanted !== undefined && !LEVEL.test(wanted)) {
      throw new UsageError(`--level is a number from 0 to 9, not "${wanted}"`);
    }
    await using opened = await openReplicaAt(url, options, kit);
    const levels = await listReplica(opened.replica, { signal: kit.io.signal });
    const files = levels
      .flat()
      .filter(({ level }) => wanted === undefined || level === Number(wanted));
    const { printer } = kit;
    const shown = files.map(({ version: _, ...file }) => file);
    printer.result(shown, () =>
      printer.table(
        ["level", "transactions", "size", "made", "object"],
        files.map(({ level, minTxid, maxTxid, size, createdAtMs, key }) => [
          `${level}`,
          { right: formatRange(minTxid, maxTxid) },
          { right: formatBytes(size) },
          formatTime(createdAtMs),
          key,
        ]),
      ),
    );
  });
}
