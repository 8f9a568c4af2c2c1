/**
 * Puts a database into the store as a replica of one snapshot, with or without files above it, and
 * makes copies of it for those who write.
 */

import { createReadStream } from "node:fs";
import { formatFileName, setCodec, snapshotDatabase, toPageSize, toTxid } from "@headwater/ltx";
import { openStore } from "@headwater/object-store";
import type { Dataset } from "../../dataset/dataset.ts";
import { PAGE_SIZE } from "../../dataset/schema.ts";
import { makeLevelZeroFiles } from "./level-zero-files.ts";
import type { ProxiedStore } from "./proxied-store.ts";

export interface Replica {
  /** Where in the bucket. */
  readonly path: string;
  readonly snapshotKey: string;
  readonly snapshotBytes: number;
}

interface NamedObject {
  /** Below the replica. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly timestampMs: number;
}

const CHUNK_BYTES = 2 ** 20;
/** In the header of a database file. */
const PAGE_COUNT_OFFSET = 28;
const SNAPSHOT_NAME = `0009/${formatFileName(toTxid(1n), toTxid(1n))}`;
/** Of one machine's own server. */
const PUTS_PARALLEL = 16;

let copies = 0;

/** What a replica has beside the pages of its dataset. */
export interface ReplicaShape {
  readonly levelZeroFiles: number;
  /** Undefined: nothing. */
  readonly paddedToMb: number | undefined;
}

export async function makeReplica(
  store: ProxiedStore,
  dataset: Dataset,
  { levelZeroFiles, paddedToMb = 0 }: ReplicaShape,
): Promise<Replica> {
  const timestampMs = Date.now();
  const databaseSize = Math.max(dataset.bytes, paddedBytes(paddedToMb));
  // By the other codec, ten gigabytes take minutes.
  setCodec((await import("@headwater/node-binding")).nativeCodec);
  const snapshot = snapshotDatabase(databaseOf(dataset, databaseSize), {
    databaseSize,
    pageSize: toPageSize(PAGE_SIZE),
    timestampMs,
  });
  const { bytes } = await snapshot.bytes();
  const path = `replica-${dataset.sizeMb}mb-${levelZeroFiles}-${paddedToMb}`;
  const replica = await putSnapshot(store, path, bytes, timestampMs);
  const above = [...makeLevelZeroFiles(dataset, levelZeroFiles, timestampMs)];
  await putAll(
    store,
    path,
    above.map(({ name, ...rest }) => ({ name: `0000/${name}`, ...rest })),
  );
  return replica;
}

/** The database, and zeros up to its size: SQLite reads no page that nothing leads to. */
async function* databaseOf(dataset: Dataset, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const chunk of createReadStream(dataset.file, { highWaterMark: CHUNK_BYTES })) {
    const bytes = chunk as Buffer;
    if (left === size) bytes.writeUInt32BE(size / PAGE_SIZE, PAGE_COUNT_OFFSET);
    left -= bytes.length;
    yield bytes;
  }
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (; left > 0; left -= Math.min(left, CHUNK_BYTES)) yield zeros.subarray(0, left);
}

function paddedBytes(paddedToMb: number): number {
  return Math.floor((paddedToMb * 1_000_000) / PAGE_SIZE) * PAGE_SIZE;
}

/** A replica that nobody else writes to or reads from: of the snapshot alone. */
export async function copyReplica(store: ProxiedStore, replica: Replica): Promise<Replica> {
  copies += 1;
  const opened = await openStore(store.directUrl(replica.path), credentialsOf(store));
  await using source = opened.store;
  const { body } = await source.get(replica.snapshotKey);
  return putSnapshot(store, `${replica.path}-copy-${copies}`, body, Date.now());
}

export async function removeReplica(store: ProxiedStore, { path }: Replica): Promise<void> {
  const opened = await openStore(store.directUrl(path), credentialsOf(store));
  await using target = opened.store;
  const keys: string[] = [];
  for await (const { key } of target.list(`${path}/`)) keys.push(key);
  await target.deleteMany(keys);
}

async function putSnapshot(
  store: ProxiedStore,
  path: string,
  bytes: Uint8Array,
  timestampMs: number,
): Promise<Replica> {
  await putAll(store, path, [{ name: SNAPSHOT_NAME, bytes, timestampMs }]);
  return { path, snapshotKey: `${path}/${SNAPSHOT_NAME}`, snapshotBytes: bytes.length };
}

async function putAll(
  store: ProxiedStore,
  path: string,
  objects: readonly NamedObject[],
): Promise<void> {
  const opened = await openStore(store.directUrl(path), credentialsOf(store));
  await using target = opened.store;
  for (let at = 0; at < objects.length; at += PUTS_PARALLEL) {
    const puts = objects.slice(at, at + PUTS_PARALLEL).map(({ name, bytes, timestampMs }) => {
      const condition = { type: "if-absent" } as const;
      return target.put(`${path}/${name}`, bytes, { condition, timestampMs });
    });
    await Promise.all(puts);
  }
}

function credentialsOf({ server }: ProxiedStore) {
  const { accessKeyId, secretAccessKey } = server;
  return { accessKeyId, secretAccessKey };
}
