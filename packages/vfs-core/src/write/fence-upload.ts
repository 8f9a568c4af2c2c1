/**
 * A file that changes nothing: it states page 1 again, at a transaction that nobody else may then
 * write.
 *
 * Names are only created, never overwritten. Whoever puts it first has taken the name, and a put
 * for the same transaction that is still on its way from somewhere else will be refused.
 */

import { Encoder, toPageCount, toPageSize, toPgno, toTxid } from "@headwater/ltx";
import type { Replica } from "../replica.ts";
import type { Upload } from "./encode-upload.ts";

export interface FenceOptions {
  readonly replica: Replica;
  readonly txid: bigint;
  /** The newest local commit that the bucket has with it, which is the one that it had before. */
  readonly seq: number;
  /** Of the lease. */
  readonly nodeId: bigint;
  readonly pageCount: number;
  /** What page 1 is in the bucket. */
  readonly pageOne: Uint8Array;
}

export function encodeFence(options: FenceOptions): Upload {
  const { replica, txid, seq, nodeId, pageCount, pageOne } = options;
  const timestampMs = Math.floor(replica.clock.nowMs());
  const pageSize = toPageSize(pageOne.byteLength);
  const range = toTxid(txid);
  const encoder = new Encoder({
    pageSize,
    commit: toPageCount(pageCount),
    minTxid: range,
    maxTxid: range,
    timestampMs,
    nodeId,
  });
  encoder.addPage(toPgno(1), pageOne);
  const { index, trailer, size } = encoder.finish();
  const key = replica.layout.fileKey(0, range, range);
  return {
    txid,
    seq,
    pageCount,
    pageSize,
    body: encoder.drain(),
    file: { level: 0, minTxid: range, maxTxid: range, key, size, createdAtMs: timestampMs },
    index,
    fileChecksum: trailer.fileChecksum,
    page: (pgno) => (pgno === 1 ? pageOne : undefined),
  };
}
