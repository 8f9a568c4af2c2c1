/**
 * Brings a compacted file into the bucket, or finds out that it is there already.
 *
 * Always true:
 *   - Only created, never overwritten. An object of that name counts as ours when its content is
 *     the same, or when it is sound to the last byte and brings the database to the same size: then
 *     somebody compacted the same transactions from other files.
 *   - `stillOurs` was asked after the last byte was made, and before there is an object.
 *   - What went out in parts was looked at afterwards: its size, its header and its checksum are
 *     right where they are.
 */

import { decodeHeader, decodeTrailer, HEADER_SIZE, LtxError, TRAILER_SIZE } from "@headwater/ltx";
import { type ObjectMeta, ObjectStoreError, putStream } from "@headwater/object-store";
import { joinPieces } from "../join-pieces.ts";
import { COMPACT_BYTES_MAX, COMPACT_WHOLE_BYTES } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import { type Merge, type MergeEnd, type MergeSourcesOptions, readSound } from "./merge-sources.ts";

export interface PutMergedOptions extends MergeSourcesOptions {
  /** Outputs may go out in parts. */
  readonly streams: boolean;
  readonly stillOurs: () => Promise<void>;
}

export interface PutMergedResult {
  /** As the bucket has it. */
  readonly file: LtxFile;
  /** The store's clock, if we put it just now. */
  readonly serverDateMs: number | undefined;
}

export async function putMerged(
  replica: Replica,
  merge: Merge,
  options: PutMergedOptions,
): Promise<PutMergedResult> {
  try {
    const isLarge = merge.sourceBytes > COMPACT_WHOLE_BYTES;
    const send = options.streams && isLarge ? putInParts : putWhole;
    const { size, serverDateMs } = await send(replica, merge, options);
    return { file: { ...merge.file, size }, serverDateMs };
  } catch (error) {
    if (!ObjectStoreError.is(error, "OBJECT_EXISTS", "OUTCOME_UNKNOWN")) throw error;
    const found = await callStore(replica, () => findSame(replica, merge, options));
    if (found === undefined) throw error;
    return { file: found, serverDateMs: undefined };
  }
}

async function putWhole(
  replica: Replica,
  merge: Merge,
  { signal, stillOurs }: PutMergedOptions,
): Promise<ObjectMeta> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of merge.chunks) {
    pieces.push(chunk);
    size += chunk.byteLength;
    if (size > COMPACT_BYTES_MAX) throw tooLarge(replica, merge);
  }
  const body = await joinPieces(pieces, replica.clock);
  await stillOurs();
  return replica.store.put(merge.file.key, body, { ...putOptions(merge), signal });
}

async function putInParts(
  replica: Replica,
  merge: Merge,
  { signal, stillOurs }: PutMergedOptions,
): Promise<ObjectMeta> {
  const body = async function* () {
    yield* merge.chunks;
    await stillOurs();
  };
  // Pages that have to be encoded anew may take more than they took.
  const sizeMax = 2 * merge.sourceBytes;
  const options = { ...putOptions(merge), sizeMax, signal };
  const meta = await putStream(replica.store, merge.file.key, body(), options);
  await checkEnds(replica, merge, merge.end()!, signal);
  return meta;
}

function putOptions({ file }: Merge) {
  return { condition: { type: "if-absent" }, timestampMs: file.createdAtMs } as const;
}

/** Parts that were put together in another way than they were sent would show here. */
async function checkEnds(
  replica: Replica,
  { file }: Merge,
  { size, fileChecksum }: MergeEnd,
  signal: AbortSignal | undefined,
): Promise<void> {
  const read = (offset: number, length: number) =>
    replica.store.get(file.key, { range: { offset, length }, signal });
  const [head, tail] = await Promise.all([
    read(0, HEADER_SIZE),
    read(size - TRAILER_SIZE, TRAILER_SIZE),
  ]);
  let failure: unknown;
  try {
    const isRight =
      tail.meta.size === size &&
      decodeTrailer(tail.body).fileChecksum === fileChecksum &&
      decodeHeader(head.body).maxTxid === file.maxTxid;
    if (isRight) return;
  } catch (error) {
    if (!LtxError.is(error)) throw error;
    failure = error;
  }
  const sentence = `the object ${file.key} is not what was put; delete it, it is not needed yet`;
  throw replicaError(replica, "REPLICA_DAMAGED", sentence, failure);
}

/** The object of that name, if there is one; rejects when it is not the same. */
async function findSame(
  replica: Replica,
  { file, pageSize, pageCount, end }: Merge,
  options: MergeSourcesOptions,
): Promise<LtxFile | undefined> {
  const { store } = replica;
  const { key } = file;
  const { signal } = options;
  const meta = await store.head(key, { signal }).catch((error: unknown) => {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    throw error;
  });
  if (meta === undefined) return undefined;
  const { size } = meta;
  const present = { ...file, size, createdAtMs: meta.timestampMs ?? meta.lastModifiedMs };
  const ours = end();
  if (size === ours?.size) {
    const range = { offset: size - TRAILER_SIZE, length: TRAILER_SIZE };
    const { body } = await store.get(key, { range, signal });
    if (decodeTrailer(body).fileChecksum === ours.fileChecksum) return present;
  }
  const header = await readSound(replica, present, options);
  if (header.pageSize === pageSize && header.commit === pageCount) return present;
  const sentence =
    `the object ${key} is there already, with ${header.commit} pages of ${header.pageSize} bytes ` +
    `where ${pageCount} of ${pageSize} are right; compaction does not touch it`;
  throw replicaError(replica, "REPLICA_DAMAGED", sentence);
}

function tooLarge(replica: Replica, { file }: Merge) {
  const sentence =
    `transactions ${file.minTxid} to ${file.maxTxid} come to more than ${COMPACT_BYTES_MAX} ` +
    "bytes, which is the most that may go to a store that takes bodies whole; " +
    "the files they are in stay as they are";
  return replicaError(replica, "STORE_UNSUPPORTED", sentence);
}
