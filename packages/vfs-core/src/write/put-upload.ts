/**
 * Brings one upload into the bucket, or finds out that it is there already, or that somebody else's
 * is in its place.
 */

import { decodeTrailer, TRAILER_SIZE, toTxid } from "@headwater/ltx";
import { ObjectStoreError } from "@headwater/object-store";
import type { Replica } from "../replica.ts";
import type { Upload } from "./encode-upload.ts";

export type PutResult =
  /**
   * The bucket holds exactly our file. `serverDateMs`: the store's clock, if we put it just now.
   */
  | { readonly type: "landed"; readonly serverDateMs: number | undefined }
  /** It holds another file there. */
  | { readonly type: "other"; readonly fileChecksum: bigint };

export type SendResult =
  | PutResult
  /** Nothing was put by this call. */
  | { readonly type: "failed"; readonly error: unknown }
  /** It may be there, or arrive later. */
  | { readonly type: "unknown"; readonly error: unknown };

/** What became of one try. Never rejects. */
export async function sendUpload(
  replica: Replica,
  upload: Upload,
  signal?: AbortSignal,
): Promise<SendResult> {
  let failure: unknown;
  try {
    const { serverDateMs } = await replica.store.put(upload.file.key, upload.body, {
      condition: { type: "if-absent" },
      timestampMs: upload.file.createdAtMs,
      signal,
    });
    return { type: "landed", serverDateMs };
  } catch (error) {
    const isKnown = ObjectStoreError.is(error);
    if (isKnown && !ObjectStoreError.is(error, "OBJECT_EXISTS", "OUTCOME_UNKNOWN")) {
      return { type: "failed", error };
    }
    failure = error;
  }
  try {
    const found = await readFileChecksum(replica, upload.txid, signal);
    // Not there yet: the name must not be left to chance before that is settled.
    if (found === undefined) return { type: "unknown", error: failure };
    if (found !== upload.fileChecksum) return { type: "other", fileChecksum: found };
    return { type: "landed", serverDateMs: undefined };
  } catch (error) {
    return { type: "unknown", error };
  }
}

/** Rejects with the store's error when it is not known, or known not to be there. */
export async function putUpload(replica: Replica, upload: Upload): Promise<PutResult> {
  const result = await sendUpload(replica, upload);
  if (result.type === "failed" || result.type === "unknown") throw result.error;
  return result;
}

/**
 * The checksum of the level-0 file of a transaction, which covers all of its content. Undefined
 * when there is no such file; zero when what is there is no LTX file.
 */
export async function readFileChecksum(
  { store, layout }: Replica,
  txid: bigint,
  signal?: AbortSignal,
): Promise<bigint | undefined> {
  const key = layout.fileKey(0, toTxid(txid), toTxid(txid));
  try {
    const { size } = await store.head(key, { signal });
    if (size < TRAILER_SIZE) return 0n;
    const range = { offset: size - TRAILER_SIZE, length: TRAILER_SIZE };
    const { body } = await store.get(key, { range, signal });
    return decodeTrailer(body).fileChecksum;
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    if (ObjectStoreError.is(error)) throw error;
    signal?.throwIfAborted();
    return 0n;
  }
}
