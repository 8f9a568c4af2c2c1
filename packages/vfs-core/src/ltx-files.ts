/**
 * Which LTX files a replica has now: all levels listed at once.
 *
 * What a listing shows besides LTX files is ignored. A listing is not a moment: while one level is
 * read, another may change.
 */

import { parseFileName } from "@headwater/ltx";
import { SNAPSHOT_LEVEL } from "./limits.ts";
import { compareFiles, type LtxFile } from "./ltx-file.ts";
import { callStore, type Replica } from "./replica.ts";
import type { FilesByLevel } from "./restore-plan.ts";

export interface ListFilesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told the store's clock, where the store tells it. */
  readonly onServerDate?: ((serverDateMs: number) => void) | undefined;
}

export async function listLtxFiles(
  replica: Replica,
  options: ListFilesOptions = {},
): Promise<FilesByLevel> {
  const levels = Array.from({ length: SNAPSHOT_LEVEL + 1 }, (_, level) => level);
  return callStore(replica, () =>
    Promise.all(levels.map((level) => listLevel(replica, level, options))),
  );
}

export interface ListLevelOptions extends ListFilesOptions {
  /** Only files whose keys come after this one. */
  readonly startAfter?: string | undefined;
}

/** The files of one level. Rejects with the store's own error. */
export async function listLevel(
  { store, layout }: Replica,
  level: number,
  { signal, startAfter, onServerDate }: ListLevelOptions = {},
): Promise<LtxFile[]> {
  const prefix = layout.levelPrefix(level);
  const files: LtxFile[] = [];
  for await (const meta of store.list(prefix, { signal, startAfter })) {
    const range = parseFileName(meta.key.slice(prefix.length));
    if (range === undefined) continue;
    if (meta.serverDateMs !== undefined) onServerDate?.(meta.serverDateMs);
    files.push({
      level,
      minTxid: range.minTxid,
      maxTxid: range.maxTxid,
      key: meta.key,
      size: meta.size,
      createdAtMs: meta.timestampMs ?? meta.lastModifiedMs,
    });
  }
  return files.sort(compareFiles);
}
