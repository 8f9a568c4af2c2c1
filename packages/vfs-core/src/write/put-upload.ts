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

/** Rejects with the store's error when it is not known, or known not to be there. */
export async function putUpload(replica: Replica, upload: Upload): Promise<PutResult> {
  try {
    const { serverDateMs } = await replica.store.put(upload.file.key, upload.body, {
      condition: { type: "if-absent" },
      timestampMs: upload.file.createdAtMs,
    });
    return { type: "landed", serverDateMs };
  } catch (error) {
    if (!ObjectStoreError.is(error, "OBJECT_EXISTS", "OUTCOME_UNKNOWN")) throw error;
    const found = await readFileChecksum(replica, upload.txid);
    // Not there yet: the same bytes are sent again later, so a late arrival of these changes
    // nothing.
    if (found === undefined) throw error;
    if (found !== upload.fileChecksum) return { type: "other", fileChecksum: found };
    return { type: "landed", serverDateMs: undefined };
  }
}

/**
 * The checksum of the level-0 file of a transaction, which covers all of its content. Undefined
 * when there is no such file; zero when what is there is no LTX file.
 */
export async function readFileChecksum(
  { store, layout }: Replica,
  txid: bigint,
): Promise<bigint | undefined> {
  const key = layout.fileKey(0, toTxid(txid), toTxid(txid));
  try {
    const { size } = await store.head(key);
    if (size < TRAILER_SIZE) return 0n;
    const range = { offset: size - TRAILER_SIZE, length: TRAILER_SIZE };
    const { body } = await store.get(key, { range });
    return decodeTrailer(body).fileChecksum;
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    if (ObjectStoreError.is(error)) throw error;
    return 0n;
  }
}
