/**
 * What the mounts of both modes begin with: the store in its layers, and the numbers that a reader
 * is shown.
 */

import { type ObjectStore, RequestCounts } from "@headwater/object-store";
import { ChangeCounter } from "./change-counter.ts";
import { CacheFolder } from "./disk/cache-folder.ts";
import { FileBodies } from "./file-bodies.ts";
import { FileTable } from "./file-table.ts";
import { IndexCache } from "./index-cache.ts";
import { layerStore } from "./layer-store.ts";
import { INDEX_CACHE_BYTES_MAX, KEEP_BATCH_BYTES } from "./limits.ts";
import type { LoadedMap } from "./load-map.ts";
import type { MountState } from "./mount-state.ts";
import type { MountSettings } from "./options.ts";
import type { PublishedState } from "./page-device.ts";
import { Hedger } from "./read/hedger.ts";
import { RequestQueue } from "./read/request-queue.ts";
import { makeReplica, type Replica } from "./replica.ts";

export interface MountBase {
  readonly replica: Replica;
  /** The store of the replica without retries, but with a deadline for each request. */
  readonly once: ObjectStore;
  readonly queue: RequestQueue;
  /** Undefined: no request is sent twice. */
  readonly hedger: Hedger | undefined;
  readonly files: FileTable;
  /** Undefined: nothing is kept on disk for the next opening. */
  readonly indexes: IndexCache | undefined;
  readonly counts: RequestCounts;
  readonly counter: ChangeCounter;
  readonly toPublished: (txid: bigint, pageCount: number, createdAtMs?: number) => PublishedState;
}

export function makeMountBase(settings: MountSettings): MountBase {
  const { path, url, clock, hedge, seeing } = settings;
  const counts = new RequestCounts();
  const { once, again } = layerStore({ ...settings, onRequest: counts.add });
  const replica = makeReplica({ store: again, path, url, clock, seeing });
  const counter = new ChangeCounter();
  const queue = new RequestQueue();
  return {
    replica,
    once,
    queue,
    hedger: hedge ? new Hedger({ queue, clock }) : undefined,
    files: new FileTable(),
    indexes: makeIndexCache(replica, settings),
    counts,
    counter,
    toPublished: (txid, pageCount, createdAtMs) => {
      return { txid, pageCount, changeCounter: counter.at(txid), createdAtMs };
    },
  };
}

function makeIndexCache(
  replica: Replica,
  { indexCacheDir, clock }: MountSettings,
): IndexCache | undefined {
  if (indexCacheDir === undefined) return undefined;
  const bytesMax = INDEX_CACHE_BYTES_MAX;
  const folder = new CacheFolder({ path: indexCacheDir, suffix: ".index", bytesMax, clock });
  return new IndexCache(replica, folder);
}

/**
 * Puts the pages that opening brought along into the cache, as long as there is room. The first
 * megabyte, from the newest files, is there when this returns; the rest follows between other
 * work, until the signal says that the mount ends: then there is no cache any more.
 */
export async function keepLoadedPages(
  state: MountState,
  { loaded }: LoadedMap,
  { clock }: Replica,
  signal: AbortSignal,
): Promise<void> {
  const { cache, pageSize, versions } = state;
  if (cache === undefined) return;
  const bodies = new FileBodies(loaded, pageSize);
  let batchBytes = 0;
  for (const { file, index, body } of loaded.toReversed()) {
    if (body === undefined) continue;
    for (const [at, pgno] of index.pgnos.entries()) {
      if (!cache.hasRoom) return;
      // Of a large file only the start is here.
      if (index.offsets[at]! >= body.byteLength) break;
      const { fromSeq, map } = versions.newest;
      const location = map.find(pgno);
      if (location?.file.key !== file.key) continue;
      const page = bodies.page(pgno, location);
      if (page !== undefined) state.keep(pgno, fromSeq, location, page);
      batchBytes += pageSize;
      if (batchBytes < KEEP_BATCH_BYTES) continue;
      batchBytes = 0;
      await clock.yield();
      if (signal.aborted) return;
    }
  }
}
