/**
 * Write mode: takes the lease, recovers what an earlier run left behind, and uploads commits.
 */

import type { Lease } from "@headwater/lease";
import { type ConditionKind, conditionsProblem } from "@headwater/object-store";
import { chooseCompaction } from "../compact/compaction-options.ts";
import { startCompaction, type WriteCompaction } from "../compact/write-compaction.ts";
import type { DeviceFactory } from "../device-factory.ts";
import { JournalFolder } from "../disk/journal-folder.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLocks } from "../file-locks.ts";
import { type Hydration, startHydration } from "../hydrate/hydration.ts";
import { FENCE_TRIES } from "../limits.ts";
import { type LoadedMap, loadMap } from "../load-map.ts";
import type { Mount, WaitOptions } from "../mount.ts";
import { keepLoadedPages, type MountBase, makeMountBase } from "../mount-base.ts";
import type { WriteSettings } from "../options.ts";
import type { PageDevice } from "../page-device.ts";
import { PageMap } from "../page-map.ts";
import { makePageService, type PageService } from "../page-service.ts";
import { callStore, replicaError } from "../replica.ts";
import { RequestServer } from "../request-server.ts";
import type { MountStatus } from "../status.ts";
import { TxidWaiters } from "../txid-waiters.ts";
import { withSignal } from "../with-signal.ts";
import { putFence } from "./put-fence.ts";
import { readFileChecksum } from "./put-upload.ts";
import { decideRecovery, type RecoveryDecision } from "./recovery.ts";
import { Syncer } from "./syncer.ts";
import { explainLease, takeLease } from "./write-lease.ts";

/** A part of the cache's size: what is opened may hold this much beside it. */
const KEEP_SHARE = 2;

/** What opening has found, the lease and the folder being ours. */
interface Opened {
  readonly loaded: LoadedMap;
  readonly lease: Lease | undefined;
  readonly folder: JournalFolder;
  readonly decision: RecoveryDecision;
}

export async function openWriteMount(
  settings: WriteSettings,
  factory: DeviceFactory,
): Promise<Mount> {
  const base = makeMountBase(settings);
  const { replica, once } = base;
  const { signal, journalDir, disk, random, lease: choice = {} } = settings;
  const identity = identityOf(settings, base);
  const openFolder = () => JournalFolder.open(journalDir, identity, factory, disk);
  let folder = await openFolder();
  let lease: Lease | undefined;
  let mount: WriteMount | undefined;
  try {
    await requireConditions(settings, base);
    lease = await takeLease(replica, once, choice, { random, signal });
    // One that was given back had nothing under way any more.
    let mustFence = lease?.predecessor === "expired";
    for (let tries = 1; ; tries += 1) {
      const opened = await readBucket(settings, base, { lease, folder });
      mount = new WriteMount(settings, base, opened, factory);
      const outcome = await mount.start(mustFence);
      if (outcome === "started") return mount;
      if (tries === FENCE_TRIES) {
        throw replicaError(replica, "FENCED", "somebody else goes on writing without the lease");
      }
      mustFence = outcome === "overtaken";
      await mount.end();
      mount = undefined;
      await folder.close();
      folder = await openFolder();
    }
  } catch (error) {
    await (mount === undefined ? giveBack(lease, folder) : mount.abandon());
    throw error;
  }
}

/** On a store that does not keep its conditions, two writers would overwrite each other. */
async function requireConditions(
  { lease, random, signal }: WriteSettings,
  { replica, once }: MountBase,
): Promise<void> {
  const kinds: ConditionKind[] =
    lease === "off" ? ["conditionalCreate"] : ["conditionalCreate", "conditionalUpdate"];
  const prefix = replica.layout.rootPrefix;
  const problem = await callStore(replica, () =>
    conditionsProblem(once, { kinds, prefix, random, signal }),
  );
  if (problem === undefined) return;
  const sentence = `the store cannot be written to safely, since ${problem}`;
  throw replicaError(replica, "STORE_UNSUPPORTED", sentence);
}

