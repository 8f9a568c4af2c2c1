/**
 * An upload that an earlier run has sent, as the bucket has it.
 */

import { toTxid } from "@headwater/ltx";
import type { UploadIntent } from "../disk/journal-folder.ts";
import { loadFile } from "../load-file.ts";
import type { LandedUpload } from "./attempt.ts";
import type { SyncerOptions } from "./syncer.ts";

export async function loadLanded(
  { replica, queue, signal }: Pick<SyncerOptions, "replica" | "queue" | "signal">,
  { txid, seq, fileChecksum }: UploadIntent,
): Promise<LandedUpload> {
  const range = toTxid(txid);
  const key = replica.layout.fileKey(0, range, range);
  const { size, timestampMs, lastModifiedMs } = await replica.store.head(key, { signal });
  const createdAtMs = timestampMs ?? lastModifiedMs;
  const file = { level: 0, minTxid: range, maxTxid: range, key, size, createdAtMs };
  const loaded = await loadFile(replica, file, { queue, signal });
  return { ...loaded, txid, seq, fileChecksum, page: () => undefined };
}
