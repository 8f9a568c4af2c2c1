/**
 * Compacts the files of a replica, takes snapshots, and deletes what has served its time. Only for
 * the holder of the lease.
 *
 * Always true:
 *   - The lease was ours after the sources were listed and before their output is put, so nobody
 *     else's leavings get into it; and again before anything relies on that output.
 *   - A file is deleted only after the file that takes its place was opened and found sound, after
 *     every promised transaction was found to be there without it, after the page maps of this
 *     mount point elsewhere, and while the lease is ours.
 *   - Every step leaves a replica that restores to what is promised: outputs are added whole, and
 *     what is deleted is needed by nothing, so any part of a deletion is right too.
 *
 * It does nothing by itself (compaction-loop.ts) and one thing at a time.
 */

import {
  BEGINNING_BYTES_MAX,
  COMPACT_BYTES_MAX,
  COMPACT_OUTPUTS_MAX,
  COMPACT_PAUSE_MS,
  COMPACT_PAUSE_MS_MAX,
  COMPACT_STREAM_BYTES_MAX,
  COMPACT_WHOLE_BYTES,
  DELETE_FILES_MAX,
  READER_HOLD_MS,
  RETENTION_HEIRS_MAX,
} from "../limits.ts";
import type { LoadedFile } from "../load-file.ts";
import { loadFile } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import type { FilesByLevel } from "../restore-plan.ts";
import { canStream } from "./can-stream.ts";
import {
  type CompactionPlan,
  type CompactionRules,
  type CompactionWindows,
  planCompaction,
  planSnapshot,
} from "./compaction-plan.ts";
import { FileCatalog } from "./file-catalog.ts";
import { type Merge, openMerge } from "./merge-sources.ts";
import { putMerged } from "./put-merged.ts";
import {
  findLoss,
  planLevel0Retention,
  planSnapshotRetention,
  type RetentionTimes,
  type Retirement,
} from "./retention-plan.ts";