/** What the bucket holds, and what that means for the journal. */
async function readBucket(
  settings: WriteSettings,
  base: MountBase,
  { lease, folder }: Pick<Opened, "lease" | "folder">,
): Promise<Opened> {
  const { replica } = base;
  const loaded = await loadOrBegin(base, settings);
  const decision = await decideRecovery({
    synced: folder.synced,
    intents: folder.intents,
    bucketTxid: loaded.map.txid,
    checksumOf: (txid) => callStore(replica, () => readFileChecksum(replica, txid)),
  });
  return { loaded, lease, folder, decision };
}

async function giveBack(lease: Lease | undefined, folder: JournalFolder): Promise<void> {
  // A lease that cannot be given back expires.
  await lease?.release().catch(() => {});
  await folder.close();
}

/** The URL as messages show it, and the server, which makes it another place altogether. */
function identityOf({ store, url }: WriteSettings, { replica }: MountBase): string {
  const endpoint = new URLSearchParams(url.split("?")[1] ?? "").get("endpoint");
  const place = store.place ?? endpoint;
  return place === null ? replica.name : `${replica.name} at ${place}`;
}

async function loadOrBegin(base: MountBase, settings: WriteSettings): Promise<LoadedMap> {
  const { replica, queue, files } = base;
  const { signal, cacheBytes, mustExist = false } = settings;
  const keepBytes = cacheBytes / KEEP_SHARE;
  const target = { type: "latest" } as const;
  const loaded = await loadMap(replica, { queue, files, keepBytes, signal, target });
  if (loaded !== undefined) return loaded;
  if (mustExist) throw replicaError(replica, "REPLICA_NOT_FOUND", "there is no database here");
  return { map: PageMap.empty(files), pageSize: 0, createdAtMs: undefined, loaded: [] };
}

