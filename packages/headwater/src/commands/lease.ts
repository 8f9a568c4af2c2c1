/** `headwater lease show` and `lease break`: who may write. */

import type { LeaseInspection } from "@headwater/lease";
import {
  breakReplicaLease,
  inspectReplicaLease,
  listReplica,
  type OfflineReplica,
} from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { leaseToJson, sayLease } from "../output/lease-words.ts";
import { programOwner } from "../system.ts";

interface BreakOptions extends CommonOptions {
  readonly force?: boolean;
}

export function addLease(program: Command, kit: Kit): void {
  const lease = program
    .command("lease")
    .summary("Show or break the lease of a replica's writer")
    .description("The lease is the right to write a replica: one object, lock.json, beside it.");
  addShow(lease, kit);
  addBreak(lease, kit);
}

function addShow(lease: Command, kit: Kit): void {
  const command = replicaCommand(lease, "show", "Show who may write");
  examples(command, [["lease show s3://bucket/app.db", "who writes there"]]).action(
    async (url: string, options: CommonOptions) => {
      await using opened = await openReplicaAt(url, options, kit);
      const found = await inspect(opened, kit);
      kit.printer.result(leaseToJson(found), () => `${sayLease(found)}\n`);
    },
  );
}

function addBreak(lease: Command, kit: Kit): void {
  const command = replicaCommand(lease, "break", "Take the lease from a writer that is gone")
    .description(
      "Take the lease from a writer that is gone. One that is still there finds out and stops " +
        "writing; what it has not uploaded stays in its journal. Whoever writes next has to wait " +
        "for some seconds.",
    )
    .option("--force", "although it was renewed not long ago");
  examples(command, [
    ["lease break s3://bucket/app.db", "of a writer that went silent"],
    ["lease break --force s3://bucket/app.db", "of one whose machine has just been lost"],
  ]).action(async (url: string, options: BreakOptions) => {
    await using opened = await openReplicaAt(url, options, kit);
    const found = await inspect(opened, kit);
    if (found === undefined || found.type === "released") {
      kit.printer.result(
        leaseToJson(found),
        () => `there is nothing to break: ${sayLease(found)}\n`,
      );
      return;
    }
    if (found.type === "held" && options.force !== true) {
      throw new Error(
        `the lease is ${sayLease(found)}; stop that writer, wait until it expires, or break it ` +
          "with --force",
      );
    }
    const { signal } = kit.io;
    const broken = await breakReplicaLease(opened, { owner: programOwner(), signal });
    const before = broken ?? found;
    kit.printer.result(
      { broken: leaseToJson(before) },
      () => `broken; it was ${sayLease(before)}\n`,
    );
  });
}

/** Rejects where there is neither a lease nor a replica, which is a wrong URL. */
async function inspect(opened: OfflineReplica, kit: Kit): Promise<LeaseInspection | undefined> {
  const { signal } = kit.io;
  const found = await inspectReplicaLease(opened, signal);
  if (found === undefined) await listReplica(opened.replica, { signal });
  return found;
}
