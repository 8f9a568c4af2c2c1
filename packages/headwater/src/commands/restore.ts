/** `headwater restore`: the database as a file. */

import { existsSync } from "node:fs";
import type { PlanTarget } from "@headwater/vfs-core";
import {
  type FollowEvent,
  type FollowPoint,
  followReplica,
  type RestoreResult,
  readFollowPoint,
  restoreReplica,
  writeFollowPoint,
} from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { openDatabaseLock } from "../database/database-lock.ts";
import { UsageError } from "../exit-codes.ts";
import { durationOf, type MomentOptions, momentOptions, targetOf } from "../moment.ts";
import { useNativeCode } from "../native-code.ts";
import type { Printer } from "../output/printer.ts";
import { formatBytes, formatCount, formatTime } from "../output/units.ts";
import type { OpenedSource } from "../replica-source.ts";
import { Interruption } from "../system.ts";

const INTERVAL_MS_MIN = 10;

interface RestoreOptions extends CommonOptions, MomentOptions {
  readonly overwrite?: boolean;
  readonly follow?: boolean;
  readonly interval: string;
}

export function addRestore(program: Command, kit: Kit): void {
  const command = momentOptions(
    replicaCommand(program, "restore", "Make a database file of a replica"),
  )
    .argument("<file>", "the database file to be made")
    .option("--overwrite", "take the place of a file that is there")
    .option("--follow", "go on applying what is written to the replica, until interrupted")
    .option("--interval <duration>", "how often --follow looks for it, from 10ms on", "1s");
  command.description(
    "Make a database file of a replica. Every byte is verified before the file gets its name. A " +
      "restore that was interrupted goes on when the same command is given again. A file that " +
      "follows may be read with SQLite meanwhile, never written to, and goes on following when " +
      "the same command is given again.",
  );
  examples(command, [
    ["restore s3://bucket/app.db app.db", "as it is now"],
    ['restore --time "5 minutes ago" s3://bucket/app.db app.db', "as it was before a mistake"],
    ["restore --txid 1042 s3://bucket/app.db app.db", "up to one transaction"],
    ["restore --follow s3://bucket/app.db app.db", "a local copy that keeps up"],
  ]).action(async (url: string, path: string, options: RestoreOptions) => {
    const target = targetOf(options);
    const isFollower = options.follow === true;
    if (isFollower && target.type !== "latest") {
      throw new UsageError("--follow goes with the newest state, not with --time or --txid");
    }
    const intervalMs = intervalOf(options.interval);
    await using opened = await openReplicaAt(url, options, kit);
    const left = isFollower ? await findLeft(opened, path, options) : undefined;
    const point = left ?? (await restore(opened, path, { ...options, target, isFollower }, kit));
    if (isFollower) await follow(opened, path, point, intervalMs, kit);
  });
}

/** Each look is a listing, which costs: nobody wants them without a pause. */
function intervalOf(text: string): number {
  const intervalMs = durationOf("--interval", text);
  if (intervalMs >= INTERVAL_MS_MIN) return intervalMs;
  throw new UsageError(`--interval cannot be "${text}"; it is ${INTERVAL_MS_MIN}ms at the least`);
}

/** What an earlier run of the same command has left. */
async function findLeft(
  opened: OpenedSource,
  path: string,
  { overwrite }: RestoreOptions,
): Promise<FollowPoint | undefined> {
  if (overwrite === true || !existsSync(path)) return undefined;
  return readFollowPoint(opened.replica, path);
}

interface Wanted extends Pick<RestoreOptions, "overwrite"> {
  readonly target: PlanTarget;
  readonly isFollower: boolean;
}

async function restore(
  opened: OpenedSource,
  path: string,
  { target, isFollower, overwrite }: Wanted,
  { printer, io }: Kit,
): Promise<FollowPoint> {
  const locks = await useNativeCode();
  const { signal } = io;
  const { point, ...result } = await restoreReplica(opened, {
    path,
    target,
    locks,
    overwrite,
    isFollower,
    signal,
    onProgress: ({ bytesDone, bytesTotal }) => printer.progress("restoring", bytesDone, bytesTotal),
  }).catch((error: unknown) => {
    if (!signal.aborted || !existsSync(`${path}.restoring.record`)) throw error;
    throw new Interruption("interrupted; give the same command again, and it goes on from here");
  });
  if (isFollower) await writeFollowPoint(opened.replica, path, point);
  const told = { type: "restored", ...result };
  if (result.gapBefore !== undefined) printer.remark(sayGap(result.txid, result.gapBefore));
  if (isFollower) printer.event(told, () => say(result).trimEnd());
  else printer.result(result, () => say(result));
  return point;
}

async function follow(
  opened: OpenedSource,
  path: string,
  point: FollowPoint,
  intervalMs: number,
  { printer, io }: Kit,
): Promise<void> {
  const locks = await useNativeCode();
  const { signal } = io;
  const onEvent = (event: FollowEvent) => printer.event(event, () => sayEvent(event, printer));
  const reason = `somebody reads ${path} in one long transaction; it goes on when that ends`;
  using lock = openDatabaseLock(path, { onWait: () => onEvent({ type: "waiting", reason }) });
  try {
    await followReplica(opened, point, { path, intervalMs, lock, locks, onEvent, signal });
  } catch (error) {
    // This is how it ends.
    if (!signal.aborted) throw error;
  }
}

function sayEvent(event: FollowEvent, { colors }: Printer): string {
  switch (event.type) {
    case "applied":
      return `transaction ${event.txid} of ${formatTime(event.createdAtMs)}`;
    case "waiting":
      return `${colors.yellow("waiting")}: ${event.reason}`;
  }
}

/** It is what was asked for as far as it can be had, which whoever asked may not expect. */
function sayGap(txid: bigint, gapBefore: bigint): string {
  const missing = `${txid + 1n} to ${gapBefore - 1n}`;
  return `transactions ${missing} were made before then, and are in no file that leads there`;
}

type Restored = Omit<RestoreResult, "point">;

function say({ path, txid, createdAtMs, size, fileCount, bytesKept }: Restored): string {
  const kept = bytesKept === 0 ? "" : `, ${formatBytes(bytesKept)} of them from before`;
  return (
    `${path}: transaction ${txid} of ${formatTime(createdAtMs)}, ${formatBytes(size)} ` +
    `from ${formatCount(fileCount, "file")}${kept}\n`
  );
}
