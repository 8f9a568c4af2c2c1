/**
 * Which state a file is that follows its replica, as `NAME.following` says it.
 */

import { writeDurably } from "../disk/durable-file.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { nameObject } from "../hydrate/image-record.ts";
import type { LtxFile } from "../ltx-file.ts";
import { type Replica, replicaPlace } from "../replica.ts";
import type { FilesByLevel, RestorePlan } from "../restore-plan.ts";
import { DatabasePath } from "./database-path.ts";

export interface FollowPoint {
  readonly txid: bigint;
  /** The object that brought it there, as `nameObject` has it. */
  readonly last: string | undefined;
  readonly lastKey: string;
  /** Other objects that were there with it, by key: the newest of each level, or of its plan. */
  readonly beside: Readonly<Record<string, string>>;
}

const RECORD_VERSION = 1;

interface FollowRecord {
  readonly version: number;
  readonly place: string;
  readonly txid: string;
  readonly last?: string;
  readonly lastKey: string;
  readonly beside?: Readonly<Record<string, string>>;
}

/** Undefined where no file follows this replica, or nobody can tell. */
export async function readFollowPoint(
  replica: Replica,
  path: string,
): Promise<FollowPoint | undefined> {
  const record = parseRecord(await systemDisk.read(new DatabasePath(path).following));
  if (record?.version !== RECORD_VERSION || record.place !== replicaPlace(replica)) {
    return undefined;
  }
  const { txid, last, lastKey, beside = {} } = record;
  return { txid: BigInt(txid), last, lastKey, beside };
}

/** Undefined for what is no record, as a file of that name that is somebody else's. */
function parseRecord(text: string | undefined): FollowRecord | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as FollowRecord;
  } catch {
    return undefined;
  }
}

export async function writeFollowPoint(
  replica: Replica,
  path: string,
  { txid, last, lastKey, beside }: FollowPoint,
): Promise<void> {
  const place = replicaPlace(replica);
  const record = { version: RECORD_VERSION, place, txid: txid.toString(), last, lastKey, beside };
  await writeDurably(systemDisk, new DatabasePath(path).following, `${JSON.stringify(record)}\n`);
}

/** The newest file of a plan, as a point. */
export function pointOf({ txid, files }: Pick<RestorePlan, "txid" | "files">): FollowPoint {
  const newest = files.at(-1) as LtxFile;
  const levels = new Map(files.map((file) => [file.level, [file]]));
  const beside = newestOf([...levels.values()]);
  return { txid, last: nameObject(newest), lastKey: newest.key, beside };
}

/** One of each level, those above being kept for long. */
export function newestOf(levels: FilesByLevel): Readonly<Record<string, string>> {
  const names = levels.flatMap((files) => {
    const file = files.at(-1);
    const name = file && nameObject(file);
    return name === undefined ? [] : [[file!.key, name] as const];
  });
  return Object.fromEntries(names);
}
