/**
 * A file that follows becomes the newest state of its replica, whatever it was before.
 *
 * Always true: the newest state is brought beside it first, whole and verified, so others are
 * locked out only while the pages are written in which the two differ.
 */

import { systemImageFiles } from "../disk/image-file.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { systemDisk } from "../disk/system-disk.ts";
import type { FileLocks } from "../file-locks.ts";
import { RENEW_CHUNK_BYTES } from "../limits.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { replicaError } from "../replica.ts";
import { ChangeInPlace, type DatabaseLock } from "./change-in-place.ts";
import { type RestoreResult, restoreReplica } from "./restore-replica.ts";

export interface RenewOptions {
  readonly path: string;
  readonly handle: ImageHandle;
  readonly lock: DatabaseLock;
  readonly locks: FileLocks;
  readonly signal: AbortSignal;
}

export async function renewFile(
  offline: OfflineReplica,
  { path, handle, lock, locks, signal }: RenewOptions,
): Promise<RestoreResult> {
  const fresh = `${path}.anew`;
  const target = { type: "latest" } as const;
  const result = await restoreReplica(offline, {
    path: fresh,
    target,
    locks,
    overwrite: true,
    signal,
  });
  const source = await systemImageFiles.open(fresh);
  const change = new ChangeInPlace({ path, handle, lock, random: offline.random, signal });
  try {
    // Whoever locks it undoes a change that was cut short: what is compared is what stays.
    (await lock.lock(signal))();
    const pageSize = await change.pageSize();
    if (pageSize !== result.pageSize) {
      const sentence = `its pages have ${result.pageSize} bytes now, not ${pageSize}; restore it`;
      throw replicaError(offline.replica, "REPLICA_RESET", sentence);
    }
    await copyDiffering(source, handle, change, result);
    await change.truncate(result.size);
    await change.commit();
  } catch (error) {
    await change.abandon();
    throw error;
  } finally {
    await source.close();
    await systemDisk.remove(fresh);
  }
  return result;
}

async function copyDiffering(
  source: ImageHandle,
  before: ImageHandle,
  change: ChangeInPlace,
  { pageSize, size }: RestoreResult,
): Promise<void> {
  const [one, other] = [Buffer.alloc(RENEW_CHUNK_BYTES), Buffer.alloc(RENEW_CHUNK_BYTES)];
  for (let position = 0; position < size; position += RENEW_CHUNK_BYTES) {
    const length = await readAll(source, one, position);
    const found = await readAll(before, other, position);
    for (let at = 0; at < length; at += pageSize) {
      const isSame =
        at + pageSize <= found && one.compare(other, at, at + pageSize, at, at + pageSize) === 0;
      if (!isSame) await change.write(one, at, pageSize, position + at);
    }
  }
}

/** As many bytes as there are from that position on; the rest of `bytes` means nothing. */
async function readAll(handle: ImageHandle, bytes: Buffer, position: number): Promise<number> {
  let length = 0;
  while (length < bytes.byteLength) {
    const rest = bytes.byteLength - length;
    const { bytesRead } = await handle.read(bytes, length, rest, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
