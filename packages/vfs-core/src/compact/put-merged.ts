/**
 * Brings a compacted file into the bucket, or finds out that it is there already.
 *
 * Always true: only created, never overwritten. An object of that name counts as ours when its
 * content is the same, or when it is sound to the last byte and brings the database to the same
 * size: then somebody compacted the same transactions from other files.
 */

import { decodeTrailer, TRAILER_SIZE } from "@headwater/ltx";
import { ObjectStoreError } from "@headwater/object-store";
import type { LtxFile } from "../ltx-file.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import { type MergedFile, type MergeSourcesOptions, readSound } from "./merge-sources.ts";

export interface PutMergedResult {
  /** As the bucket has it. */
  readonly file: LtxFile;
  /** The store's clock, if we put it just now. */
  readonly serverDateMs: number | undefined;
}

export async function putMerged(
  replica: Replica,
  merged: MergedFile,
  options: MergeSourcesOptions,
): Promise<PutMergedResult> {
  const { file, body } = merged;
  try {
    const { serverDateMs } = await replica.store.put(file.key, body, {
      condition: { type: "if-absent" },
      timestampMs: file.createdAtMs,
      signal: options.signal,
    });
    return { file, serverDateMs };
  } catch (error) {
    if (!ObjectStoreError.is(error, "OBJECT_EXISTS", "OUTCOME_UNKNOWN")) throw error;
    const found = await callStore(replica, () => findSame(replica, merged, options));
    if (found === undefined) throw error;
    return { file: found, serverDateMs: undefined };
  }
}

/** The object of that name, if there is one; rejects when it is not the same. */
async function findSame(
  replica: Replica,
  { file, pageSize, pageCount, fileChecksum }: MergedFile,
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
  if (size === file.size) {
    const range = { offset: size - TRAILER_SIZE, length: TRAILER_SIZE };
    const { body } = await store.get(key, { range, signal });
    if (decodeTrailer(body).fileChecksum === fileChecksum) return present;
  }
  const header = await readSound(replica, present, options);
  if (header.pageSize === pageSize && header.commit === pageCount) return present;
  const sentence =
    `the object ${key} is there already, with ${header.commit} pages of ${header.pageSize} bytes ` +
    `where ${pageCount} of ${pageSize} are right; compaction does not touch it`;
  throw replicaError(replica, "REPLICA_DAMAGED", sentence);
}
