/**
 * Opening in write mode: takes the lease, recovers what an earlier run left behind, and begins.
 */

import type { Lease } from "@headwater/lease";
import type { DeviceFactory } from "../device-factory.ts";
import type { JournalFolder } from "../disk/journal-folder.ts";
import { HeadwaterError } from "../errors.ts";
import { FENCE_TRIES, KEEP_SHARE } from "../limits.ts";
import { type LoadedMap, loadMap } from "../load-map.ts";
import type { Mount } from "../mount.ts";
import { type MountBase, makeMountBase } from "../mount-base.ts";
import type { WriteSettings } from "../options.ts";
import { PageMap } from "../page-map.ts";
import { callStore, forPurpose, type Replica, replicaError } from "../replica.ts";
import { RoleMount } from "../role-mount.ts";
import { putFence } from "./put-fence.ts";
import { readFileChecksum, readNodeId } from "./put-upload.ts";
import { decideRecovery, type RecoveryDecision } from "./recovery.ts";
import { giveUp, openJournalFolder, requireConditions } from "./write-claim.ts";
import { explainLease, takeLease } from "./write-lease.ts";
import { Writer } from "./writer.ts";

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
  const { signal, random, lease: choice = {} } = settings;
  let folder = await openJournalFolder(settings, base, factory);
  let lease: Lease | undefined;
  let opening: Opening | undefined;
  try {
    await requireConditions(settings, base, signal);
    const { trail } = folder;
    lease = await takeLease(replica, once, choice, { random, signal, trail });
    // One that was given back had nothing under way any more.
    let mustFence = lease?.predecessor === "expired";
    for (let tries = 1; ; tries += 1) {
      const opened = await readBucket(settings, base, { lease, folder });
      opening = new Opening(settings, base, opened, factory);
      const outcome = await opening.start(mustFence);
      if (outcome === "started") return opening.mount;
      if (tries === FENCE_TRIES) {
        throw replicaError(replica, "FENCED", "somebody else goes on writing without the lease");
      }
      mustFence = outcome === "overtaken";
      await opening.mount.end();
      opening = undefined;
      folder = await folder.reread();
    }
  } catch (error) {
    await (opening === undefined ? giveUp({ lease, folder }) : opening.mount.abandon());
    throw error;
  }
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
    nodeIdOf: (txid) => callStore(replica, () => readNodeId(replica, txid)),
  });
  return { loaded, lease, folder, decision };
}

async function loadOrBegin(base: MountBase, settings: WriteSettings): Promise<LoadedMap> {
  const { replica, queue, hedger, files, indexes } = base;
  const { signal, cacheBytes, mustExist = false } = settings;
  const keepBytes = cacheBytes / KEEP_SHARE;
  const target = { type: "latest" } as const;
  const loaded = await loadMap(replica, {
    queue,
    hedger,
    files,
    indexes,
    keepBytes,
    signal,
    target,
  });
  if (loaded !== undefined) return loaded;
  if (mustExist) {
    const sentence = "there is no database here; check the URL, or begin one without mustExist";
    throw replicaError(replica, "REPLICA_NOT_FOUND", sentence);
  }
  return { map: PageMap.empty(files), pageSize: 0, createdAtMs: undefined, loaded: [] };
}

/** A mount that is not there for anybody yet. */
class Opening {
  readonly mount: RoleMount;
  readonly #settings: WriteSettings;
  readonly #replica: Replica;
  readonly #opened: Opened;
  readonly #writer: Writer;
  /** The last commit that the journal held when it was opened. */
  #journalSeq = 0;

  constructor(settings: WriteSettings, base: MountBase, opened: Opened, factory: DeviceFactory) {
    const { loaded, lease, folder, decision } = opened;
    const { seq } = decision;
    let writer!: Writer;
    this.mount = new RoleMount(settings, base, factory, { mode: "write", seq, loaded }, (parts) => {
      writer = new Writer(parts, { lease, folder, syncedSeq: seq });
      return { type: "writer", writer };
    });
    this.#settings = settings;
    this.#replica = base.replica;
    this.#opened = opened;
    this.#writer = writer;
  }

  /** "fenced" and "overtaken": the bucket has moved on since it was read. */
  async start(mustFence: boolean): Promise<"started" | "fenced" | "overtaken"> {
    await this.#recover();
    const mayArrive = await this.#findTakenBack();
    const fence = mustFence || mayArrive ? await this.#fenceOffOthers() : "none";
    if (fence !== "none") return fence;
    this.#requireLease();
    await this.mount.activate(this.#opened.loaded);
    return "started";
  }

  /** Before anything else uses the device. */
  async #recover(): Promise<void> {
    const { device, service } = this.mount.parts;
    const { journal } = device;
    const { folder, decision, loaded } = this.#opened;
    for (const path of folder.segments) {
      try {
        this.#journalSeq = Math.max(this.#journalSeq, journal.recover(path).lastSeq);
      } catch (error) {
        const sentence = `the journal segment ${path} cannot be used: ${(error as Error).message}`;
        throw new HeadwaterError("JOURNAL_INVALID", sentence, { cause: error });
      }
    }
    const { seq, pageSize } = device.state();
    if (seq > decision.seq && !(await this.#mayContinue())) {
      throw this.#conflict(seq - decision.seq);
    }
    if (pageSize !== 0) service.state.setPageSize(pageSize);
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

  /** Of a loss while the bucket was read, nobody was told who could have stopped. */
  #requireLease(): void {
    const state = this.#opened.lease?.state;
    if (state?.type === "lost") throw explainLease(this.#replica, state.error);
  }

  /** See put-fence.ts. */
  async #fenceOffOthers(): Promise<"none" | "fenced" | "overtaken"> {
    const { signal } = this.#settings;
    const { folder, lease, loaded, decision } = this.#opened;
    const { txid, pageCount } = loaded.map;
    if (this.#writer.hasPending) {
      // The upload of what the journal holds takes the next transaction itself.
      this.#writer.startSyncing();
      await this.#writer.flush(signal);
      return "none";
    }
    // There is no page to state again. Whoever begins the database first has it.
    if (pageCount === 0) return "none";
    const replica = forPurpose(this.#replica, "sync");
    const { reader } = this.mount.parts.service;
    const { seq } = decision;
    const pageOne = await callStore(replica, () => reader.read(1, seq, signal));
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
    const { mayContinue, txid, fileChecksum } = decision;
    if (!mayContinue || fileChecksum === undefined) return mayContinue;
    const replica = this.#replica;
    const found = await callStore(replica, () => readFileChecksum(replica, txid));
    // Compacted away: nothing speaks against it.
    return found === undefined || found === fileChecksum;
  }

  #conflict(commits: number): HeadwaterError {
    const { folder, decision, loaded } = this.#opened;
    const stands =
      folder.synced === undefined ? "an unknown transaction" : `transaction ${decision.txid}`;
    const sentence =
      `the journal ${folder.path} holds ${commits} commits on top of ${stands}, but the bucket ` +
      `stands at transaction ${loaded.map.txid}; nothing was changed`;
    return replicaError(this.#replica, "JOURNAL_CONFLICT", sentence);
  }
}
