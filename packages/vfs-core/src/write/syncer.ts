/**
 * Brings local commits into the bucket: one LTX file per pass, at the transaction after the last.
 *
 * Always true:
 *   - An upload that was begun is finished, with the same bytes, before another one is made: so one
 *     whose answer got lost can never be taken for somebody else's.
 *   - Nobody is told that a commit is in the bucket before the put was answered, the lease was
 *     found to be ours after it, and the local record says so durably.
 *   - Pages leave the journal only when the page map points at the file that has them.
 *   - Once fenced, nothing is uploaded any more, and the journal stays as it is.
 */

import { type Lease, LeaseError } from "@headwater/lease";
import { toTxid } from "@headwater/ltx";
import { Alarm } from "../alarm.ts";
import { type Deferred, deferred } from "../deferred.ts";
import type { JournalFolder, UploadIntent } from "../disk/journal-folder.ts";
import { explainStoreFailure, type HeadwaterError } from "../errors.ts";
import { JOURNAL_EAGER_BYTES, SYNC_LOOK_MS, SYNC_RETRY_MS_MAX } from "../limits.ts";
import { loadFile } from "../load-file.ts";
import type { MountState } from "../mount-state.ts";
import { PageMapBuilder } from "../page-map.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { type Replica, replicaError } from "../replica.ts";
import { type SyncStatus, summarizeError } from "../status.ts";
import type { TxidWaiters } from "../txid-waiters.ts";
import { withSignal } from "../with-signal.ts";
import { encodeUpload, type Upload } from "./encode-upload.ts";
import { putUpload } from "./put-upload.ts";

export interface SyncerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly folder: JournalFolder;
  readonly lease: Lease | undefined;
  readonly queue: RequestQueue;
  readonly waiters: TxidWaiters;
  readonly signal: AbortSignal;
  readonly syncIntervalMs: number;
  /** Everything up to this commit is in the bucket. */
  readonly syncedSeq: number;
}

/** An upload on its way. */
type Attempt =
  | { readonly type: "none" }
  | { readonly type: "encoded"; readonly upload: Upload }
  | {
      readonly type: "landed";
      readonly upload: LandedUpload;
      readonly serverDateMs: number | undefined;
    };

/** What is needed of an upload once it is in the bucket. */
type LandedUpload = Pick<Upload, "txid" | "seq" | "file" | "pageCount" | "index" | "page"> &
  Pick<Upload, "fileChecksum">;

interface FlushWaiter {
  readonly seq: number;
  /** Passes before this one were under way when the call came, and do not count. */
  readonly firstPass: number;
  readonly settle: Deferred<void>;
}

export class Syncer {
  readonly #options: SyncerOptions;
  readonly #alarm: Alarm;
  readonly #flushes = new Set<FlushWaiter>();
  #attempt: Attempt = { type: "none" };
  #syncedSeq: number;
  #passCount = 0;
  #failures = 0;
  #isPassing = false;
  #isEnded = false;
  #lastError: unknown;
  #fence: HeadwaterError | undefined;

  constructor(options: SyncerOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.replica.clock);
    this.#syncedSeq = options.syncedSeq;
    const { lease } = options;
    lease?.lost.addEventListener("abort", () => this.#fenceOff(lease.lost.reason), { once: true });
  }

  get fence(): HeadwaterError | undefined {
    return this.#fence;
  }

  get hasPending(): boolean {
    return this.#newestSeq() > this.#syncedSeq || this.#attempt.type !== "none";
  }

