/**
 * A blob that comes in parts: blocks, which a list makes a blob of.
 *
 * Always true:
 *   - One step is one request; an empty part and giving up are none.
 *   - The condition goes with the list, and that is where it is judged.
 *   - Blocks of two uploads of one key never have the same name. But they lie together: when one
 *     upload is completed, Azure drops the blocks of the others, and these end as if they had come
 *     second, which they did.
 *
 * Azure has no way to drop blocks that are in no blob. It does so itself after a week, or with the
 * next put of that key.
 */

import type * as Sdk from "@azure/storage-blob";
import type { UploadedParts, UploadSteps } from "../held-upload.ts";
import { PARTS_PARALLEL } from "../limits.ts";
import type { CallOptions, ObjectMeta, UploadOperation } from "../object-store.ts";

export interface AzureUploadStore {
  readonly blob: Sdk.BlockBlobClient;
  readonly send: <Result>(
    operation: UploadOperation,
    options: CallOptions,
    work: (abortSignal: AbortSignal) => Promise<Result>,
    bytesSent?: number,
  ) => Promise<Result>;
  readonly toMeta: (size: number, output: Sdk.BlockBlobCommitBlockListResponse) => ObjectMeta;
}

export interface AzureUploadOptions {
  readonly partSize: number;
  /** Of the blob, with the condition. */
  readonly fields: Sdk.BlockBlobCommitBlockListOptions;
  /** A word that no other upload has. */
  readonly nonce: string;
}

export function azureUpload(store: AzureUploadStore, options: AzureUploadOptions): UploadSteps {
  const { blob, send, toMeta } = store;
  const { fields, nonce, partSize } = options;
  return {
    partSize,
    partsParallel: PARTS_PARALLEL,
    putPart: async (index: number, body: Uint8Array, call: CallOptions) => {
      if (body.byteLength === 0) return;
      const { byteLength } = body;
      const stage = (abortSignal: AbortSignal) =>
        blob.stageBlock(blockId(nonce, index), body, byteLength, { abortSignal });
      await send("putPart", call, stage, byteLength);
    },
    complete: ({ count, size }: UploadedParts, call: CallOptions) =>
      send("completeUpload", call, async (abortSignal) => {
        const ids = Array.from({ length: size === 0 ? 0 : count }, (_, index) =>
          blockId(nonce, index),
        );
        return toMeta(size, await blob.commitBlockList(ids, { ...fields, abortSignal }));
      }),
    abort: async () => undefined,
  };
}

/** All of one blob have to be of one length. */
function blockId(nonce: string, index: number): string {
  return Buffer.from(`${nonce}-${String(index).padStart(6, "0")}`).toString("base64");
}
