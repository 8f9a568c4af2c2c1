/**
 * Which LTX files a replica has now: in one listing, as long as one request shows all of them.
 *
 * Of a longer one, the levels above are listed in the same way, and at the same time parts of the
 * level that it stopped in. Where the parts begin is guessed from how many transactions the first
 * thousand files have; a wrong guess costs time, and shows the same files.
 *
 * What a listing shows besides LTX files is ignored. A listing is not a moment: while one part is
 * read, another may change.
 */

import { formatTxid, isTxid, parseFileName } from "@headwater/ltx";
import type { ObjectMeta } from "@headwater/object-store";
import { LIST_PARTS, LIST_SPLIT_KEYS, SNAPSHOT_LEVEL } from "./limits.ts";
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
  return callStore(replica, () => listAll(replica, options));
}

export interface ListLevelOptions extends ListFilesOptions {
  /** Only files whose keys come after this one. */
  readonly startAfter?: string | undefined;
}

/** The files of one level. Rejects with the store's own error. */
export async function listLevel(
  replica: Replica,
  level: number,
  options: ListLevelOptions = {},
): Promise<LtxFile[]> {
  const { startAfter } = options;
  const { files } = await listPart(replica, { level, startAfter }, options);
  return files.sort(compareFiles);
}

async function listAll(replica: Replica, options: ListFilesOptions): Promise<FilesByLevel> {
  const levels: LtxFile[][] = Array.from({ length: SNAPSHOT_LEVEL + 1 }, () => []);
  await listLevels(replica, levels, undefined, options);
  for (const files of levels) files.sort(compareFiles);
  return levels;
}

/** The files of all levels, or of those whose keys come after `startAfter`. */
async function listLevels(
  replica: Replica,
  levels: LtxFile[][],
  startAfter: string | undefined,
  options: ListFilesOptions,
): Promise<void> {
  const { store, layout } = replica;
  const { signal } = options;
  const maySplit = store.supports.startAfter && store.supports.orderedList;
  let keyCount = 0;
  let last: LtxFile | undefined;
  for await (const meta of store.list(layout.levelsPrefix, { signal, startAfter })) {
    const level = Number(meta.key[layout.levelsPrefix.length]);
    const file = level in levels ? toFile(replica, level, meta, options) : undefined;
    if (file !== undefined) levels[level]!.push(file);
    keyCount += 1;
    last = file;
    // Where keys of others mingle with the files, it goes on to the next file.
    if (maySplit && keyCount >= LIST_SPLIT_KEYS && file !== undefined) break;
  }
  if (!maySplit || keyCount < LIST_SPLIT_KEYS || last === undefined) return;
  const { level } = last;
  const hasAbove = level < SNAPSHOT_LEVEL;
  await Promise.all([
    listRestOfLevel(replica, levels[level]!, options),
    hasAbove && listLevels(replica, levels, layout.levelPrefix(level + 1), options),
  ]);
}

/** Parts at once, as long as the last one ends in the middle. */
async function listRestOfLevel(
  replica: Replica,
  files: LtxFile[],
  options: ListFilesOptions,
): Promise<void> {
  const { level } = files[0]!;
  const prefix = replica.layout.levelPrefix(level);
  for (let isOver = false; !isOver; ) {
    const last = files.at(-1)!;
    const count = BigInt(files.length);
    // Transactions of as many files as one request shows, beside the one that comes after them.
    const keys = BigInt(LIST_SPLIT_KEYS - 1);
    const stride = ((last.minTxid - files[0]!.minTxid + 1n) * keys) / count;
    const starts = [last.key];
    for (let part = 1n; part < LIST_PARTS; part += 1n) {
      const txid = last.minTxid + part * stride;
      if (isTxid(txid) && stride > 0n) starts.push(prefix + formatTxid(txid));
    }
    const parts = await Promise.all(
      starts.map((startAfter, index) => {
        const endKey = starts[index + 1];
        const keysMax = endKey === undefined ? LIST_SPLIT_KEYS : undefined;
        return listPart(replica, { level, startAfter, endKey, keysMax }, options);
      }),
    );
    // Of a wrong guess, a part may have more files than a call can have arguments.
    for (const part of parts) for (const file of part.files) files.push(file);
    isOver = !parts.at(-1)!.isCut;
  }
}

interface Part {
  readonly level: number;
  readonly startAfter?: string | undefined;
  /** Up to the first key that is not before this one. */
  readonly endKey?: string | undefined;
  readonly keysMax?: number | undefined;
}

/** `isCut`: there may be more than `keysMax`. */
async function listPart(
  replica: Replica,
  { level, startAfter, endKey, keysMax }: Part,
  options: ListFilesOptions,
): Promise<{ files: LtxFile[]; isCut: boolean }> {
  const { store, layout } = replica;
  const { signal } = options;
  const files: LtxFile[] = [];
  for await (const meta of store.list(layout.levelPrefix(level), { signal, startAfter })) {
    if (endKey !== undefined && meta.key >= endKey) break;
    const file = toFile(replica, level, meta, options);
    if (file !== undefined) files.push(file);
    if (files.length === keysMax) return { files, isCut: true };
  }
  return { files, isCut: false };
}

function toFile(
  { layout }: Replica,
  level: number,
  meta: ObjectMeta,
  { onServerDate }: ListFilesOptions,
): LtxFile | undefined {
  const prefix = layout.levelPrefix(level);
  if (!meta.key.startsWith(prefix)) return undefined;
  const range = parseFileName(meta.key.slice(prefix.length));
  if (range === undefined) return undefined;
  if (meta.serverDateMs !== undefined) onServerDate?.(meta.serverDateMs);
  return {
    level,
    minTxid: range.minTxid,
    maxTxid: range.maxTxid,
    key: meta.key,
    size: meta.size,
    createdAtMs: meta.timestampMs ?? meta.lastModifiedMs,
    version: meta.version,
  };
}
