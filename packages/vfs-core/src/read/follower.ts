/**
 * Follows a replica that others write: asks for the next level-0 file by its name, and lists now
 * and then to heal what that cannot see.
 *
 * Always true:
 *   - What is visible never goes back to an older transaction, whatever the store shows.
 *   - Files that straddle, overlap, come late or lie on any level are normal. What cannot be
 *     applied now is tried again at the next poll; the error is visible until a poll succeeds.
 *   - A listing is not a moment. What one shows as damage counts only when others show it again.
 */

import { nextTxid, type Txid, toTxid } from "@headwater/ltx";
import { ObjectStoreError } from "@headwater/object-store";
import { Alarm } from "../alarm.ts";
import type { Clock } from "../clock.ts";
import { FileBodies } from "../file-bodies.ts";
import {
  CATCH_UP_TRIES,
  FOLLOW_FILES_MAX,
  LIST_PAUSE_MS_MIN,
  NAME_TRUST_MS,
  OPEN_RETRY_MS,
  OPEN_TRIES,
  WHOLE_FILE_BYTES,
} from "../limits.ts";
import { explainDamage, type LoadedFile, loadFile, openBody } from "../load-file.ts";
import { requireOnePageSize, tryLoadFiles } from "../load-map.ts";
import type { LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import type { Tell } from "../mount-event.ts";
import type { MountState } from "../mount-state.ts";
import type { PublishedState } from "../page-device.ts";
import { PageMapBuilder } from "../page-map.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, planFollow } from "../restore-plan.ts";
import type { TxidWaiters } from "../txid-waiters.ts";
import type { RequestQueue } from "./request-queue.ts";

export interface FollowerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly queue: RequestQueue;
  readonly waiters: TxidWaiters;
  readonly signal: AbortSignal;
  /** Zero: only when asked. */
  readonly pollIntervalMs: number;
  readonly listIntervalMs: number;
  /** Bytes of files that a poll may hold for their pages. */
  readonly keepBytes: number;
  readonly toPublished: (txid: bigint, pageCount: number) => PublishedState;
  readonly tell: Tell;
}

export interface FollowerStart {
  /** How long ago what is shown at first was found to be the newest state. */
  readonly agoMs: number;
  /** When the newest visible transaction was made, if that is known. */
  readonly createdAtMs?: number | undefined;
}

export interface FollowerStatus {
  /** Milliseconds since a poll last succeeded: no older than this is what readers see. */
  readonly lagMs: number;
  readonly pollCount: number;
  readonly lastError: unknown;
  /** When the newest visible transaction was made, by the writer's clock. */
  readonly createdAtMs: number | undefined;
}

interface Moment {
  readonly monotonicMs: number;
  readonly nowMs: number;
}

export class Follower {
  readonly #options: FollowerOptions;
  readonly #alarm: Alarm;
  #polling: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Of the loop that is to go on; any other ends. */
  #turn = 0;
  /** When the last poll began that succeeded. */
  #succeeded: Moment;
  #listedMs: number;
  /** The next listing is due this long after the last one; undefined: as usual. */
  #listPauseMs: number | undefined;
  /** The next poll lists, whatever it finds by name. */
  #mustList = false;
  /** What the last listing showed to be in the way. It stays there while nothing moves. */
  #obstacle: unknown;
  #pollCount = 0;
  #lastError: unknown;
  #createdAtMs: number | undefined;

