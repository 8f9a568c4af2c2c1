/**
 * Puts a database into the store as a replica of one snapshot, and makes copies of it for those who
 * write.
 */

import { createReadStream } from "node:fs";
import { formatFileName, snapshotDatabase, toPageSize, toTxid } from "@headwater/ltx";
import { openStore } from "@headwater/object-store";
import type { Dataset } from "../../dataset/dataset.ts";
import { PAGE_SIZE } from "../../dataset/schema.ts";
import type { ProxiedStore } from "./proxied-store.ts";

export interface Replica {
  /** Where in the bucket. */
  readonly path: string;
  readonly snapshotKey: string;
  readonly snapshotBytes: number;
}

const SNAPSHOT_LEVEL = "0009";
const SNAPSHOT_NAME = formatFileName(toTxid(1n), toTxid(1n));

let copies = 0;

export async function makeReplica(store: ProxiedStore, dataset: Dataset): Promise<Replica> {
  const timestampMs = Date.now();
  const snapshot = snapshotDatabase(createReadStream(dataset.file, { highWaterMark: 2 ** 20 }), {
    databaseSize: dataset.bytes,
    pageSize: toPageSize(PAGE_SIZE),
    timestampMs,
  });
  const { bytes } = await snapshot.bytes();
  return putSnapshot(store, `replica-${dataset.sizeMb}mb`, bytes, timestampMs);
}

/** A replica that nobody else writes to or reads from. */
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
  const opened = await openStore(store.directUrl(path), credentialsOf(store));
  await using target = opened.store;
  const snapshotKey = `${path}/${SNAPSHOT_LEVEL}/${SNAPSHOT_NAME}`;
  await target.put(snapshotKey, bytes, { condition: { type: "if-absent" }, timestampMs });
  return { path, snapshotKey, snapshotBytes: bytes.length };
}

function credentialsOf({ server }: ProxiedStore) {
  const { accessKeyId, secretAccessKey } = server;
  return { accessKeyId, secretAccessKey };
}
