/**
 * A database file as a new replica: one snapshot of level 9, as transaction 1.
 *
 * Always true:
 *   - Where something is already, nothing is written.
 *   - The lease is held from the look at the prefix until the snapshot is there, so no writer
 *     begins another database meanwhile.
 */

import { snapshotDatabase, toPageSize, toTxid } from "@headwater/ltx";
import { canStream } from "../compact/can-stream.ts";
import type { Merge, MergeEnd } from "../compact/merge-sources.ts";
import { putMerged } from "../compact/put-merged.ts";
import { COMPACT_WHOLE_BYTES, SNAPSHOT_LEVEL } from "../limits.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { type HeldWork, type HoldLeaseOptions, holdLease } from "../offline/hold-lease.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { probePrefix } from "../probe-prefix.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";

/** A database that stands still. */
export interface DatabaseImage {
  readonly pageSize: number;
  readonly pageCount: number;
  /** All pages, from the first on, in chunks of any size. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

export interface ImportOptions extends HoldLeaseOptions {
  /** Told of the bytes of the database that have been read. */
  readonly onProgress?: ((bytesDone: number) => void) | undefined;
}

export interface ImportResult {
  readonly txid: bigint;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Bytes of the object. */
  readonly size: number;
}

export async function importDatabase(
  offline: OfflineReplica,
  image: DatabaseImage,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { replica } = offline;
  // Whoever meant another place is told so, and not that somebody writes there.
  await requireEmpty(replica, options.signal);
  return holdLease(offline, options, async (held) => {
    await requireEmpty(replica, held.signal);
    const { pageSize, pageCount } = image;
    const snapshot = makeSnapshot(replica, image, options);
    const streams =
      snapshot.sourceBytes > COMPACT_WHOLE_BYTES && (await canStream(replica, held.signal));
    const { file, serverDateMs } = await callStore(replica, () =>
      putMerged(replica, snapshot, {
        queue: offline.queue,
        pause: () => pauseFor(replica, held),
        streams: streams === true,
        stillOurs: () => held.stillOurs(),
        signal: held.signal,
      }),
    );
    await held.stillOurs(serverDateMs);
    return { txid: file.maxTxid, pageSize, pageCount, size: file.size };
  });
}

async function requireEmpty(replica: Replica, signal: AbortSignal | undefined): Promise<void> {
  const levels = await listLtxFiles(replica, { signal });
  const isEmpty = levels.every((files) => files.length === 0);
  if (isEmpty && (await probePrefix(replica, { signal })) === "nothing") return;
  const sentence = "there is a replica already; choose another place, nothing was changed";
  throw replicaError(replica, "OPTION_INVALID", sentence);
}

/** In the form in which compaction puts what it makes. */
function makeSnapshot(
  replica: Replica,
  { pageSize, pageCount, chunks }: DatabaseImage,
  { onProgress }: ImportOptions,
): Merge {
  const txid = toTxid(1n);
  const timestampMs = Math.floor(replica.clock.nowMs());
  const databaseSize = pageSize * pageCount;
  const snapshot = snapshotDatabase(counted(chunks(), onProgress), {
    databaseSize,
    pageSize: toPageSize(pageSize),
    timestampMs,
    maxTxid: txid,
  });
  let end: MergeEnd | undefined;
  const encode = async function* () {
    yield* snapshot;
    const { size, trailer } = snapshot.result!;
    end = { size, fileChecksum: trailer.fileChecksum };
  };
  const key = replica.layout.fileKey(SNAPSHOT_LEVEL, txid, txid);
  return {
    file: { level: SNAPSHOT_LEVEL, minTxid: txid, maxTxid: txid, key, createdAtMs: timestampMs },
    pageSize,
    pageCount,
    sourceBytes: databaseSize,
    chunks: encode(),
    end: () => end,
  };
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onProgress: ImportOptions["onProgress"],
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytesDone = 0;
  for await (const chunk of chunks) {
    yield chunk;
    bytesDone += chunk.byteLength;
    onProgress?.(bytesDone);
  }
}

async function pauseFor({ clock }: Replica, { signal }: HeldWork): Promise<void> {
  signal.throwIfAborted();
  await clock.yield();
}
