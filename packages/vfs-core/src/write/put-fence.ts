/**
 * What a holder does first who took the lease from one that went silent.
 *
 * The other one may only be paused, with an upload under way. The fence takes the transaction that
 * this upload would be: either the fence is there first and the upload is refused, or the upload is
 * there first, and is part of what the new holder builds on.
 */

import type { Lease } from "@headwater/lease";
import type { JournalFolder } from "../disk/journal-folder.ts";
import { encodeFence, type FenceOptions } from "./fence-upload.ts";
import { putUpload } from "./put-upload.ts";
import { UploadChain } from "./upload-chain.ts";

export interface PutFenceOptions extends Omit<FenceOptions, "nodeId"> {
  readonly folder: JournalFolder;
  readonly lease: Lease | undefined;
}

/** Either way the bucket has moved on when this resolves, and has to be read again. */
export async function putFence(options: PutFenceOptions): Promise<"landed" | "overtaken"> {
  const { replica, folder, lease } = options;
  const nodeId = await new UploadChain(replica, lease).nodeIdAfter(options.txid - 1n);
  const upload = encodeFence({ ...options, nodeId });
  await folder.writeIntent(upload);
  const result = await putUpload(replica, upload);
  if (result.type === "other") return "overtaken";
  await lease?.check({ serverDateMs: result.serverDateMs });
  return "landed";
}
