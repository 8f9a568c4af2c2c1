/**
 * Sources of a plan as the one file that they come to.
 *
 * Always true:
 *   - The bytes depend on the sources and on nothing else, so a compaction that is done again makes
 *     the same object, whoever does it. That is why the node id stays zero, as in Litestream: who
 *     wrote which transaction is told by the files of level 0.
 *   - Its time is the newest of its sources: a restore to before any of them leaves it out. In
 *     Litestream it is the time of the last source, which is the same where clocks did not go back.
 *   - Every source was read to its end and verified before the last byte comes out.
 *   - Others get their turn after about every megabyte that was decoded.
 *
 * Memory: a piece per source, and the index of the output; the output itself comes by and by.
 */

import {
  CHUNK_SIZE,
  decodeLtxStream,
  Encoder,
  type Header,
  type HeaderInit,
  LtxError,
  PageMerge,
  toTxid,
} from "@headwater/ltx";
import { ENCODE_BATCH_BYTES, RANGE_BYTES_MAX } from "../limits.ts";
import { explainDamage } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { type Replica, replicaError } from "../replica.ts";
import type { CompactionPlan } from "./compaction-plan.ts";
import { sourceChunkBytes } from "./source-chunk-bytes.ts";
import { openSource, type Source } from "./source-reader.ts";

export interface MergeSourcesOptions {
  readonly queue: RequestQueue;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then; resolves when the work may go on. */
  readonly pause: () => Promise<void>;
}

export interface Merge {
  /** But for its size, which shows at the end. */
  readonly file: Omit<LtxFile, "size">;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Bytes of the sources: about what comes of them, and never much less. */
  readonly sourceBytes: number;
  /** The whole file, to be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** What it came to; undefined before its last byte was read. */
  readonly end: () => MergeEnd | undefined;
}

export interface MergeEnd {
  readonly size: number;
  readonly fileChecksum: bigint;
}

/** It and its chunks reject with the store's own OBJECT_NOT_FOUND when a source is gone. */
export async function openMerge(
  replica: Replica,
  plan: CompactionPlan & { readonly type: "compact" },
  options: MergeSourcesOptions,
): Promise<Merge> {
  const { sources: files, level } = plan;
  const chunkBytes = sourceChunkBytes(files.length);
  const open = (file: LtxFile) =>
    openSource(replica, file, { ...options, chunkBytes, signal: options.signal });
  const sources = await Promise.all(files.map(open));
  const header = toHeader(plan, sources);
  const { minTxid, maxTxid, timestampMs, pageSize, commit: pageCount } = header;
  const key = replica.layout.fileKey(level, minTxid, maxTxid);
  let end: MergeEnd | undefined;
  const chunks = async function* () {
    try {
      end = yield* encode(replica, sources, header, options);
    } catch (error) {
      if (!LtxError.is(error)) throw error;
      const names = `${files[0]!.key} to ${files.at(-1)!.key}`;
      const sentence = `the files ${names} cannot be compacted: ${error.message}`;
      throw replicaError(replica, "REPLICA_DAMAGED", sentence, error);
    }
  };
  return {
    file: { level, minTxid, maxTxid, key, createdAtMs: timestampMs },
    pageSize,
    pageCount,
    sourceBytes: files.reduce((sum, { size }) => sum + size, 0),
    chunks: chunks(),
    end: () => end,
  };
}

/** The header of a file, after every byte of it was read and verified. */
export async function readSound(
  replica: Replica,
  file: LtxFile,
  options: MergeSourcesOptions,
): Promise<Header> {
  const { header, chunks } = await openSource(replica, file, {
    ...options,
    chunkBytes: RANGE_BYTES_MAX,
    signal: options.signal,
  });
  try {
    await using stream = await decodeLtxStream(chunks);
    for (let bytes = 0; (stream.nextNow() ?? (await stream.next())) !== undefined; ) {
      bytes += header.pageSize;
      if (bytes < ENCODE_BATCH_BYTES) continue;
      bytes = 0;
      await replica.clock.yield();
    }
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
  return header;
}

function toHeader(
  { minTxid, maxTxid }: CompactionPlan & { readonly type: "compact" },
  sources: readonly Source[],
): HeaderInit {
  const { pageSize, commit } = sources.at(-1)!.header;
  const timestampMs = Math.max(...sources.map(({ header }) => header.timestampMs));
  return { pageSize, commit, minTxid: toTxid(minTxid), maxTxid: toTxid(maxTxid), timestampMs };
}

async function* encode(
  replica: Replica,
  sources: readonly Source[],
  header: HeaderInit,
  { pause }: MergeSourcesOptions,
): AsyncGenerator<Uint8Array, MergeEnd, undefined> {
  await using pages = await PageMerge.open(
    sources.map(({ chunks }) => chunks),
    { pause: () => replica.clock.yield() },
  );
  const encoder = new Encoder(header);
  let drainedBytes = 0;
  let pausedAtBytes = 0;
  for (;;) {
    const next = pages.nextNow() ?? (await pages.next());
    if (next === undefined) break;
    const { pgno, page, frame } = next;
    if (frame === undefined) encoder.addPage(pgno, page);
    else encoder.addFrame(pgno, page, frame);
    if (encoder.pendingSize < CHUNK_SIZE) continue;
    drainedBytes += encoder.pendingSize;
    yield encoder.drain();
    if (drainedBytes - pausedAtBytes < ENCODE_BATCH_BYTES) continue;
    pausedAtBytes = drainedBytes;
    await pause();
  }
  const { size, trailer } = encoder.finish();
  yield encoder.drain();
  return { size, fileChecksum: trailer.fileChecksum };
}
