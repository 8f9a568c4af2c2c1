/**
 * Fetches the pages that a scan is about to read. What it brings enters the cache as not yet used,
 * and never takes more than a share of it.
 *
 * A scan that reads what is in memory asks for nothing, so it is looked at now and then: when it
 * has used the first page of its last window, the next one is due.
 */

import type { Clock } from "../clock.ts";
import { READ_AHEAD_CACHE_SHARE, SCAN_IDLE_MS, SCAN_LOOK_MS } from "../limits.ts";
import type { MountState } from "../mount-state.ts";
import type { PageFetcher } from "./page-fetcher.ts";
import { type Scan, ScanTracker } from "./scan-tracker.ts";

export interface ReadAheadOptions {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Pages that were fetched for a scan. */
interface Fetched {
  readonly seq: number;
  readonly pgnos: readonly number[];
}

/** A scan whose next move is not going to be a miss. */
interface Watched {
  readonly seq: number;
  /** When it counts as over. */
  untilMs: number;
}

export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #scans = new ScanTracker();
  readonly #watched = new Map<Scan, Watched>();
  /** The last two windows of a scan, the older one first. */
  readonly #windows = new WeakMap<Scan, readonly Fetched[]>();
  #isWatching = false;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
  }

  /**
   * A reader of that pin misses that page; it has been asked for already. `wasComing`: for somebody
   * else, before.
   */
  onMiss(pgno: number, seq: number, wasComing: boolean): void {
    const covering = wasComing ? undefined : this.#scans.covering(pgno);
    if (covering !== undefined) this.#fetchAgain(covering, pgno, seq);
    const scan = this.#scans.onMiss(pgno);
    if (scan !== undefined) this.#fetchWindow(scan, seq);
  }

  /** What was fetched for the scan has left the cache before it was read: so will the rest have. */
  #fetchAgain({ endPgno }: Scan, pgno: number, seq: number): void {
    const end = Math.min(endPgno, pgno + this.#pagesMax());
    for (let next = pgno + 1; next <= end; next += 1) this.#prefetch(next, seq, []);
  }

  /** Two windows of a scan at once must fit into what the cache protects. */
  #pagesMax(): number {
    const { cache } = this.#options.state;
    return cache === undefined ? 0 : Math.floor(cache.frameCount / (2 * READ_AHEAD_CACHE_SHARE));
  }

  #fetchWindow(scan: Scan, seq: number): void {
    const { state, clock } = this.#options;
    const { cache } = state;
    if (cache === undefined) return;
    const { map } = state.versions.at(seq);
    const pagesMax = this.#pagesMax();
    const pgnos: number[] = [];
    let bytes = 0;
    let next = scan.endPgno + 1;
    for (let pages = 0; pages < pagesMax && bytes < scan.windowBytes; next += 1, pages += 1) {
      if (next > map.pageCount) break;
      bytes += this.#prefetch(next, seq, pgnos);
    }
    this.#scans.onWindow(scan, next - 1);
    const [older, last] = this.#windows.get(scan) ?? [];
    if (older !== undefined && last !== undefined) this.#forgetUse(older);
    this.#windows.set(
      scan,
      [last ?? older, { seq, pgnos }].filter((one) => one !== undefined),
    );
    if (bytes === 0) return;
    this.#watched.set(scan, { seq, untilMs: clock.monotonicMs() + SCAN_IDLE_MS });
    if (!this.#isWatching) void this.#watch();
  }

  /**
   * The scan has passed that window. Its pages must go before those that are yet to be read, so
   * that they were read once does not count.
   */
  #forgetUse({ seq, pgnos }: Fetched): void {
    const { cache } = this.#options.state;
    for (const pgno of pgnos) cache?.forgetUse(pgno, seq);
  }

  /** Bytes that the page takes in its file. */
  #prefetch(pgno: number, seq: number, fetched: number[]): number {
    const { state, fetcher } = this.#options;
    const { location } = state.find(pgno, seq);
    if (location === undefined) return 0;
    if (state.cache?.peek(pgno, seq) !== undefined) return location.size;
    fetched.push(pgno);
    fetcher.fetch(pgno, location, "prefetch").then(
      (page) => state.keep(pgno, seq, location, page, true),
      () => {
        // Whoever needs the page asks again and is told.
      },
    );
    return location.size;
  }

  async #watch(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#isWatching = true;
    while (this.#watched.size > 0 && !signal.aborted) {
      await clock.sleep(SCAN_LOOK_MS);
      const nowMs = clock.monotonicMs();
      for (const [scan, watched] of this.#watched) this.#look(scan, watched, nowMs);
    }
    this.#isWatching = false;
  }

  #look(scan: Scan, watched: Watched, nowMs: number): void {
    const { cache } = this.#options.state;
    const isGone = !this.#scans.scans.includes(scan);
    if (isGone || watched.untilMs < nowMs) {
      this.#watched.delete(scan);
      return;
    }
    if (cache?.peek(scan.windowPgno, watched.seq) === undefined) {
      // It has not come yet, or whoever waits for it will ask.
      watched.untilMs = nowMs + SCAN_IDLE_MS;
      if (!this.#isComing(scan.windowPgno, watched.seq)) this.#watched.delete(scan);
      return;
    }
    if (!cache.wasUsed(scan.windowPgno, watched.seq)) return;
    this.#watched.delete(scan);
    if (this.#scans.onReached(scan, scan.windowPgno)) this.#fetchWindow(scan, watched.seq);
  }

  #isComing(pgno: number, seq: number): boolean {
    const { state, fetcher } = this.#options;
    const { location } = state.find(pgno, seq);
    return location !== undefined && fetcher.isInFlight(location);
  }
}
