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
}

export async function listLtxFiles(
  replica: Replica,
  { signal }: ListFilesOptions = {},
): Promise<FilesByLevel> {
  const levels = Array.from({ length: SNAPSHOT_LEVEL + 1 }, (_, level) => level);
  return callStore(replica, () =>
    Promise.all(levels.map((level) => listLevel(replica, level, signal))),
  );
}

async function listLevel(
  { store, layout }: Replica,
  level: number,
  signal: AbortSignal | undefined,
): Promise<LtxFile[]> {
  const prefix = layout.levelPrefix(level);
  const files: LtxFile[] = [];
  for await (const meta of store.list(prefix, { signal })) {
    const range = parseFileName(meta.key.slice(prefix.length));
    if (range === undefined) continue;
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