class WriteMount implements Mount {
  readonly mode = "write";
  readonly #settings: WriteSettings;
  readonly #base: MountBase;
  readonly #opened: Opened;
  readonly #locks: FileLocks;
  readonly #device: PageDevice;
  readonly #service: PageService;
  readonly #syncer: Syncer;
  readonly #waiters: TxidWaiters;
  readonly #server: RequestServer;
  readonly #end = new AbortController();
  /** The last commit that the journal held when it was opened. */
  #journalSeq = 0;
  #syncing: Promise<void> | undefined;
  #compaction: WriteCompaction | undefined;
  #hydration: Hydration | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: WriteSettings, base: MountBase, opened: Opened, factory: DeviceFactory) {
    const { replica, queue, toPublished } = base;
    const { name, requestTimeoutMs, cacheBytes, syncIntervalMs } = settings;
    const { journalBytesMax, durability } = settings;
    const { loaded, lease, folder, decision } = opened;
    const { map, pageSize } = loaded;
    this.#settings = settings;
    this.#base = base;
    this.#opened = opened;
    this.#locks = factory;
    this.#device = factory.create(
      {
        name,
        mode: "write",
        pageSize,
        seq: decision.seq,
        state: toPublished(map.txid, map.pageCount),
        requestTimeoutMs,
        journalBytesMax,
        durability,
      },
      {
        onRequest: (request) => this.#server.serve(request),
        onCommit: () => this.#syncer.onCommit(),
        onFull: () => this.#syncer.onFull(),
      },
    );
    this.#service = makePageService({
      replica,
      device: this.#device,
      queue,
      map,
      pageSize,
      cacheBytes,
      absentPages: "zeros",
      // A writer's own files are only compacted by itself, which moves its pages first.
      onCompacted: () => {},
      signal: this.#end.signal,
    });
    this.#waiters = new TxidWaiters(map.txid);
    this.#server = new RequestServer({
      device: this.#device,
      clock: replica.clock,
      timeoutMs: requestTimeoutMs,
      readPage: (pgno, seq, signal) => this.#service.reader.read(pgno, seq, signal),
      sync: (signal) => this.#syncer.flush(signal),
      commit: (seq) => this.#syncer.commit(seq),
    });
    this.#syncer = new Syncer({
      replica,
      state: this.#service.state,
      folder,
      lease,
      queue,
      waiters: this.#waiters,
      signal: this.#end.signal,
      syncIntervalMs,
      journalBytesMax,
      requestTimeoutMs,
      once: base.once,
      readPage: (pgno, seq, signal) => this.#service.reader.read(pgno, seq, signal),
      syncedSeq: decision.seq,
    });
  }

  get name(): string {
    return this.#settings.name;
  }

  /** "fenced" and "overtaken": the bucket has moved on since it was read. */
  async start(mustFence: boolean): Promise<"started" | "fenced" | "overtaken"> {
    const { hydrate, name } = this.#settings;
    await this.#recover();
    const mayArrive = await this.#findTakenBack();
    const fence = mustFence || mayArrive ? await this.#fenceOffOthers() : "none";
    if (fence !== "none") return fence;
    void keepLoadedPages(this.#service.state, this.#opened.loaded, this.#base.replica);
    if (hydrate !== undefined) {
      const { replica } = this.#base;
      this.#hydration = await startHydration(hydrate, this.#locks, { replica, ...this.#service });
    }
    if (!this.#device.activate()) {
      throw new HeadwaterError("OPTION_INVALID", `a database named "${name}" is mounted already`);
    }
    this.#syncing ??= this.#syncer.run();
    this.#compaction = this.#startCompaction();
    return "started";
  }

  #startCompaction(): WriteCompaction | undefined {
    const { compaction, lease: choice } = this.#settings;
    const settings = chooseCompaction(compaction, choice !== "off");
    if (settings === undefined) return undefined;
    const { replica, queue } = this.#base;
    const { state } = this.#service;
    const { lease } = this.#opened;
    const fence = () => this.#syncer.fence;
    const { signal } = this.#end;
    return startCompaction({ replica, state, queue, lease, settings, fence, signal });
  }

  status(): MountStatus {
    const { state } = this.#service;
    const { txid, seq, pageCount, pageSize } = this.#device.state();
    return {
      name: this.name,
      mode: this.mode,
      url: this.#base.replica.name,
      txid,
      seq,
      pageSize,
      pageCount,
      versionCount: state.versions.count,
      cache: state.cache?.stats,
      requests: this.#base.counts.toJSON(),
      follow: undefined,
      sync: this.#syncer.status(),
      compaction: this.#compaction?.status(),
      hydration: this.#hydration?.status(),
    };
  }

  async flush({ signal }: WaitOptions = {}): Promise<bigint> {
    this.#requireOpen();
    return this.#syncer.flush(signal);
  }

  async waitForTxid(txid: bigint, { signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    await this.#waiters.wait(txid, signal);
  }

  async hydrated({ signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    if (this.#hydration === undefined) {
      throw new HeadwaterError("OPTION_INVALID", `"${this.name}" was opened without hydration`);
    }
    await withSignal(this.#hydration.whenDone(), signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For an opening that failed: nothing was committed, so nothing is uploaded. */
  async abandon(): Promise<void> {
    this.#closing ??= this.#release();
    await this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Before anything else uses the device. */
  async #recover(): Promise<void> {
    const { journal } = this.#device;
    const { folder, decision, loaded } = this.#opened;
    for (const path of folder.segments) {
      try {
        this.#journalSeq = Math.max(this.#journalSeq, journal.recover(path).lastSeq);
      } catch (error) {
        const sentence = `the journal segment ${path} cannot be used: ${(error as Error).message}`;
        throw new HeadwaterError("JOURNAL_INVALID", sentence, { cause: error });
      }
    }
    const { seq, pageSize } = this.#device.state();
    if (seq > decision.seq && !(await this.#mayContinue())) {
      throw this.#conflict(seq - decision.seq);
    }
    if (pageSize !== 0) this.#service.state.setPageSize(pageSize);
    const { txid } = loaded.map;
    const fileChecksum = txid === decision.txid ? decision.fileChecksum : undefined;
    await folder.writeSynced({ txid, seq: decision.seq, fileChecksum });
    await folder.remove(journal.retire(decision.seq));
    if (!journal.rotate(folder.nextSegmentPath(), txid)) {
      throw new Error("a device that nobody uses yet refuses a new journal segment");
    }
  }

  /**
   * Whether an upload may still arrive that holds a commit which the journal has not: its COMMIT
   * was told that this is so, and new commits must not be built on a bucket without it before its
   * name is taken.
   */
  async #findTakenBack(): Promise<boolean> {
    const { folder, loaded } = this.#opened;
    await folder.markTakenBack(Math.max(folder.synced?.seq ?? 0, this.#journalSeq));
    return folder.intents.some(({ txid, isTakenBack }) => isTakenBack && txid > loaded.map.txid);
  }

  /** See put-fence.ts. */
  async #fenceOffOthers(): Promise<"none" | "fenced" | "overtaken"> {
    const { signal } = this.#settings;
    const { folder, lease, loaded, decision } = this.#opened;
    const { txid, pageCount } = loaded.map;
    if (this.#syncer.hasPending) {
      // The upload of what the journal holds takes the next transaction itself.
      this.#syncing = this.#syncer.run();
      await this.#syncer.flush(signal);
      return "none";
    }
    // There is no page to state again. Whoever begins the database first has it.
    if (pageCount === 0) return "none";
    const { replica } = this.#base;
    const { seq } = decision;
    const pageOne = await callStore(replica, () => this.#service.reader.read(1, seq, signal));
    const next = { txid: txid + 1n, seq, pageCount, pageOne };
    try {
      const result = await callStore(replica, () => putFence({ replica, folder, lease, ...next }));
      return result === "landed" ? "fenced" : "overtaken";
    } catch (error) {
      throw explainLease(replica, error);
    }
  }

  /** Whether the bucket's history is the one that the pending commits were made on. */
  async #mayContinue(): Promise<boolean> {
    const { decision } = this.#opened;
    const { replica } = this.#base;
    const { mayContinue, txid, fileChecksum } = decision;
    if (!mayContinue || fileChecksum === undefined) return mayContinue;
    const found = await callStore(replica, () => readFileChecksum(replica, txid));
    // Compacted away: nothing speaks against it.
    return found === undefined || found === fileChecksum;
  }

  #conflict(commits: number): HeadwaterError {
    const { folder, decision, loaded } = this.#opened;
    const { replica } = this.#base;
    const stands =
      folder.synced === undefined ? "an unknown transaction" : `transaction ${decision.txid}`;
    const sentence =
      `the journal ${folder.path} holds ${commits} commits on top of ${stands}, but the bucket ` +
      `stands at transaction ${loaded.map.txid}; nothing was changed`;
    return replicaError(replica, "JOURNAL_CONFLICT", sentence);
  }

  async #close(): Promise<void> {
    const closing = new HeadwaterError("CLOSED", `"${this.name}" is being closed`);
    this.#device.setWritable(false, closing.message);
    let failure: unknown = this.#syncer.hasPending ? this.#syncer.fence : undefined;
    try {
      if (this.#syncer.fence === undefined) await this.#syncer.finish(closing);
    } catch (error) {
      failure = error;
    }
    if (failure !== undefined) this.#device.journal.fsync();
    await this.#release();
    if (failure !== undefined) throw failure;
  }

  async #release(): Promise<void> {
    await this.end();
    await giveBack(this.#opened.lease, this.#opened.folder);
  }

  /** Ends everything but the lease and the folder, which are whoever opened them's. */
  async end(): Promise<void> {
    const closed = new HeadwaterError("CLOSED", `"${this.name}" has been closed; open it again`);
    this.#syncer.end(closed);
    this.#end.abort(closed);
    this.#waiters.fail(closed);
    await this.#syncing;
    await this.#compaction?.ended;
    await this.#hydration?.close();
    this.#server.close();
    this.#device.close();
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new HeadwaterError("CLOSED", `"${this.name}" has been closed; open it again`);
  }
}
