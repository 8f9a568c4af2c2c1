/**
 * Finds out what became of an upload that may have been sent, for good: either it is in the bucket,
 * or its name is taken by a file that holds nothing of the commit in question, so that it can never
 * arrive any more.
 */

import { encodeUpload, type Upload } from "./encode-upload.ts";
import { encodeFence } from "./fence-upload.ts";
import { readFileChecksum, sendUpload } from "./put-upload.ts";
import type { SyncerOptions } from "./syncer.ts";

export type Settled =
  | { readonly type: "landed"; readonly serverDateMs: number | undefined }
  | { readonly type: "replaced"; readonly serverDateMs: number | undefined }
  /** Neither of ours. */
  | { readonly type: "other"; readonly fileChecksum: bigint };

/** Without a replacement there is nothing to do but to look. Rejects when it is not known yet. */
export async function settleUpload(
  { replica, once, folder }: Pick<SyncerOptions, "replica" | "once" | "folder">,
  upload: Upload,
  replacement: Upload | undefined,
  signal: AbortSignal,
): Promise<Settled> {
  const found = await readFileChecksum(replica, upload.txid, signal);
  if (found !== undefined) return judge(found, upload, replacement);
  if (replacement === undefined) throw new Error(`transaction ${upload.txid} may still arrive`);
  await folder.writeIntent(replacement);
  const result = await sendUpload({ ...replica, store: once }, replacement, signal);
  switch (result.type) {
    case "landed":
      return { type: "replaced", serverDateMs: result.serverDateMs };
    case "other":
      return judge(result.fileChecksum, upload, replacement);
    case "failed":
    case "unknown":
      throw result.error;
  }
}

function judge(found: bigint, upload: Upload, replacement: Upload | undefined): Settled {
  if (found === upload.fileChecksum) return { type: "landed", serverDateMs: undefined };
  if (found === replacement?.fileChecksum) return { type: "replaced", serverDateMs: undefined };
  return { type: "other", fileChecksum: found };
}

/**
 * The same transaction without the staged commit: those before it that the bucket has not, or else
 * a file that changes nothing. Undefined for a database that the bucket does not have at all.
 */
export async function encodeReplacement(
  options: Pick<SyncerOptions, "replica" | "state" | "chain" | "readPage">,
  { txid }: Upload,
  syncedSeq: number,
  signal: AbortSignal,
): Promise<Upload | undefined> {
  const { replica, state, chain, readPage } = options;
  const { journal } = state.device;
  const { map } = state.versions.newest;
  const nodeId = await chain.nodeIdAfter(txid - 1n, signal);
  const pending = journal.collect(syncedSeq);
  if (pending !== undefined) {
    const pageCountBefore = map.pageCount;
    return encodeUpload({ journal, pending, txid, pageCountBefore, nodeId, replica });
  }
  const { pageCount } = map;
  if (pageCount === 0) return undefined;
  const pageOne = await readPage(1, syncedSeq, signal);
  return encodeFence({ replica, txid, seq: syncedSeq, nodeId, pageCount, pageOne });
}
