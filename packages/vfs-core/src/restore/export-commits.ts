/**
 * Commits that a journal holds and the bucket has not, as a file: an LTX file, or the database that
 * the bucket has at the transaction on which they were made, with them on top.
 *
 * Always true: the journal and the bucket stay as they are.
 */

import { formatFileName } from "@headwater/ltx";
import { systemImageFiles } from "../disk/image-file.ts";
import type { SyncedPoint } from "../disk/journal-folder.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { openBody } from "../load-file.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import type { CommitJournal } from "../page-device.ts";
import { replicaError } from "../replica.ts";
import { encodeUpload, type Upload } from "../write/encode-upload.ts";
import { applyFile, writeAll } from "./apply-file.ts";
import { DatabasePath } from "./database-path.ts";
import { type RestoreOptions, restoreReplica } from "./restore-replica.ts";

export interface StrandedCommits {
  /** With everything in it that the folder holds. */
  readonly journal: CommitJournal;
  /** How far the bucket has everything; undefined for a database that it has nothing of. */
  readonly synced: SyncedPoint | undefined;
}

export interface ExportOptions extends Omit<RestoreOptions, "target"> {
  readonly format: "database" | "ltx";
}

export interface ExportResult {
  readonly path: string;
  /** The transaction that the commits would have been. */
  readonly txid: bigint;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Pages that the commits have written. */
  readonly changedPageCount: number;
  /** Of an LTX file, what it would be called in a replica. */
  readonly fileName: string | undefined;
}

/** Rejects with JOURNAL_INVALID when there are no such commits. */
export async function exportCommits(
  offline: OfflineReplica,
  commits: StrandedCommits,
  options: ExportOptions,
): Promise<ExportResult> {
  const { synced } = commits;
  const path = new DatabasePath(options.path);
  await path.requireFile();
  if (options.overwrite !== true) await path.requireFree();
  switch (options.format) {
    case "ltx": {
      const upload = await encode(offline, commits, synced === undefined ? 0 : undefined);
      await path.guard(() => write(path, upload.body));
      const { minTxid, maxTxid } = upload.file;
      return toResult(path, upload, formatFileName(minTxid, maxTxid));
    }
    case "database": {
      const partial = new DatabasePath(path.partial);
      const hasBase = synced !== undefined && synced.txid > 0n;
      const base = hasBase
        ? await restoreReplica(offline, {
            ...options,
            path: partial.path,
            overwrite: true,
            target: { type: "txid", txid: synced.txid },
          })
        : undefined;
      const upload = await encode(offline, commits, base?.pageCount ?? 0);
      await path.guard(() => apply(offline, path, upload));
      return toResult(path, upload, undefined);
    }
  }
}

/** `pageCountBefore` undefined: nobody knows, and pages that no commit wrote are left out. */
async function encode(
  { replica }: OfflineReplica,
  { journal, synced }: StrandedCommits,
  pageCountBefore: number | undefined,
): Promise<Upload> {
  const pending = journal.collect(synced?.seq ?? 0);
  if (pending === undefined) {
    const sentence = "the journal holds no commits that the bucket has not";
    throw replicaError(replica, "JOURNAL_INVALID", sentence);
  }
  return encodeUpload({
    journal,
    pending,
    txid: (synced?.txid ?? 0n) + 1n,
    pageCountBefore: pageCountBefore ?? pending.pageCount,
    nodeId: 0n,
    replica,
  });
}

async function apply(
  { replica, queue }: OfflineReplica,
  path: DatabasePath,
  { file, body }: Upload,
): Promise<void> {
  const handle = await systemImageFiles.open(path.partial);
  try {
    await applyFile(openBody(file, body), { replica, queue, handle, onBytes: () => {} });
    await handle.sync();
  } finally {
    await handle.close();
  }
  await path.replace();
}

async function write(path: DatabasePath, body: Uint8Array): Promise<void> {
  await systemDisk.remove(path.partial);
  const handle = await systemImageFiles.open(path.partial);
  try {
    await writeAll(handle, body, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await systemDisk.rename(path.partial, path.path);
}

function toResult(
  path: DatabasePath,
  { txid, pageSize, pageCount, index }: Upload,
  fileName: string | undefined,
): ExportResult {
  const counts = { txid, pageSize, pageCount, changedPageCount: index.count };
  return { path: path.path, ...counts, fileName };
}
