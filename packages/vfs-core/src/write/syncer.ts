/**
 * Brings local commits into the bucket: one LTX file per pass, at the transaction after the last.
 *
 * Always true:
 *   - An upload that may have arrived is sent again with the same bytes until it is known to be
 *     there: so one whose answer got lost can never be taken for somebody else's. The one exception
 *     is a COMMIT that is given up: then another file is put under the same name, and whichever of
 *     the two is there is there for good.
 *   - Of every upload that may have been sent for the next transaction there is a durable record.
 *   - Nobody is told that a commit is in the bucket before the put was answered and the lease was
 *     found to be ours after it; and flush() only tells it when the local record says so, too.
 *   - A staged commit is in no upload but one that its COMMIT waits for.
 *   - Pages leave the journal only when the page map points at the file that has them.
 *   - Once fenced, nothing is uploaded any more, and the journal stays as it is.
 */

import { type Lease, LeaseError } from "@headwater/lease";
import type { ObjectStore } from "@headwater/object-store";
import { Alarm } from "../alarm.ts";
import type { JournalFolder } from "../disk/journal-folder.ts";
import { explainStoreFailure, HeadwaterError } from "../errors.ts";
import {
  FULL_RETRY_MS_MAX,
  JOURNAL_EAGER_BYTES,
  JOURNAL_EAGER_SHARE,
  SYNC_LOOK_MS,
  SYNC_RETRY_MS_MAX,
} from "../limits.ts";
import type { Tell } from "../mount-event.ts";
import type { MountState } from "../mount-state.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { type Replica, replicaError } from "../replica.ts";
import { type SyncStatus, summarizeError } from "../status.ts";
import type { TxidWaiters } from "../txid-waiters.ts";
import { adoptUpload } from "./adopt-upload.ts";
import type { Attempt, LandedUpload } from "./attempt.ts";
import { encodeUpload, type Upload } from "./encode-upload.ts";
import { FlushWaiters } from "./flush-waiters.ts";
import { loadLanded } from "./load-landed.ts";
import { asPut, sendUpload } from "./put-upload.ts";
import { encodeReplacement, settleUpload } from "./settle-upload.ts";
import type { UploadChain } from "./upload-chain.ts";
import { REPLACED, UNKNOWN, WaitingCommit } from "./waiting-commit.ts";

export interface SyncerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly folder: JournalFolder;
  readonly lease: Lease | undefined;
  readonly chain: UploadChain;
  readonly queue: RequestQueue;
  readonly waiters: TxidWaiters;
  readonly signal: AbortSignal;
  readonly syncIntervalMs: number;
  readonly journalBytesMax: number;
  /** Of a COMMIT that waits for the bucket. */
  readonly requestTimeoutMs: number;
  /** The store of the replica without retries: a COMMIT that waits has its own. */
  readonly once: ObjectStore;
  /** A page as the bucket has it. */
  readonly readPage: (pgno: number, seq: number, signal: AbortSignal) => Promise<Uint8Array>;
  /** Everything up to this commit is in the bucket. */
  readonly syncedSeq: number;
  readonly tell: Tell;
}

export class Syncer {
  readonly #options: SyncerOptions;
  readonly #alarm: Alarm;
  readonly #flushes = new FlushWaiters();
  #attempt: Attempt = { type: "none" };
  #syncedSeq: number;
  #passCount = 0;
  #passStartMs = 0;
  #failures = 0;
  #isPassing = false;
  #isEnded = false;
  #isFull = false;
  #closing: HeadwaterError | undefined;
  #commit: WaitingCommit | undefined;
  /** Aborts the requests of the pass under way. */
  #hurry = new AbortController();
  #lastError: unknown;
  #fence: HeadwaterError | undefined;

