/**
 * When the transactions of files were made, where a listing does not tell.
 *
 * S3 lists when an object was put, and says only of one object at a time when its content came to
 * be. A compacted file is put long after its last transaction, so by the listing alone a restore to
 * a moment would leave out what happened before it.
 */

import { ObjectStoreError } from "@headwater/object-store";
import { inParallel } from "./in-parallel.ts";
import { TIMES_PARALLEL } from "./limits.ts";
import type { LtxFile } from "./ltx-file.ts";
import { callStore, type Replica } from "./replica.ts";
import type { FilesByLevel } from "./restore-plan.ts";

/** The same files with exact times; without those that are gone meanwhile. */
export async function withExactTimes(
  replica: Replica,
  levels: FilesByLevel,
  signal?: AbortSignal,
): Promise<FilesByLevel> {
  const { supports } = replica.store;
  if (supports.listedTimestamp || !supports.storedTimestamp) return levels;
  const files = levels.flat();
  const exact = new Map<LtxFile, LtxFile | undefined>();
  await callStore(replica, () =>
    inParallel(files, TIMES_PARALLEL, async (file) => {
      exact.set(file, await ask(replica, file, signal));
    }),
  );
  return levels.map((level) => level.flatMap((file) => exact.get(file) ?? []));
}

async function ask(
  { store }: Replica,
  file: LtxFile,
  signal: AbortSignal | undefined,
): Promise<LtxFile | undefined> {
  try {
    const { timestampMs } = await store.head(file.key, { signal });
    return timestampMs === undefined ? file : { ...file, createdAtMs: timestampMs };
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    throw error;
  }
}
