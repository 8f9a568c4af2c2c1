/**
 * Follows a replica that others write: asks for the next level-0 file by its name, and lists now
 * and then to heal what that cannot see.
 *
 * Always true:
 *   - What is visible never goes back to an older transaction of its history, whatever the store
 *     shows. When another history has taken its place, that is followed, from its beginning.
 *   - A file is applied only to a state that it is known to continue (lineage.ts); when that is not
 *     known, all pages are looked up anew, and none of before is kept.
 *   - Files that straddle, overlap, come late or lie on any level are normal. What cannot be
 *     applied now is tried again at the next poll; the error is visible until a poll succeeds.
 *   - A listing is not a moment. What one shows as damage counts only when others show it again.
 */

import { Alarm } from "../alarm.ts";
import type { ChangeCounter } from "../change-counter.ts";
import type { Clock } from "../clock.ts";
import { FileBodies } from "../file-bodies.ts";
import { FileTable } from "../file-table.ts";
import {
  CATCH_UP_TRIES,
  FOLLOW_FILES_MAX,
  LIST_PAUSE_MS_MIN,
  NAME_TRUST_MS,
  OPEN_RETRY_MS,
  OPEN_TRIES,
} from "../limits.ts";
import type { LoadedFile } from "../load-file.ts";
import { requireOnePageSize, tryLoadFiles, tryLoadPlan } from "../load-map.ts";
import type { LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import type { Tell } from "../mount-event.ts";
import type { Adoption, MountState } from "../mount-state.ts";
import type { PublishedState } from "../page-device.ts";
import { PageMap, PageMapBuilder } from "../page-map.ts";
import { type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, planFollow, planRestore } from "../restore-plan.ts";
import { summarizeError } from "../status.ts";
import { withoutStrays } from "../strays.ts";
import type { TxidWaiters } from "../txid-waiters.ts";
import { type ChangedPages, loadChangedPages } from "./changed-pages.ts";
import {
  type ChainEnd,
  chainEndOf,
  findReplaced,
  isChained,
  isListed,
  isStillThere,
} from "./lineage.ts";
import { loadNextFiles } from "./next-files.ts";
import type { PageFetcher } from "./page-fetcher.ts";
import { PollPace } from "./poll-pace.ts";
import type { RequestQueue } from "./request-queue.ts";

export interface FollowerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly queue: RequestQueue;
  readonly fetcher: PageFetcher;
  readonly waiters: TxidWaiters;
  readonly signal: AbortSignal;
  /** Zero: only when asked. */
  readonly pollIntervalMs: number;
  readonly pollIntervalMsMax: number;
  readonly listIntervalMs: number;
  /** Bytes of files that a poll may hold for their pages. */
  readonly keepBytes: number;
  readonly toPublished: (txid: bigint, pageCount: number, createdAtMs?: number) => PublishedState;
  readonly counter: ChangeCounter;
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
  readonly pollPauseMs: number | undefined;
  readonly lastError: unknown;
  /** When the newest visible transaction was made, by the writer's clock. */
  readonly createdAtMs: number | undefined;
  readonly reloadCount: number;
}

interface Moment {
  readonly monotonicMs: number;
  readonly nowMs: number;
}

export class Follower {
  readonly #options: FollowerOptions;
  readonly #alarm: Alarm;
  readonly #pace: PollPace;
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
  /** Somebody waits for what a name may not show: a poll lists, but none right after another. */
  #isHurried = false;
  /** What the last listing showed to be in the way. It stays there while nothing moves. */
  #obstacle: unknown;
  #pollCount = 0;
  #lastError: unknown;
  /** The reason of the last failure that was told; undefined once a poll has succeeded. */
  #toldFailure: string | undefined;
  #createdAtMs: number | undefined;
  #reloadCount = 0;
  #chainEnd: ChainEnd | undefined;