  constructor(options: SyncerOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.replica.clock);
    this.#syncedSeq = options.syncedSeq;
    const { lease } = options;
    const onLost = () => this.#isEnded || this.#fenceOff(lease?.lost.reason);
    lease?.lost.addEventListener("abort", onLost, { once: true });
  }

  get fence(): HeadwaterError | undefined {
    return this.#fence;
  }

  get hasPending(): boolean {
    return this.#newestSeq() > this.#syncedSeq || this.#attempt.type !== "none";
  }

  status(): SyncStatus {
    const { state, lease, journalBytesMax } = this.#options;
    const committedSeq = this.#newestSeq();
    return {
      state: this.#stateName(),
      committedSeq,
      syncedSeq: this.#syncedSeq,
      pendingCount: Math.max(0, committedSeq - this.#syncedSeq),
      journalBytes: state.device.journal.sizeBytes(),
      journalBytesMax,
      lastError: summarizeError(this.#fence ?? this.#lastError),
      leaseGeneration: lease?.generation,
    };
  }

  /** The device tells that a commit was made. */
  onCommit(): void {
    this.#alarm.ring();
  }

  /** The device tells that a COMMIT found no room in the journal. */
  onFull(): void {
    this.#isFull = true;
    this.#alarm.ring();
  }

  /**
   * Resolves once the staged commit is in the bucket and acknowledged. When it rejects, the commit
   * is not in the bucket and never will be; or it is not known, and the mount is fenced.
   */
  async commit(seq: number): Promise<void> {
    const reason = this.#fence ?? this.#closing;
    if (reason !== undefined) throw reason;
    const { replica, requestTimeoutMs } = this.#options;
    const commit = new WaitingCommit(seq, replica.clock.monotonicMs(), requestTimeoutMs);
    this.#commit = commit;
    void this.#watch(commit);
    this.#alarm.ring();
    await commit.outcome;
  }

  /** Takes no more commits to wait for. Resolves when all there are have been uploaded. */
  async finish(reason: HeadwaterError): Promise<void> {
    this.#closing = reason;
    this.#alarm.ring();
    await this.#commit?.outcome.catch(() => {});
    await this.flush(undefined);
  }

  /** Uploads until `end()`. Never rejects. */
  async run(): Promise<void> {
    const { clock } = this.#options.replica;
    let startedMs = Number.NEGATIVE_INFINITY;
    while (!this.#isEnded && this.#fence === undefined) {
      if (!(await this.#untilDue(startedMs))) continue;
      startedMs = clock.monotonicMs();
      if (this.#judgeCommit(this.#lastError)) continue;
      await this.#pass();
      this.#options.state.release();
    }
  }

  /** Resolves once all that was committed before the call is in the bucket and acknowledged. */
  async flush(signal: AbortSignal | undefined, isWhole = false): Promise<bigint> {
    // Whole: what took the place of a COMMIT that failed is tried once, too.
    signal?.throwIfAborted();
    if (this.#fence !== undefined) throw this.#fence;
    const seq = this.#newestSeq();
    if (seq > this.#syncedSeq || (isWhole && this.hasPending)) {
      const firstPass = this.#isPassing ? this.#passCount + 1 : this.#passCount;
      const waiting = this.#flushes.wait(seq, firstPass, signal);
      this.#alarm.ring();
      await waiting;
    }
    return this.#options.state.device.state().txid;
  }

  /** Ends the loop after the pass under way. What waits is told. */
  end(reason: HeadwaterError): void {
    this.#isEnded = true;
    this.#flushes.fail(reason);
    this.#failCommit(reason);
    this.#alarm.ring();
  }

  /** True when a pass should start; false when something happened that needs another look. */
  async #untilDue(startedMs: number): Promise<boolean> {
    const { replica, state, syncIntervalMs } = this.#options;
    const isIdle = this.#attempt.type === "none" && this.#commit === undefined;
    if (isIdle && this.#newestSeq() <= this.#syncedSeq) {
      // Only now: else time tells when to upload, and a notice makes its commit wake this thread.
      if (state.device.journal.armNotice() > this.#syncedSeq) return false;
      // Readers that end let old versions go, and nothing else tells of it.
      await this.#alarm.wait(state.versions.count > 1 ? syncIntervalMs : undefined);
      state.release();
      return false;
    }
    if (this.#flushes.size > 0) return true;
    const restMs = startedMs + this.#intervalMs(startedMs) - replica.clock.monotonicMs();
    if (restMs <= 0) return true;
    await this.#alarm.wait(Math.min(restMs, SYNC_LOOK_MS));
    return false;
  }

  /** From the start of one pass to the start of the next. */
  #intervalMs(startedMs: number): number {
    if (this.#commit !== undefined) return this.#commit.pauseMs(startedMs);
    const { state, syncIntervalMs, journalBytesMax } = this.#options;
    const eagerBytes = Math.min(JOURNAL_EAGER_BYTES, journalBytesMax / JOURNAL_EAGER_SHARE);
    const isEager = this.#isFull || state.device.journal.sizeBytes() >= eagerBytes;
    if (isEager && this.#failures === 0) return 0;
    const backoffMs = Math.min(syncIntervalMs * 2 ** this.#failures, SYNC_RETRY_MS_MAX);
    if (isEager) return Math.min(backoffMs, FULL_RETRY_MS_MAX);
    return Math.max(syncIntervalMs, backoffMs);
  }

  /**
   * One upload, if there is something. Its failure is kept, told to those who wait, and that is
   * all.
   */
  async #pass(): Promise<void> {
    this.#isPassing = true;
    this.#passStartMs = this.#options.replica.clock.monotonicMs();
    this.#hurry = new AbortController();
    const pass = this.#passCount;
    let failure: unknown;
    try {
      await this.#upload();
      this.#failures = 0;
      this.#lastError = undefined;
      this.#isFull = false;
    } catch (error) {
      const explained = explainStoreFailure(this.#options.replica.name, error);
      this.#failures += 1;
      this.#lastError = explained;
      failure = explained;
    }
    this.#passCount += 1;
    this.#isPassing = false;
    if (failure !== undefined && this.#commit !== undefined) {
      this.#commit.tryCount += 1;
      this.#judgeCommit(failure);
    }
    this.#flushes.onPass(pass, this.#syncedSeq, failure);
    const error = summarizeError(failure);
    const willRetry = this.#fence === undefined && !this.#isEnded;
    if (error === undefined) return;
    this.#options.tell({ type: "syncFailed", error, willRetry, durationMs: this.#passMs() });
  }

  /** Since the pass began. */
  #passMs(): number {
    return this.#options.replica.clock.monotonicMs() - this.#passStartMs;
  }

  async #upload(): Promise<void> {
    this.#makeWayForCommit();
    if (this.#attempt.type === "none") this.#attempt = await this.#encode();
    const attempt = this.#attempt;
    if (attempt.type === "sent" && this.#isGivenUp(attempt.upload)) {
      this.#attempt = await this.#settle(attempt);
    } else if (attempt.type === "encoded" || attempt.type === "sent") {
      this.#attempt = await this.#put(attempt);
    }
    if (this.#attempt.type === "landed") await this.#acknowledge(this.#attempt);
  }

  async #encode(): Promise<Attempt> {
    const { replica, state, folder, chain } = this.#options;
    const { journal } = state.device;
    const pending = journal.collect(this.#syncedSeq, this.#commit?.seq);
    if (pending === undefined) return { type: "none" };
    const { map } = state.versions.newest;
    state.setPageSize(pending.pageSize);
    const upload = await encodeUpload({
      journal,
      pending,
      txid: map.txid + 1n,
      pageCountBefore: map.pageCount,
      nodeId: await chain.nodeIdAfter(map.txid, this.#hurry.signal),
      replica,
    });
    // A journal that lost these commits would give their numbers to others.
    journal.fsync();
    await folder.writeIntent(upload);
    return { type: "encoded", upload };
  }

  async #put(attempt: Attempt & { type: "encoded" | "sent" }): Promise<Attempt> {
    this.#throwIfFenced();
    const { replica, once } = this.#options;
    const { upload } = attempt;
    // Given up between two requests, nothing is on its way; in the middle of a call, who knows.
    const by = this.#commit === undefined ? replica : { ...replica, store: once };
    // A COMMIT may be given up at any moment from here on.
    this.#attempt = attempt.type === "sent" ? attempt : { type: "sent", upload };
    const result = await sendUpload(by, upload, this.#hurry.signal);
    switch (result.type) {
      case "landed":
        return { type: "landed", upload: asPut(upload, result), serverDateMs: result.serverDateMs };
      case "other":
        return this.#meet(upload, result.fileChecksum);
      case "failed":
        this.#attempt = attempt;
        throw result.error;
      case "unknown":
        throw result.error;
    }
  }

  /** Of a COMMIT that was given up: it fails as soon as its upload can never arrive. */
  async #settle(attempt: Attempt & { type: "sent" }): Promise<Attempt> {
    this.#throwIfFenced();
    const { upload } = attempt;
    const { signal } = this.#hurry;
    let { replacement } = attempt;
    replacement ??= await encodeReplacement(this.#options, upload, this.#syncedSeq, signal);
    this.#attempt = { type: "sent", upload, replacement };
    const settled = await settleUpload(this.#options, upload, replacement, signal);
    switch (settled.type) {
      case "landed":
        return { type: "landed", upload, serverDateMs: settled.serverDateMs };
      case "replaced":
        // The COMMIT is not waiting for what lands here.
        this.#attempt = { ...settled, type: "landed", upload: replacement! };
        this.#failCommit(this.#commitError(REPLACED, this.#lastError));
        return this.#attempt;
      case "other":
        return this.#meet(upload, settled.fileChecksum);
    }
  }

  /** Somebody else's file has the name, unless it is one that an earlier run of ours has sent. */
  async #meet(upload: Upload, fileChecksum: bigint): Promise<Attempt> {
    const { replica, folder } = this.#options;
    const earlier = folder.intents.find(
      (intent) =>
        intent.txid === upload.txid &&
        intent.fileChecksum === fileChecksum &&
        intent.isTakenBack !== true,
    );
    if (earlier !== undefined) {
      // An earlier run sent it, and it arrived after that run had ended.
      const landed = await loadLanded(this.#options, earlier);
      return { type: "landed", upload: landed, serverDateMs: undefined };
    }
    const sentence = `transaction ${upload.txid} was written by somebody else`;
    throw this.#fenceOff(replicaError(replica, "FENCED", sentence));
  }

  async #acknowledge({ upload, serverDateMs }: Attempt & { type: "landed" }): Promise<void> {
    this.#throwIfFenced();
    const { lease, folder, tell } = this.#options;
    try {
      await lease?.check({ serverDateMs, signal: this.#hurry.signal });
    } catch (error) {
      throw LeaseError.is(error) ? this.#fenceOff(error) : error;
    }
    await this.#publishCommit(upload.seq);
    await folder.writeSynced(upload);
    adoptUpload(this.#options.state, upload, this.#syncedSeq);
    this.#attempt = { type: "none" };
    this.#syncedSeq = upload.seq;
    this.#options.chain.add(upload);
    this.#options.waiters.reach(upload.txid);
    const { txid, seq, file } = upload;
    tell({ type: "synced", txid, seq, bytes: file.size, durationMs: this.#passMs() });
    await this.#retire(upload);
  }

  async #retire({ seq, txid }: LandedUpload): Promise<void> {
    const { state, folder } = this.#options;
    const { journal } = state.device;
    // No commit of the next segment may outlive one of this.
    journal.fsync();
    try {
      journal.rotate(folder.nextSegmentPath(), txid);
    } finally {
      await folder.remove(journal.retire(seq));
    }
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
    this.#flushes.fail(fence);
    this.#options.tell({ type: "fenced", reason: fence.message });
    this.#failCommit(fence);
    this.#alarm.ring();
    return fence;
  }

  /** Before its first try: what was encoded without it and never sent is encoded anew with it. */
  #makeWayForCommit(): void {
    if (this.#commit === undefined || this.#attempt.type !== "encoded") return;
    if (this.#attempt.upload.seq < this.#commit.seq) this.#forgetUnsent();
  }

  #forgetUnsent(): void {
    if (this.#attempt.type !== "encoded") return;
    this.#options.folder.forgetIntent(this.#attempt.upload);
    this.#attempt = { type: "none" };
  }

  /** The requests that are under way when a deadline of the COMMIT passes are given up with it. */
  async #watch(commit: WaitingCommit): Promise<void> {
    const { clock } = this.#options.replica;
    for (const dueMs of [commit.deadlineMs, commit.settleDeadlineMs]) {
      const restMs = Math.max(0, dueMs - clock.monotonicMs());
      await clock.sleep(restMs, { signal: commit.over }).catch(() => {});
      if (commit.over.aborted) return;
      const { requestTimeoutMs } = this.#options;
      const sentence = `the bucket did not take the COMMIT within ${requestTimeoutMs} ms`;
      this.#hurry.abort(new HeadwaterError("TIMEOUT", sentence));
      this.#alarm.ring();
    }
  }

  #isGivenUp({ seq }: Upload): boolean {
    const commit = this.#commit;
    if (commit === undefined || seq < commit.seq) return false;
    return this.#options.replica.clock.monotonicMs() >= commit.deadlineMs;
  }

  /** Ends the COMMIT that waits if it may not be tried again. True if it did. */
  #judgeCommit(failure: unknown): boolean {
    const commit = this.#commit;
    if (commit === undefined) return false;
    const nowMs = this.#options.replica.clock.monotonicMs();
    const isClosing = this.#closing !== undefined && commit.tryCount > 0;
    if (nowMs < commit.deadlineMs && !isClosing) return false;
    const why = failure instanceof Error ? failure.message : String(failure ?? "no time is left");
    if (!this.#isSent(commit)) {
      this.#forgetUnsent();
      const sentence = `the COMMIT is not in the bucket and was taken back: ${why}`;
      this.#failCommit(this.#commitError(sentence, failure));
    } else if (nowMs >= commit.settleDeadlineMs || isClosing) {
      this.#fenceOff(this.#commitError(`${UNKNOWN}: ${why}`, failure));
    }
    return commit.over.aborted;
  }

  /** Whether the bucket may have it, now or later. */
  #isSent(commit: WaitingCommit): boolean {
    const attempt = this.#attempt;
    if (attempt.type !== "sent" && attempt.type !== "landed") return false;
    return attempt.upload.seq >= commit.seq;
  }

  #commitError(sentence: string, cause: unknown): HeadwaterError {
    return replicaError(this.#options.replica, "STORE_UNAVAILABLE", sentence, cause);
  }

  #failCommit(error: HeadwaterError): void {
    const commit = this.#commit;
    this.#commit = undefined;
    if (commit === undefined) return;
    const isKnown = !this.#isSent(commit) || error.message.includes(UNKNOWN);
    commit.fail(isKnown ? error : this.#commitError(`${UNKNOWN}: ${error.message}`, error));
  }

  /** Whoever waits for it may go on. Resolves when readers can see it. */
  async #publishCommit(seq: number): Promise<void> {
    const { journal } = this.#options.state.device;
    const commit = this.#commit;
    if (commit !== undefined && commit.seq <= seq) {
      this.#commit = undefined;
      commit.succeed();
    }
    while (this.#newestSeq() < seq && journal.armNotice() < seq) {
      if (this.#isEnded) throw new Error(`the device has not published commit ${seq}`);
      await this.#alarm.wait(SYNC_LOOK_MS);
    }
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
