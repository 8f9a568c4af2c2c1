/**
 * The role of a mount that writes: it holds the lease and the journal folder, uploads commits, and
 * compacts.
 *
 * Always true: stepping down gives nothing up that the bucket lacks. Until everything is in the
 * bucket it may fail, and then the writer goes on; after that nothing can fail any more.
 */

import type { Lease } from "@headwater/lease";
import { metered } from "@headwater/object-store";
import { chooseCompaction } from "../compact/compaction-options.ts";
import { startCompaction, type WriteCompaction } from "../compact/write-compaction.ts";
import type { JournalFolder } from "../disk/journal-folder.ts";
import { HeadwaterError } from "../errors.ts";
import { COMMITS_END_MS, WRITER_LOOK_MS } from "../limits.ts";
import type { MountParts } from "../mount-parts.ts";
import { callStore, forPurpose, replicaError } from "../replica.ts";
import { seeSync } from "../seeing/see-sync.ts";
import type { CompactionStatus, SyncStatus } from "../status.ts";
import { Syncer } from "./syncer.ts";
import { UploadChain } from "./upload-chain.ts";
import { giveBack } from "./write-claim.ts";

export interface WriterOptions {
  /** Undefined when it is off. */
  readonly lease: Lease | undefined;
  readonly folder: JournalFolder;
  /** Everything up to this commit is in the bucket. */
  readonly syncedSeq: number;
}

export class Writer {
  readonly #parts: MountParts;
  readonly #lease: Lease | undefined;
  readonly #folder: JournalFolder;
  readonly #syncer: Syncer;
  readonly #end = new AbortController();
  /** By the monotonic clock. Until then it shows the newest state there is. */
  #fencedMs: number | undefined;
  /** The bucket has every commit that was made, and there will be no more. */
  #isDone = false;
  #syncing: Promise<void> | undefined;
  #compaction: WriteCompaction | undefined;

