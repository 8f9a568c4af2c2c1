import { restoreDatabase } from "@headwater/ltx";
import type { ObjectStore } from "@headwater/object-store";
import type { Clock } from "../../src/clock.ts";
import { Compactor, type CompactorOptions } from "../../src/compact/compactor.ts";
import type { LtxFile } from "../../src/ltx-file.ts";
import { listLtxFiles } from "../../src/ltx-files.ts";
import { RequestQueue } from "../../src/read/request-queue.ts";
import { makeReplica, type Replica } from "../../src/replica.ts";
import { type FilesByLevel, type PlanTarget, planRestore } from "../../src/restore-plan.ts";
import { StillClock } from "./clock.ts";
import type { World } from "./world.ts";

export interface CompactedWorld extends Partial<CompactorOptions> {
  readonly store?: ObjectStore;
  readonly clock?: Clock;
}

export function replicaOf(
  { store, path, url }: World,
  options: Pick<CompactedWorld, "store" | "clock"> = {},
): Replica {
  return makeReplica({ store, path, url, clock: new StillClock(0), ...options });
}

/** A compactor whose lease is never lost, unless told otherwise. */
export function compactorOf(world: World, options: CompactedWorld = {}): Compactor {
  const { store, clock, ...others } = options;
  const given = { ...(store && { store }), ...(clock && { clock }) };
  return new Compactor({
    replica: replicaOf(world, given),
    queue: new RequestQueue(),
    stillOurs: async () => {},
    ...others,
  });
}

export function listWorld(world: World): Promise<FilesByLevel> {
  return listLtxFiles(replicaOf(world));
}

/** "1: 1-30 31-60", a line for each level that has files. */
export function describeLevels(levels: FilesByLevel): string[] {
  return levels.flatMap((files, level) =>
    files.length === 0 ? [] : [`${level}: ${files.map(describeFile).join(" ")}`],
  );
}

export function describeFile({ minTxid, maxTxid }: Pick<LtxFile, "minTxid" | "maxTxid">): string {
  return `${minTxid}-${maxTxid}`;
}

export interface Restored {
  readonly txid: number;
  readonly image: Uint8Array;
}

/** What a restore makes of the files that are there now. */
export async function restore(
  world: World,
  target: PlanTarget,
  levels?: FilesByLevel,
): Promise<Restored> {
  const plan = planRestore(levels ?? (await listWorld(world)), target);
  if (plan.gapBefore !== undefined) throw new Error(`a gap before ${plan.gapBefore}`);
  const bodies = plan.files.map(({ level, minTxid, maxTxid }) =>
    world.body(level, Number(minTxid), Number(maxTxid)),
  );
  const { bytes } = await restoreDatabase(await Promise.all(bodies)).bytes();
  return { txid: Number(plan.txid), image: bytes };
}
