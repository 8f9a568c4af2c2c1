/**
 * Pending commits as one LTX file: the newest version of each page, at the transaction after the
 * bucket's.
 *
 * Always true:
 *   - A file that lets the database grow holds every page between the old size and the new one:
 *     what nobody wrote is zeros. So the file of transaction 1 holds every page.
 *   - Page requests are answered in between: the work pauses after every megabyte.
 */

import {
  Encoder,
  lockPgno,
  type PageIndex,
  type PageSize,
  type Pgno,
  toPageCount,
  toPageSize,
  toTxid,
} from "@headwater/ltx";
import { joinPieces } from "../join-pieces.ts";
import { ENCODE_BATCH_BYTES } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { CommitJournal, PendingPages } from "../page-device.ts";
import type { Replica } from "../replica.ts";

export interface Upload {
  readonly txid: bigint;
  /** The newest commit in it. */
  readonly seq: number;
  readonly pageCount: number;
  readonly pageSize: number;
  readonly body: Uint8Array;
  /** The object that the body becomes. */
  readonly file: LtxFile;
  readonly index: PageIndex;
  readonly fileChecksum: bigint;
  /** The content of a page in it, good until the next call, if it is at hand. */
  readonly page: (pgno: number) => Uint8Array | undefined;
}

export interface EncodeUploadOptions {
  readonly journal: CommitJournal;
  readonly pending: PendingPages;
  readonly txid: bigint;
  /** The size of the database in the bucket. */
  readonly pageCountBefore: number;
  readonly nodeId: bigint;
  readonly replica: Replica;
}

export async function encodeUpload(options: EncodeUploadOptions): Promise<Upload> {
  const { journal, pending, txid, pageCountBefore, nodeId, replica } = options;
  const { clock, layout } = replica;
  const { seq, pageCount, pageSize, pgnos } = pending;
  const timestampMs = Math.floor(clock.nowMs());
  const zeroPgnos = findUnwritten(pending, pageCountBefore);
  const encoder = new Encoder({
    pageSize: toPageSize(pageSize),
    commit: toPageCount(pageCount),
    minTxid: toTxid(txid),
    maxTxid: toTxid(txid),
    timestampMs,
    nodeId,
  });
  const chunks: Uint8Array[] = [];
  const zeros = new Uint8Array(pageSize);
  const batchPages = Math.max(1, Math.floor(ENCODE_BATCH_BYTES / pageSize));
  const unwritten = [...zeroPgnos];
  let nextZero = 0;
  const addZerosBefore = (pgno: number) => {
    for (; nextZero < unwritten.length && unwritten[nextZero]! < pgno; nextZero += 1) {
      encoder.addPage(unwritten[nextZero]! as Pgno, zeros);
    }
  };
  const batchBytes = new Uint8Array(Math.min(batchPages, pgnos.length) * pageSize);
  for (let start = 0; start < pgnos.length; start += batchPages) {
    const batch = pgnos.subarray(start, start + batchPages);
    const pages = batchBytes.subarray(0, batch.length * pageSize);
    journal.readPages(batch, seq, pages);
    for (const [index, pgno] of batch.entries()) {
      addZerosBefore(pgno);
      encoder.addPage(pgno as Pgno, pages.subarray(index * pageSize, (index + 1) * pageSize));
    }
    chunks.push(encoder.drain());
    await clock.yield();
  }
  addZerosBefore(pageCount + 1);
  const { index, trailer, size } = encoder.finish();
  chunks.push(encoder.drain());
  const body = await joinPieces(chunks, clock);
  const range = toTxid(txid);
  const key = layout.fileKey(0, range, range);
  const content = new Uint8Array(pageSize);
  return {
    txid,
    seq,
    pageCount,
    pageSize,
    body,
    file: { level: 0, minTxid: range, maxTxid: range, key, size, createdAtMs: timestampMs },
    index,
    fileChecksum: trailer.fileChecksum,
    page: (pgno) => {
      if (zeroPgnos.has(pgno)) return content.fill(0);
      journal.readPages(Uint32Array.of(pgno), seq, content);
      return content;
    },
  };
}

/** Pages by which the database has grown that no commit wrote. SQLite leaves out free ones. */
function findUnwritten(pending: PendingPages, pageCountBefore: number): Set<number> {
  const { pageCount, pageSize, pgnos } = pending;
  const unwritten = new Set<number>();
  const lock = lockPgno(pageSize as PageSize);
  let at = pgnos.findIndex((pgno) => pgno > pageCountBefore);
  if (at < 0) at = pgnos.length;
  for (let pgno = pageCountBefore + 1; pgno <= pageCount; pgno += 1) {
    if (pgnos[at] === pgno) at += 1;
    else if (pgno !== lock) unwritten.add(pgno);
  }
  return unwritten;
}