  status(): SyncStatus {
    const { state, lease } = this.#options;
    return {
      state: this.#stateName(),
      committedSeq: this.#newestSeq(),
      syncedSeq: this.#syncedSeq,
      journalBytes: state.device.journal.sizeBytes(),
      lastError: summarizeError(this.#fence ?? this.#lastError),
      leaseGeneration: lease?.generation,
    };
  }

  /** The device tells that a commit was made. */
  onCommit(): void {
    this.#alarm.ring();
  }

  /** Uploads until `end()`. Never rejects. */
  async run(): Promise<void> {
    const { clock } = this.#options.replica;
    let startedMs = Number.NEGATIVE_INFINITY;
    while (!this.#isEnded && this.#fence === undefined) {
      if (!(await this.#untilDue(startedMs))) continue;
      startedMs = clock.monotonicMs();
      await this.#pass();
      this.#options.state.release();
    }
  }

  /** Resolves once everything committed before the call is in the bucket and acknowledged. */
  async flush(signal: AbortSignal | undefined): Promise<bigint> {
    signal?.throwIfAborted();
    if (this.#fence !== undefined) throw this.#fence;
    const seq = this.#newestSeq();
    if (seq > this.#syncedSeq) {
      const firstPass = this.#isPassing ? this.#passCount + 1 : this.#passCount;
      const waiter: FlushWaiter = { seq, firstPass, settle: deferred() };
      waiter.settle.promise.catch(() => {});
      this.#flushes.add(waiter);
      this.#alarm.ring();
      try {
        await withSignal(waiter.settle.promise, signal);
      } finally {
        this.#flushes.delete(waiter);
      }
    }
    return this.#options.state.device.state().txid;
  }

  /** Ends the loop after the pass under way. What waits is told. */
  end(reason: HeadwaterError): void {
    this.#isEnded = true;
    for (const { settle } of this.#flushes) settle.reject(reason);
    this.#alarm.ring();
  }

  /** True when a pass should start; false when something happened that needs another look. */
  async #untilDue(startedMs: number): Promise<boolean> {
    const { replica, state, syncIntervalMs } = this.#options;
    const { journal } = state.device;
    if (this.#attempt.type === "none" && journal.armNotice() <= this.#syncedSeq) {
      // Readers that end let old versions go, and nothing else tells of it.
      await this.#alarm.wait(state.versions.count > 1 ? syncIntervalMs : undefined);
      state.release();
      return false;
    }
    if (this.#flushes.size > 0) return true;
    if (this.#failures === 0 && journal.sizeBytes() >= JOURNAL_EAGER_BYTES) return true;
    const backoffMs = Math.min(syncIntervalMs * 2 ** this.#failures, SYNC_RETRY_MS_MAX);
    const intervalMs = Math.max(syncIntervalMs, backoffMs);
    const restMs = startedMs + intervalMs - replica.clock.monotonicMs();
    if (restMs <= 0) return true;
    await this.#alarm.wait(Math.min(restMs, SYNC_LOOK_MS));
    return false;
  }

  /**
   * One upload, if there is something. Its failure is kept, told to those who wait, and that is
   * all.
   */
  async #pass(): Promise<void> {
    this.#isPassing = true;
    const pass = this.#passCount;
    let failure: unknown;
    try {
      await this.#upload();
      this.#failures = 0;
      this.#lastError = undefined;
    } catch (error) {
      const explained = explainStoreFailure(this.#options.replica.name, error);
      this.#failures += 1;
      this.#lastError = explained;
      failure = explained;
    }
    this.#passCount += 1;
    this.#isPassing = false;
    for (const waiter of this.#flushes) {
      const isDone = waiter.seq <= this.#syncedSeq;
      if (isDone) waiter.settle.resolve();
      else if (failure !== undefined && waiter.firstPass <= pass) waiter.settle.reject(failure);
      else continue;
      this.#flushes.delete(waiter);
    }
  }

  async #upload(): Promise<void> {
    if (this.#attempt.type === "none") this.#attempt = await this.#encode();
    if (this.#attempt.type === "encoded") this.#attempt = await this.#put(this.#attempt.upload);
    if (this.#attempt.type === "landed") await this.#acknowledge(this.#attempt);
  }

  async #encode(): Promise<Attempt> {
    const { replica, state, folder, lease } = this.#options;
    const { journal } = state.device;
    const pending = journal.collect(this.#syncedSeq);
    if (pending === undefined) return { type: "none" };
    const { map } = state.versions.newest;
    state.setPageSize(pending.pageSize);
    const upload = await encodeUpload({
      journal,
      pending,
      txid: map.txid + 1n,
      pageCountBefore: map.pageCount,
      nodeId: lease?.generation ?? 0n,
      replica,
    });
    await folder.writeIntent(upload);
    return { type: "encoded", upload };
  }

  async #put(upload: Upload): Promise<Attempt> {
    this.#throwIfFenced();
    const { replica, folder } = this.#options;
    const result = await putUpload(replica, upload);
    if (result.type === "landed") {
      return { type: "landed", upload, serverDateMs: result.serverDateMs };
    }
    const earlier = folder.intents.find(
      ({ txid, fileChecksum }) => txid === upload.txid && fileChecksum === result.fileChecksum,
    );
    if (earlier !== undefined) {
      // An earlier run sent it, and it arrived after that run had ended.
      const landed = await this.#loadLanded(earlier);
      return { type: "landed", upload: landed, serverDateMs: undefined };
    }
    const sentence = `transaction ${upload.txid} was written by somebody else`;
    throw this.#fenceOff(replicaError(replica, "FENCED", sentence));
  }

  async #loadLanded({ txid, seq, fileChecksum }: UploadIntent): Promise<LandedUpload> {
    const { replica, queue, signal } = this.#options;
    const range = toTxid(txid);
    const key = replica.layout.fileKey(0, range, range);
    const { size, timestampMs, lastModifiedMs } = await replica.store.head(key, { signal });
    const createdAtMs = timestampMs ?? lastModifiedMs;
    const file = { level: 0, minTxid: range, maxTxid: range, key, size, createdAtMs };
    const loaded = await loadFile(replica, file, { queue, signal });
    return { ...loaded, txid, seq, fileChecksum, page: () => undefined };
  }

  async #acknowledge({ upload, serverDateMs }: Attempt & { type: "landed" }): Promise<void> {
    this.#throwIfFenced();
    const { lease, folder } = this.#options;
    try {
      await lease?.check({ serverDateMs });
    } catch (error) {
      throw LeaseError.is(error) ? this.#fenceOff(error) : error;
    }
    await folder.writeSynced(upload);
    this.#adopt(upload);
    this.#attempt = { type: "none" };
    this.#syncedSeq = upload.seq;
    this.#options.waiters.reach(upload.txid);
    await this.#retire(upload);
  }

  /** From now on readers of the upload's commits find its pages in the bucket. */
  #adopt(upload: LandedUpload): void {
    const { state } = this.#options;
    const before = state.versions.newest.map;
    const builder = new PageMapBuilder(before);
    builder.apply(upload.file, upload.pageCount, upload.index);
    const map = builder.build();
    state.adopt({
      seq: upload.seq,
      map,
      changed: map.changedSince(before),
      pageCountMin: builder.pageCountMin,
      page: upload.page,
    });
    state.device.setTxid(upload.txid);
  }

  async #retire({ seq, txid }: LandedUpload): Promise<void> {
    const { state, folder } = this.#options;
    const { journal } = state.device;
    // When a transaction is being written it stays in the segment, which the next pass tries again.
    journal.rotate(folder.nextSegmentPath(), txid);
    await folder.remove(journal.retire(seq));
  }

  #fenceOff(cause: unknown): HeadwaterError {
    if (this.#fence !== undefined) return this.#fence;
    const { replica, state, folder } = this.#options;
    const why = cause instanceof Error ? cause.message : String(cause);
    const sentence =
      `writing has stopped: ${why}. ` +
      `Commits that are not in the bucket are kept in ${folder.path}`;
    const fence = replicaError(replica, "FENCED", sentence, cause);
    this.#fence = fence;
    state.device.setWritable(false, fence.message);
    for (const { settle } of this.#flushes) settle.reject(fence);
    this.#alarm.ring();
    return fence;
  }

  #throwIfFenced(): void {
    if (this.#fence !== undefined) throw this.#fence;
  }

  #newestSeq(): number {
    return this.#options.state.device.state().seq;
  }

  #stateName(): SyncStatus["state"] {
    if (this.#fence !== undefined) return "fenced";
    if (this.#isPassing) return "uploading";
    if (this.#failures > 0) return "failing";
    return this.hasPending ? "pending" : "idle";
  }
}