  constructor(options: FollowerOptions, { agoMs, createdAtMs }: FollowerStart) {
    const { replica, waiters, pollIntervalMs, pollIntervalMsMax } = options;
    const { clock } = replica;
    this.#options = options;
    this.#alarm = new Alarm(clock);
    this.#pace = new PollPace({
      clock,
      intervalMs: pollIntervalMs,
      intervalMsMax: pollIntervalMsMax,
      isAwaited: () => waiters.areThere,
    });
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
      pollPauseMs: this.#pace.pauseMs,
      lastError: this.#lastError,
      createdAtMs: this.#createdAtMs,
      reloadCount: this.#reloadCount,
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
    const { signal } = this.#options;
    const isOver = () => signal.aborted || turn !== this.#turn;
    while (!isOver()) {
      await this.#alarm.wait(this.#pace.pauseMs);
      if (!isOver()) await this.poll().catch(() => {});
    }
    await this.#polling?.catch(() => {});
  }

  /** Somebody waits for a transaction: the next poll starts now. */
  hurry(): void {
    this.#isHurried = true;
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

  /**
   * Files that readers need are gone, so there are newer ones: a poll lists them, now. Resolves
   * when that is over, however it went.
   */
  async heal(): Promise<void> {
    this.#mustList = true;
    // It may have listed before they went.
    await this.#polling?.catch(() => {});
    await this.poll().catch(() => {});
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
    const beforeTxid = state.versions.newest.map.txid;
    const measure = replica.seeing.measure("poll");
    let failure: unknown;
    try {
      await this.#follow();
      this.#succeeded = start;
      this.#tellCurrent();
      this.#lastError = undefined;
      this.#toldFailure = undefined;
      this.#pollCount += 1;
    } catch (error) {
      failure = error;
      this.#lastError = error;
      this.#tellFailure(error);
      throw error;
    } finally {
      state.release();
      const { txid } = state.versions.newest.map;
      const error = summarizeError(failure);
      replica.seeing.tell("poll", { ...measure(), beforeTxid, txid, error });
    }
  }

  async #follow(): Promise<void> {
    const { state } = this.#options;
    const before = state.versions.newest.map.txid;
    const isRecent = this.#isRecent;
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
      this.#isHurried = false;
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
  get #isRecent(): boolean {
    const { clock } = this.#options.replica;
    const { monotonicMs, nowMs } = this.#succeeded;
    // One of the clocks stands still while some machines sleep.
    const passedMs = Math.max(clock.monotonicMs() - monotonicMs, clock.nowMs() - nowMs);
    return passedMs < NAME_TRUST_MS;
  }

  #tellFailure(error: unknown): void {
    const summary = summarizeError(error);
    const { signal, tell } = this.#options;
    if (summary === undefined || signal.aborted) return;
    const reason = `${summary.code} ${summary.message}`;
    if (reason === this.#toldFailure) return;
    this.#toldFailure = reason;
    tell({ type: "followFailed", error: summary });
  }

  #tellCurrent(): void {
    this.#options.state.device.setCurrent(this.status().lagMs);
  }

  #isListingDue(): boolean {
    const { replica, listIntervalMs, waiters } = this.#options;
    const agoMs = replica.clock.monotonicMs() - this.#listedMs;
    this.#isHurried &&= waiters.areThere;
    if (this.#isHurried && agoMs >= LIST_PAUSE_MS_MIN) return true;
    return agoMs >= (this.#listPauseMs ?? listIntervalMs);
  }

  /** Takes level-0 files as long as there is a next one; returns how many. */
  async #followByName(): Promise<number> {
    const { replica, state } = this.#options;
    const { txid } = state.versions.newest.map;
    const { loaded, failure } = await loadNextFiles(replica, txid, this.#options);
    const isContinued = loaded.length === 0 || (await this.#isContinued(loaded));
    if (isContinued) await this.#apply(loaded);
    // A listing tells what they belong to.
    else this.#listPauseMs = 0;
    if (failure !== undefined) throw failure;
    return isContinued ? loaded.length : 0;
  }

  /** As far as what is there can be followed; rejects with what stands in the way. */
  async #followByListing(signal: AbortSignal): Promise<void> {
    const { replica, listIntervalMs } = this.#options;
    const longerMs = Math.max(2 * (this.#listPauseMs ?? 0), LIST_PAUSE_MS_MIN);
    for (let attempt = 1; ; attempt += 1) {
      const levels = await listLtxFiles(replica, { signal });
      this.#listedMs = replica.clock.monotonicMs();
      this.#listPauseMs = Math.min(longerMs, listIntervalMs);
      const isLast = attempt === OPEN_TRIES;
      const problem = await this.#followListed(levels, isLast, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#obstacle = error;
        throw error;
      });
      if (problem === undefined) {
        this.#listPauseMs = undefined;
        this.#obstacle = undefined;
        return;
      }
      if (isLast) {
        this.#obstacle = replicaError(replica, "REPLICA_DAMAGED", problem);
        throw this.#obstacle;
      }
      await replica.clock.sleep(OPEN_RETRY_MS, { signal });
    }
  }

  /** What this listing shows that cannot be followed is something that people should see. */
  async #followListed(
    levels: FilesByLevel,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { replica, state } = this.#options;
    const before = state.versions.newest.map;
    const replaced = findReplaced(levels, before.files);
    if (replaced !== undefined) {
      // Whoever puts a file of the same transactions once more begins no other history.
      const isOther = !(await this.#isThere(before.lastFile));
      const reason = isOther ? `${replaced.key} is another file now` : undefined;
      return this.#reload(levels, reason, signal);
    }
    const plan = planFollow(levels, before.txid);
    if (plan.files.length > 0) {
      const loaded = await tryLoadFiles(replica, plan.files, { ...this.#options, signal });
      // The next listing shows what took their place.
      if (loaded === undefined) return "files are deleted faster than they can be read";
      if (!(await this.#isContinued(loaded))) return this.#reload(levels, undefined, signal);
      await this.#apply(loaded);
    }
    const { txid, lastFile } = state.versions.newest.map;
    if (plan.gapBefore !== undefined) {
      return `nothing continues transaction ${txid}; the next begins at ${plan.gapBefore}`;
    }
    if (levels.flat().some((file) => file.maxTxid >= txid)) {
      if (lastFile === undefined || isListed(levels, lastFile)) return undefined;
      if (await this.#isThere(lastFile)) return undefined;
      return this.#reload(levels, undefined, signal);
    }
    const problem = `its files now end before transaction ${txid}, which was read here`;
    const isOther = !levels.flat().some((file) => before.files.has(file));
    if (!isLast || !isOther || (await this.#isThere(lastFile))) return problem;
    return this.#reload(levels, problem, signal);
  }

  /** Whether these files, which have been read, go on from what is shown. */
  async #isContinued(loaded: readonly LoadedFile[]): Promise<boolean> {
    const { txid, lastFile } = this.#options.state.versions.newest.map;
    if (this.#chainEnd?.txid === txid && isChained(this.#chainEnd, loaded)) return true;
    return this.#isThere(lastFile);
  }

  async #isThere(file: LtxFile | undefined): Promise<boolean> {
    const { replica } = this.#options;
    return file === undefined || isStillThere(replica, file, this.#options);
  }

  /**
   * Shows what there is, and takes nothing over from before. With a reason, it is known to be
   * another history.
   */
  async #reload(
    levels: FilesByLevel,
    reason: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { replica, state, counter, tell } = this.#options;
    const plan = planRestore(withoutStrays(levels), { type: "latest" });
    const why = reason === undefined ? "" : `${reason}: another history has taken its place; `;
    if (plan.files.length === 0 || plan.gapBefore !== undefined) {
      return `${why}transactions are missing after ${plan.txid}`;
    }
    const options = { ...this.#options, files: new FileTable(), signal };
    const loaded = await tryLoadPlan(replica, plan, options);
    if (loaded === undefined) return `${why}files are deleted faster than they can be read`;
    const { map, pageSize, createdAtMs } = loaded;
    if (pageSize !== state.pageSize) {
      const sentence =
        `another database, with pages of ${pageSize} bytes, has taken its place; ` +
        "open it again";
      throw replicaError(replica, "REPLICA_RESET", sentence);
    }
    const beforeTxid = state.versions.newest.map.txid;
    // It may be the same transaction, or an older one.
    counter.goOnInAnother(state.device.state().changeCounter, map.txid);
    const changed = map.changedSince(PageMap.empty(map.files));
    const bodies = new FileBodies(loaded.loaded, pageSize);
    this.#show({ map, changed, pageCountMin: 0 }, loaded.loaded.at(-1), bodies);
    this.#createdAtMs = createdAtMs;
    this.#reloadCount += 1;
    if (reason !== undefined) {
      tell({ type: "replicaReset", txid: map.txid, beforeTxid, reason });
    } else if (map.txid > beforeTxid) {
      tell({ type: "remoteCommit", txid: map.txid });
    }
    return undefined;
  }

  async #apply(loaded: readonly LoadedFile[]): Promise<void> {
    if (loaded.length === 0) return;
    const { replica, state, tell } = this.#options;
    requireOnePageSize(replica, loaded, state.pageSize);
    const pages = await loadChangedPages(loaded, { ...this.#options, clock: replica.clock });
    const before = state.versions.newest.map;
    const builder = new PageMapBuilder(before);
    for (const { file, pageCount, index } of loaded) builder.apply(file, pageCount, index);
    const map = builder.build();
    const { pageCountMin } = builder;
    this.#show({ map, changed: map.changedSince(before), pageCountMin }, loaded.at(-1), pages);
    this.#createdAtMs = loaded.at(-1)?.file.createdAtMs;
    tell({ type: "remoteCommit", txid: map.txid });
  }

  /** To readers that start from now on. */
  #show(
    { map, changed, pageCountMin }: Omit<Adoption, "seq" | "page">,
    last: LoadedFile | undefined,
    pages: ChangedPages,
  ): void {
    const { state, toPublished, waiters } = this.#options;
    const seq = state.device.state().seq + 1;
    const page = (pgno: number) => pages.page(pgno, map.find(pgno));
    state.adopt({ seq, map, changed, pageCountMin, page });
    const { txid, pageCount, lastFile } = map;
    const published = state.device.publish(toPublished(txid, pageCount, lastFile?.createdAtMs));
    if (published !== seq) throw new Error(`published seq ${published}, expected ${seq}`);
    this.#pace.onNews();
    this.#chainEnd = chainEndOf(last);
    if (this.#chainEnd?.txid !== map.txid) this.#chainEnd = undefined;
    waiters.reach(map.txid);
  }
}

function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), nowMs: clock.nowMs() };
}