  constructor(options: FollowerOptions, { agoMs, createdAtMs }: FollowerStart) {
    const { clock } = options.replica;
    this.#options = options;
    this.#alarm = new Alarm(clock);
    this.#createdAtMs = createdAtMs;
    const { monotonicMs, nowMs } = momentOf(clock);
    this.#succeeded = { monotonicMs: monotonicMs - agoMs, nowMs: nowMs - agoMs };
    this.#listedMs = this.#succeeded.monotonicMs;
    options.signal.addEventListener("abort", () => this.#alarm.ring(), { once: true });
  }

  status(): FollowerStatus {
    return {
      lagMs: this.#options.replica.clock.monotonicMs() - this.#succeeded.monotonicMs,
      pollCount: this.#pollCount,
      lastError: this.#lastError,
      createdAtMs: this.#createdAtMs,
    };
  }

  /** Polls until the signal aborts, or until it is paused. */
  start(): void {
    this.#tellCurrent();
    this.#turn += 1;
    this.#running = this.#run(this.#turn);
  }

  /** Resolves when no poll is under way. Only `start` begins another one. Never rejects. */
  async pause(): Promise<void> {
    this.#turn += 1;
    this.#alarm.ring();
    await this.#running;
    await this.#polling?.catch(() => {});
  }

  /**
   * Takes everything that there is, by listings, while nobody else writes. Between `pause` and
   * `start`.
   */
  async catchUp(signal: AbortSignal): Promise<void> {
    const { replica, state } = this.#options;
    for (let tries = 1; tries <= CATCH_UP_TRIES; tries += 1) {
      const before = state.versions.newest.map.txid;
      await this.#followByListing(signal);
      state.release();
      if (state.versions.newest.map.txid === before) return;
    }
    throw replicaError(replica, "FENCED", "somebody else goes on writing without the lease");
  }

  async #run(turn: number): Promise<void> {
    const { signal, pollIntervalMs } = this.#options;
    const isOver = () => signal.aborted || turn !== this.#turn;
    while (!isOver()) {
      await this.#alarm.wait(pollIntervalMs === 0 ? undefined : pollIntervalMs);
      if (!isOver()) await this.poll().catch(() => {});
    }
    await this.#polling?.catch(() => {});
  }

  /** The next poll starts now, and misses nothing that is there. */
  hurry(): void {
    this.#mustList = true;
    this.#alarm.ring();
  }

  /**
   * Resolves when everything is visible that the store had at this call. The next file by name is
   * not enough: retention may have taken it away.
   */
  async flush(): Promise<void> {
    this.#mustList = true;
    // It may have looked before this call.
    await this.#polling?.catch(() => {});
    await this.poll();
  }

  /** Files that readers need are gone, so there are newer ones: the next poll lists them, now. */
  heal(): void {
    this.#listPauseMs = 0;
    this.#alarm.ring();
  }

  /** One look at the store; callers at the same time share it. */
  poll(): Promise<void> {
    this.#polling ??= this.#pollOnce().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #pollOnce(): Promise<void> {
    const { replica, state } = this.#options;
    const start = momentOf(replica.clock);
    try {
      await this.#follow();
      this.#succeeded = start;
      this.#tellCurrent();
      this.#lastError = undefined;
      this.#pollCount += 1;
    } catch (error) {
      this.#lastError = error;
      throw error;
    } finally {
      state.release();
    }
  }

