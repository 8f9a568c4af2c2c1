/**
 * Which state a file is that follows its replica, as `NAME.following` says it.
 */

import { writeDurably } from "../disk/durable-file.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { nameObject } from "../hydrate/image-record.ts";
import type { LtxFile } from "../ltx-file.ts";
import { type Replica, replicaPlace } from "../replica.ts";
import type { RestorePlan } from "../restore-plan.ts";
import { DatabasePath } from "./database-path.ts";

export interface FollowPoint {
  readonly txid: bigint;
  /** The object that brought it there, as `nameObject` has it. */
  readonly last: string | undefined;
  readonly lastKey: string;
}

const RECORD_VERSION = 1;

/** Undefined where no file follows this replica. */
export async function readFollowPoint(
  replica: Replica,
  path: string,
): Promise<FollowPoint | undefined> {
  const text = await systemDisk.read(new DatabasePath(path).following);
  if (text === undefined) return undefined;
  const { version, place, txid, last, lastKey } = JSON.parse(text) as {
    readonly version: number;
    readonly place: string;
    readonly txid: string;
    readonly last?: string;
    readonly lastKey: string;
  };
  if (version !== RECORD_VERSION || place !== replicaPlace(replica)) return undefined;
  return { txid: BigInt(txid), last, lastKey };
}

export async function writeFollowPoint(
  replica: Replica,
  path: string,
  { txid, last, lastKey }: FollowPoint,
): Promise<void> {
  const place = replicaPlace(replica);
  const record = { version: RECORD_VERSION, place, txid: txid.toString(), last, lastKey };
  await writeDurably(systemDisk, new DatabasePath(path).following, `${JSON.stringify(record)}\n`);
}

/** The newest file of a plan, as a point. */
export function pointOf({ txid, files }: Pick<RestorePlan, "txid" | "files">): FollowPoint {
  const { key } = files.at(-1) as LtxFile;
  return { txid, last: nameObject(files.at(-1) as LtxFile), lastKey: key };
}