export interface CompactorOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  /** Rejects when the lease is not ours. `serverDateMs`: the store's clock, if it was just told. */
  readonly stillOurs: (serverDateMs: number | undefined) => Promise<void>;
  /** Somebody waits for the store: the work pauses. */
  readonly isBusy?: (() => boolean) | undefined;
  /**
   * Where the bucket stood when this holder began. The files around it stay: the one before says
   * whether an upload of the holder before came in time, and the one after has the name under which
   * it would come too late.
   */
  readonly beganTxid?: bigint | undefined;
  /** The last transaction in the bucket, where it is known without asking. */
  readonly newestTxid?: (() => bigint) | undefined;
  /** Told before a deletion; gives the files that must stay for now. */
  readonly letGo?:
    | ((doomed: readonly LtxFile[], heirs: readonly LoadedFile[]) => ReadonlySet<LtxFile>)
    | undefined;
  /** Of each file that is made: `bytesTotal` is about what it comes to. */
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #catalog: FileCatalog;
  /** What `#canStream` found out. */
  #streams: boolean | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#catalog = new FileCatalog(options.replica);
  }

  /** The files as far as they are known; empty before the first call. */
  get levels(): FilesByLevel {
    return this.#catalog.levels;
  }

  /** After a failure: the next call looks at everything anew. */
  forget(): void {
    this.#catalog.forget();
  }

  /** Compacts the level below into this one. Gives the number of files made. */
  async compact(level: number, rules: CompactionRules = {}): Promise<number> {
    await this.#refresh(level === 1);
    const windows = rules.windows && this.#toStoreWindows(rules.windows);
    const streams = await this.#canStream(this.levels[level - 1] ?? []);
    const largest = streams ? COMPACT_STREAM_BYTES_MAX : COMPACT_BYTES_MAX;
    const { bytesMax = largest } = rules;
    for (let count = 0; count < COMPACT_OUTPUTS_MAX; count += 1) {
      const plan = planCompaction(this.levels, level, { ...rules, windows, bytesMax });
      if (plan.type === "nothing") return count;
      await this.#make(plan);
    }
    return COMPACT_OUTPUTS_MAX;
  }

  /** One file of everything at level 9. False when the newest one has everything already. */
  async snapshot(): Promise<boolean> {
    await this.#refresh(true);
    const plan = planSnapshot(this.levels);
    if (plan.type === "nothing") return false;
    await this.#make(plan);
    return true;
  }

  /**
   * Deletes what is no longer promised. Gives the number of files deleted. Files have their times
   * from the store or from whoever wrote them, and this machine's clock may be neither: whichever
   * of the two clocks is behind decides, so that nothing goes early.
   */
  async retain({ nowMs, ...retentions }: RetentionTimes): Promise<number> {
    await this.#refresh(false);
    const times = { ...retentions, nowMs: Math.min(nowMs, this.#catalog.toStoreMs(nowMs)) };
    await this.#options.replica.clock.yield();
    const level0 = planLevel0Retention(this.levels, times);
    const ended = level0.filter(({ file }) => !this.#isBeginning(file));
    const level0Count = await this.#retire(ended, times);
    return level0Count + (await this.#retire(planSnapshotRetention(this.levels, times), times));
  }

  /**
   * Whether what is made of these files may go out in parts. A store that nobody vouches for is
   * asked, once it matters; what cannot be asked gets its bodies whole.
   */
  async #canStream(sources: readonly LtxFile[]): Promise<boolean> {
    const bytes = sources.reduce((sum, { size }) => sum + size, 0);
    if (bytes <= COMPACT_WHOLE_BYTES) return this.#streams ?? false;
    this.#streams ??= await canStream(this.#options.replica, this.#options.signal);
    return this.#streams ?? false;
  }

  /** By the clock that the listing has its times from. */
  #toStoreWindows(windows: CompactionWindows): CompactionWindows {
    if (this.#options.replica.store.supports.listedTimestamp) return windows;
    const { nowMs, sinceMs, windowMs } = windows;
    const catalog = this.#catalog;
    return { windowMs, nowMs: catalog.toStoreMs(nowMs), sinceMs: catalog.toStoreMs(sinceMs) };
  }

  async #refresh(hasLevel0: boolean): Promise<void> {
    const { newestTxid, signal } = this.#options;
    if (hasLevel0) await this.#catalog.refreshLevel0(newestTxid?.(), signal);
    else await this.#catalog.refresh(signal);
  }

  async #make(plan: Exclude<CompactionPlan, { readonly type: "nothing" }>): Promise<void> {
    const { replica, queue, signal, stillOurs, onProgress } = this.#options;
    if (plan.type !== "compact") throw this.#explain(plan);
    const options = {
      queue,
      signal,
      pause: () => this.#pause(),
      streams: await this.#canStream(plan.sources),
      stillOurs: () => stillOurs(undefined),
    };
    const { file, serverDateMs } = await callStore(replica, async () => {
      const merge = await openMerge(replica, plan, options);
      return putMerged(replica, { ...merge, chunks: counted(merge, onProgress) }, options);
    });
    await stillOurs(serverDateMs);
    this.#catalog.add(file);
  }

  #isBeginning({ minTxid, maxTxid, size }: LtxFile): boolean {
    const { beganTxid } = this.#options;
    if (beganTxid === undefined || size > BEGINNING_BYTES_MAX) return false;
    return minTxid <= beganTxid + 1n && maxTxid >= beganTxid - 1n;
  }

  async #retire(retired: readonly Retirement[], times: RetentionTimes): Promise<number> {
    const { replica } = this.#options;
    const files = retired.map(({ file }) => file);
    const giveWay = () => replica.clock.yield();
    const lost =
      files.length === 0 ? undefined : await findLoss(this.levels, files, times, giveWay);
    if (lost !== undefined) {
      const sentence = `without ${files.length} old files, transaction ${lost} would be lost`;
      throw replicaError(replica, "REPLICA_DAMAGED", `${sentence}; nothing was deleted`);
    }
    let count = 0;
    for (let start = 0; start < retired.length; ) {
      const batch = takeBatch(retired, start);
      start += batch.length;
      count += await this.#delete(batch, times);
      await this.#pause();
    }
    return count;
  }

  async #delete(batch: readonly Retirement[], times: RetentionTimes): Promise<number> {
    const { replica, queue, signal, stillOurs, letGo } = this.#options;
    const heirs = await callStore(replica, () =>
      Promise.all(
        [...new Set(batch.map(({ heir }) => heir))].map((heir) =>
          loadFile(replica, heir, { queue, signal, priority: "compact" }),
        ),
      ),
    );
    await stillOurs(undefined);
    const files = batch.map(({ file }) => file);
    const needed = letGo?.(files, heirs);
    const heldSinceMs = times.nowMs - times.level0RetentionMs - READER_HOLD_MS;
    const isHeld = (file: LtxFile) =>
      needed?.has(file) === true && (file.level > 0 || file.createdAtMs >= heldSinceMs);
    const doomed = files.filter((file) => !isHeld(file));
    if (doomed.length === 0) return 0;
    const keys = doomed.map(({ key }) => key);
    await callStore(replica, () => replica.store.deleteMany(keys, { signal }));
    this.#catalog.remove(doomed);
    return doomed.length;
  }

  /** Lets others go first, and waits a little while readers wait for the store. */
  async #pause(): Promise<void> {
    const { replica, signal, isBusy } = this.#options;
    signal?.throwIfAborted();
    await replica.clock.yield();
    let waitedMs = 0;
    while (isBusy?.() === true && waitedMs < COMPACT_PAUSE_MS_MAX) {
      await replica.clock.sleep(COMPACT_PAUSE_MS, { signal });
      waitedMs += COMPACT_PAUSE_MS;
    }
  }

  #explain(plan: Extract<CompactionPlan, { readonly type: "gap" | "too-large" }>): unknown {
    const { replica } = this.#options;
    if (plan.type === "gap") {
      const between = `after ${plan.afterTxid}; the next file starts at ${plan.beforeTxid}`;
      const sentence = `transactions are missing ${between}, so nothing behind can be compacted`;
      return replicaError(replica, "REPLICA_DAMAGED", sentence);
    }
    const { key, size } = plan.file;
    const sentence =
      `the object ${key} with its ${size} bytes is more than one put may bring here; ` +
      "it stays where it is, and so do the files after it";
    return replicaError(replica, "STORE_UNSUPPORTED", sentence);
  }
}

/** The chunks of a merge; tells how far it is after each. */
async function* counted(
  { chunks, sourceBytes }: Merge,
  onProgress: CompactorOptions["onProgress"],
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytesDone = 0;
  for await (const chunk of chunks) {
    bytesDone += chunk.byteLength;
    yield chunk;
    onProgress?.(Math.min(bytesDone, sourceBytes), sourceBytes);
  }
}

/** From `start` on, as many as one request deletes and as their heirs fit into memory. */
function takeBatch(retired: readonly Retirement[], start: number): readonly Retirement[] {
  const heirs = new Set<LtxFile>();
  let end = start;
  while (end < retired.length && end - start < DELETE_FILES_MAX) {
    heirs.add(retired[end]!.heir);
    if (heirs.size > RETENTION_HEIRS_MAX) break;
    end += 1;
  }
  return retired.slice(start, end);
}