  async #follow(): Promise<void> {
    const { state } = this.#options;
    const before = state.versions.newest.map.txid;
    const isRecent = this.#isRecent();
    const mustList = this.#mustList || !isRecent;
    this.#mustList = false;
    let failure: unknown;
    let count = 0;
    try {
      if (isRecent) count = await this.#followByName();
      if (count > 0) this.#obstacle = undefined;
    } catch (error) {
      failure = error;
      // A damaged file may have been compacted into a sound one.
      this.#listPauseMs ??= 0;
    }
    if (mustList || count === FOLLOW_FILES_MAX || this.#isListingDue()) {
      await this.#followByListing(this.#options.signal);
    }
    if (state.versions.newest.map.txid !== before) return;
    // That there is no next file by name tells nothing while a listing knows of later ones.
    const problem = failure ?? this.#obstacle;
    if (problem !== undefined) throw problem;
  }

  /**
   * Whether the name of the next transaction cannot have been used, freed by retention, and used
   * again by an upload that came too late, since a poll last succeeded.
   */
  #isRecent(): boolean {
    const { clock } = this.#options.replica;
    const { monotonicMs, nowMs } = this.#succeeded;
    // One of the clocks stands still while some machines sleep.
    const passedMs = Math.max(clock.monotonicMs() - monotonicMs, clock.nowMs() - nowMs);
    return passedMs < NAME_TRUST_MS;
  }

  #tellCurrent(): void {
    this.#options.state.device.setCurrent(this.status().lagMs);
  }

  #isListingDue(): boolean {
    const { replica, listIntervalMs } = this.#options;
    const pauseMs = this.#listPauseMs ?? listIntervalMs;
    return replica.clock.monotonicMs() - this.#listedMs >= pauseMs;
  }

  /** Takes level-0 files as long as there is a next one; returns how many. */
  async #followByName(): Promise<number> {
    const loaded: LoadedFile[] = [];
    let txid: bigint = this.#options.state.versions.newest.map.txid;
    try {
      while (loaded.length < FOLLOW_FILES_MAX) {
        const next = txid === 0n ? toTxid(1n) : nextTxid(toTxid(txid));
        const file = await this.#loadByName(next);
        if (file === undefined) break;
        loaded.push(file);
        txid = next;
      }
    } finally {
      this.#apply(loaded);
    }
    return loaded.length;
  }

  async #loadByName(txid: Txid): Promise<LoadedFile | undefined> {
    const { replica, queue, signal } = this.#options;
    const key = replica.layout.fileKey(0, txid, txid);
    const range = { offset: 0, length: WHOLE_FILE_BYTES };
    const found = await callStore(replica, () =>
      queue
        .run({ priority: "foreground" }, () => replica.store.get(key, { range, signal }))
        .catch((error: unknown) => {
          if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND", "RANGE_UNSATISFIABLE"))
            return undefined;
          throw error;
        }),
    );
    if (found === undefined) return undefined;
    const { meta, body } = found;
    const createdAtMs = meta.timestampMs ?? meta.lastModifiedMs;
    const file: LtxFile = {
      level: 0,
      minTxid: txid,
      maxTxid: txid,
      key,
      size: meta.size,
      createdAtMs,
    };
    if (meta.size > body.byteLength) {
      return callStore(replica, () => loadFile(replica, file, { queue, signal }));
    }
    try {
      return openBody(file, body);
    } catch (error) {
      throw explainDamage(replica, file, error);
    }
  }

  /** As far as what is there can be followed; rejects with what stands in the way. */
  async #followByListing(signal: AbortSignal): Promise<void> {
    const { replica, listIntervalMs } = this.#options;
    const longerMs = Math.max(2 * (this.#listPauseMs ?? 0), LIST_PAUSE_MS_MIN);
    for (let attempt = 1; ; attempt += 1) {
      const levels = await listLtxFiles(replica, { signal });
      this.#listedMs = replica.clock.monotonicMs();
      this.#listPauseMs = Math.min(longerMs, listIntervalMs);
      const problem = await this.#followListed(levels, signal);
      if (problem === undefined) {
        this.#listPauseMs = undefined;
        this.#obstacle = undefined;
        return;
      }
      if (attempt === OPEN_TRIES) {
        this.#obstacle = replicaError(replica, "REPLICA_DAMAGED", problem);
        throw this.#obstacle;
      }
      await replica.clock.sleep(OPEN_RETRY_MS, { signal });
    }
  }

  /** What this listing shows that cannot be followed is something that people should see. */
  async #followListed(levels: FilesByLevel, signal: AbortSignal): Promise<string | undefined> {
    const { replica, state } = this.#options;
    const plan = planFollow(levels, state.versions.newest.map.txid);
    if (plan.files.length > 0) {
      const loaded = await tryLoadFiles(replica, plan.files, { ...this.#options, signal });
      // The next listing shows what took their place.
      if (loaded === undefined) return "files are deleted faster than they can be read";
      this.#apply(loaded);
    }
    const { txid } = state.versions.newest.map;
    if (plan.gapBefore !== undefined) {
      return `nothing continues transaction ${txid}; the next begins at ${plan.gapBefore}`;
    }
    if (levels.flat().some((file) => file.maxTxid >= txid)) return undefined;
    return (
      `its files now end before transaction ${txid}, which was read here: ` +
      "another history has taken its place"
    );
  }

  #apply(loaded: readonly LoadedFile[]): void {
    if (loaded.length === 0) return;
    const { replica, state, toPublished, waiters, tell } = this.#options;
    requireOnePageSize(replica, loaded, state.pageSize);
    const before = state.versions.newest.map;
    const builder = new PageMapBuilder(before);
    for (const { file, pageCount, index } of loaded) builder.apply(file, pageCount, index);
    if (builder.txid <= before.txid) return;
    const map = builder.build();
    const bodies = new FileBodies(loaded, state.pageSize);
    const seq = state.device.state().seq + 1;
    state.adopt({
      seq,
      map,
      changed: map.changedSince(before),
      pageCountMin: builder.pageCountMin,
      page: (pgno) => bodies.page(pgno, map.find(pgno)),
    });
    const published = state.device.publish(toPublished(map.txid, map.pageCount));
    if (published !== seq) throw new Error(`published seq ${published}, expected ${seq}`);
    this.#createdAtMs = loaded.at(-1)?.file.createdAtMs;
    waiters.reach(map.txid);
    tell({ type: "remoteCommit", txid: map.txid });
  }
}

function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), nowMs: clock.nowMs() };
}
