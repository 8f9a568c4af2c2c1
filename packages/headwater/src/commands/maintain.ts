/** `headwater snapshot`, `compact` and `retain`: what a writer does beside writing. */

import {
  type CompactionOptions,
  type MaintenanceJob,
  type MaintenanceResult,
  maintainReplica,
} from "@headwater/vfs-core/offline";
import { type Command, Option } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  type LeaseOptions,
  leaseChoiceOf,
  leaseOptions,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { UsageError } from "../exit-codes.ts";
import { durationOf } from "../moment.ts";
import { useNativeCode } from "../native-code.ts";
import { formatCount } from "../output/units.ts";

type MaintainOptions = CommonOptions & LeaseOptions;

interface CompactOptions extends MaintainOptions {
  readonly level?: string;
  readonly all?: boolean;
}

interface RetainOptions extends MaintainOptions {
  readonly snapshotRetention?: string;
  readonly l0Retention?: string;
}

const LEVEL = /^[1-8]$/;
/** Those that have an interval by default. */
const LEVELS = [1, 2, 3];

export function addSnapshot(program: Command, kit: Kit): void {
  const command = maintenance(
    replicaCommand(program, "snapshot", "Put a snapshot of a replica beside it"),
    "one file of everything, so that a restore begins there",
  );
  examples(command, [["snapshot s3://bucket/app.db", "before something risky"]]).action(
    (url: string, options: MaintainOptions) => maintain(kit, url, options, [{ type: "snapshot" }]),
  );
}

export function addCompact(program: Command, kit: Kit): void {
  const command = maintenance(
    replicaCommand(program, "compact", "Make fewer and larger files of a replica's"),
    "the files of each level that a writer would compact now; what they are made of stays",
  )
    .option("--level <number>", "only into this level, 1 to 8; default: 1, 2 and 3, one by one")
    .option("--all", "do not keep to windows of time: make one file, as far as it goes");
  examples(command, [
    ["compact s3://bucket/app.db", "what a writer of its own would do by now"],
    ["compact --level 1 --all s3://bucket/app.db", "everything of level 0 into one file"],
  ]).action((url: string, options: CompactOptions) => {
    const { level } = options;
    if (level !== undefined && !LEVEL.test(level)) {
      throw new UsageError(`--level is a number from 1 to 8, not "${level}"`);
    }
    const levels = level === undefined ? LEVELS : [Number(level)];
    const isAll = options.all === true;
    const jobs = levels.map((one) => ({ type: "compact", level: one, isAll }) as const);
    return maintain(kit, url, options, jobs);
  });
}

export function addRetain(program: Command, kit: Kit): void {
  const command = maintenance(
    replicaCommand(program, "retain", "Delete files that have served their time"),
    "files that no promised restore needs, after it was made sure of",
  )
    .addOption(
      new Option(
        "--snapshot-retention <duration>",
        "for how long one may restore to the end of compacted files; 0: for ever",
      ).default("24h"),
    )
    .addOption(
      new Option(
        "--l0-retention <duration>",
        "for how long one may restore to any transaction; 0: for ever",
      ).default("5m"),
    );
  examples(command, [
    ["retain s3://bucket/app.db", "with what Litestream keeps by default"],
    ["retain --snapshot-retention 168h s3://bucket/app.db", "keep a week"],
  ]).action((url: string, options: RetainOptions) => {
    const { snapshotRetention = "", l0Retention = "" } = options;
    const compaction = {
      snapshotRetentionMs: durationOf("--snapshot-retention", snapshotRetention),
      level0RetentionMs: durationOf("--l0-retention", l0Retention),
    };
    return maintain(kit, url, options, [{ type: "retain" }], compaction);
  });
}

function maintenance(command: Command, what: string): Command {
  const lease = "The lease is taken as a writer takes it, and given back";
  return leaseOptions(command).description(`${command.summary()}: ${what}. ${lease}.`);
}

async function maintain(
  kit: Kit,
  url: string,
  options: MaintainOptions,
  jobs: readonly MaintenanceJob[],
  compaction?: CompactionOptions,
): Promise<void> {
  const lease = leaseChoiceOf(options);
  await useNativeCode();
  await using opened = await openReplicaAt(url, options, kit);
  const { printer } = kit;
  const { signal } = kit.io;
  const results = await maintainReplica(opened, {
    jobs,
    lease,
    compaction,
    signal,
    onProgress: ({ type }, done, total) =>
      printer.progress(type === "snapshot" ? "making a snapshot" : "compacting", done, total),
  });
  const shown = results.map(({ job, fileCount }) => ({ ...job, fileCount }));
  printer.result(shown, () => results.map((result) => `${say(result)}\n`).join(""));
}

function say({ job, fileCount }: MaintenanceResult): string {
  switch (job.type) {
    case "snapshot":
      return fileCount === 0 ? "the newest snapshot has everything already" : "snapshot made";
    case "compact":
      return fileCount === 0
        ? `level ${job.level}: nothing to compact`
        : `level ${job.level}: ${formatCount(fileCount, "file")} made`;
    case "retain":
      return fileCount === 0 ? "nothing to delete" : `${formatCount(fileCount, "file")} deleted`;
  }
}