  constructor(parts: MountParts, { lease, folder, syncedSeq }: WriterOptions) {
    const { settings, base, service, waiters, tell } = parts;
    const { once, queue } = base;
    const { seeing } = settings;
    const replica = forPurpose(base.replica, "sync");
    const telling = seeSync(seeing, tell);
    const { syncIntervalMs, journalBytesMax, requestTimeoutMs } = settings;
    this.#parts = parts;
    this.#lease = lease;
    this.#folder = folder;
    this.#syncer = new Syncer({
      replica,
      state: service.state,
      folder,
      lease,
      chain: new UploadChain(replica, lease),
      queue,
      waiters,
      signal: this.#end.signal,
      syncIntervalMs,
      journalBytesMax,
      requestTimeoutMs,
      once: metered(once, seeing.meter("sync")),
      readPage: (pgno, seq, signal) => service.reader.read(pgno, seq, signal),
      syncedSeq,
      tell: (event) => {
        if (event.type === "fenced") this.#onFenced();
        telling(event);
      },
    });
  }

  /** Since the state was known to be the newest. */
  get lagMs(): number {
    const { clock } = this.#parts.settings;
    return this.#fencedMs === undefined ? 0 : clock.monotonicMs() - this.#fencedMs;
  }

  get hasPending(): boolean {
    return this.#syncer.hasPending;
  }

  start(): void {
    if (this.#fencedMs === undefined) this.#parts.device.setCurrent(undefined);
    this.startSyncing();
    this.#compaction = this.#startCompaction();
  }

  /** Before `start`, to upload what the journal holds. */
  startSyncing(): void {
    this.#syncing ??= this.#syncer.run();
  }

  onCommit(): void {
    this.#syncer.onCommit();
  }

  onFull(): void {
    this.#syncer.onFull();
  }

  commit(seq: number): Promise<void> {
    return this.#syncer.commit(seq);
  }

  flush(signal: AbortSignal | undefined): Promise<bigint> {
    return this.#syncer.flush(signal);
  }

  syncStatus(): SyncStatus {
    return this.#syncer.status();
  }

  compactionStatus(): CompactionStatus | undefined {
    return this.#compaction?.status();
  }

  /** Uploads what is pending and takes no more. Resolves with why it could not, if so. */
  async finish(closing: HeadwaterError): Promise<unknown> {
    const { device } = this.#parts;
    device.setWritable(false, closing.message);
    device.endCommits(closing.message);
    try {
      if (this.#syncer.fence === undefined) await this.#syncer.finish(closing);
      const isQuiet = await this.#untilNobodyCommits(closing);
      // Commits that were under way when the first upload began.
      if (this.#syncer.hasPending) await this.#syncer.flush(undefined);
      this.#isDone = isQuiet && this.#hasAllUploaded();
      return undefined;
    } catch (error) {
      this.#flushJournal();
      return error;
    }
  }

  /** As far as the disk can: why the bucket lacks commits is told, and the close goes on. */
  #flushJournal(): void {
    try {
      this.#parts.device.journal.fsync();
    } catch {
      // They are in the journal, unless the power is lost before the system has written them.
    }
  }

  /** Ends syncing and compaction. The lease and the folder stay. */
  async end(reason: HeadwaterError): Promise<void> {
    this.#syncer.end(reason);
    this.#end.abort(reason);
    await this.#syncing;
    await this.#compaction?.ended;
  }

  giveBack(): Promise<void> {
    return giveBack({ lease: this.#lease, folder: this.#folder }, this.#isDone);
  }

  /** When this resolves the device is in read mode, and lease and folder are given back. */
  async stepDown(signal: AbortSignal): Promise<void> {
    const { settings, base, device, service } = this.#parts;
    const leaving = new HeadwaterError("CLOSED", `"${settings.name}" is becoming a reader`);
    let pageOne: Uint8Array | undefined;
    device.setWritable(false, leaving.message);
    try {
      await this.#untilNobodyWrites(signal);
      if (this.#syncer.fence === undefined) await this.#syncer.flush(signal, true);
      this.#requireAllUploaded();
      const { seq, pageCount } = device.state();
      const { reader } = service;
      const read = () => reader.read(1, seq, signal);
      if (pageCount > 0) pageOne = await callStore(base.replica, read);
      signal.throwIfAborted();
    } catch (error) {
      const { fence } = this.#syncer;
      device.setWritable(fence === undefined, fence?.message ?? "");
      throw error;
    }
    this.#isDone = this.#hasAllUploaded();
    await this.end(leaving);
    const retired = device.journal.end(device.state().seq);
    device.switchMode("read", pageOne);
    const { txid, changeCounter } = device.state();
    base.counter.goOnFrom(changeCounter, txid);
    // A segment that stays holds nothing which the bucket lacks; the next opening removes it.
    await this.#folder.remove(retired).catch(() => {});
    await this.giveBack();
  }

  /** They end by themselves, unless their thread is stopped. */
  async #untilNobodyCommits({ message }: HeadwaterError): Promise<boolean> {
    const { settings, device } = this.#parts;
    const { clock } = settings;
    const deadlineMs = clock.monotonicMs() + COMMITS_END_MS;
    while (!device.endCommits(message)) {
      if (clock.monotonicMs() >= deadlineMs) return false;
      await clock.sleep(WRITER_LOOK_MS);
    }
    return true;
  }

  /** And nothing that was sent may still arrive, which only the folder's records would know. */
  #hasAllUploaded(): boolean {
    const { txid } = this.#parts.device.state();
    const { fence, hasPending } = this.#syncer;
    if (fence !== undefined || hasPending) return false;
    return this.#folder.intents.every((intent) => intent.txid <= txid);
  }

  /** A COMMIT that waits for the bucket is such a transaction, too. */
  async #untilNobodyWrites(signal: AbortSignal): Promise<void> {
    const { settings, device } = this.#parts;
    const { clock, requestTimeoutMs, name } = settings;
    const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
    while (device.isWriting()) {
      if (clock.monotonicMs() >= deadlineMs) {
        const late = `a write transaction on "${name}" did not end within ${requestTimeoutMs} ms`;
        throw new HeadwaterError("TIMEOUT", `${late}; end it and try again`);
      }
      await clock.sleep(WRITER_LOOK_MS, { signal });
    }
  }

  #onFenced(): void {
    const { settings, device } = this.#parts;
    this.#fencedMs = settings.clock.monotonicMs();
    device.setCurrent(0);
  }

  #requireAllUploaded(): void {
    const { base } = this.#parts;
    const { replica } = base;
    if (this.#syncer.hasPending) {
      const { fence } = this.#syncer;
      const { pendingCount } = this.#syncer.status();
      if (fence === undefined && pendingCount === 0) {
        const sentence = "what was put in place of a failed COMMIT is not settled yet; try again";
        throw replicaError(replica, "STORE_UNAVAILABLE", sentence);
      }
      const what =
        pendingCount === 0
          ? "holds a COMMIT of which nobody knows whether the bucket has it"
          : `holds ${pendingCount} commits that the bucket lacks`;
      const sentence =
        `the journal ${this.#folder.path} ${what}, ` +
        "and readers would not see it: close the mount and decide what becomes of it";
      throw replicaError(replica, "JOURNAL_PENDING", sentence, fence);
    }
    if (this.#parts.service.state.pageSize !== 0) return;
    const sentence = "nothing has been committed yet, so there is no database to read";
    throw replicaError(replica, "REPLICA_NOT_FOUND", sentence);
  }

  #startCompaction(): WriteCompaction | undefined {
    const { settings: mount, base, service, pasts } = this.#parts;
    const settings = chooseCompaction(mount.compaction, mount.lease !== "off");
    if (settings === undefined) return undefined;
    const { queue } = base;
    const replica = forPurpose(base.replica, "compaction");
    const { state } = service;
    const lease = this.#lease;
    const fence = () => this.#syncer.fence;
    const { signal } = this.#end;
    return startCompaction({ replica, state, pasts, queue, lease, settings, fence, signal });
  }
}
