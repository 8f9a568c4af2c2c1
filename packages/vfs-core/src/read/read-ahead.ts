/**
 * Fetches the pages that a scan is about to read. What it brings enters the cache as not yet used,
 * and never takes more than a share of it.
 *
 * Always true:
 *   - A scan goes on only as long as it uses some of what was fetched for it. So misses at random
 *     that happen to fall into a window make no larger one of it.
 *   - A page that lies between those of a scan, and whose bytes come anyway, is kept if it may be
 *     of the same table, if another scan is near, or if there is room for it.
 *
 * A scan that reads what is in memory asks for nothing, so it is looked at now and then, whether it
 * has used a page for which the next window is due.
 */

import { PAGE_HEADER_SIZE } from "@headwater/ltx";
import type { Clock } from "../clock.ts";
import {
  COALESCE_GAP_BYTES,
  READ_AHEAD_BYTES_MIN,
  READ_AHEAD_CACHE_SHARE,
  READ_AHEAD_GAP_BYTES,
  READ_AHEAD_WINDOWS,
  SCAN_GROW_SHARE,
  SCAN_IDLE_MS,
  SCAN_LOOK_MS,
  SCAN_LOOK_PAGES,
  SCAN_NEAR_PAGES,
  SCAN_USE_SHARE,
} from "../limits.ts";
import type { MountState } from "../mount-state.ts";
import type { PageLocation, PageMap } from "../page-map.ts";
import type { PageFetcher, UsePage } from "./page-fetcher.ts";
import type { PageOrder } from "./page-order.ts";
import { type Scan, ScanTracker, type Window } from "./scan-tracker.ts";

export interface ReadAheadOptions {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly order: PageOrder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A scan whose next move is not going to be a miss. */
interface Watched {
  readonly seq: number;
  /** When it counts as over. */
  untilMs: number;
}

interface Place {
  readonly pgno: number;
  readonly location: PageLocation | undefined;
}

/** What all pages of a window have in common. */
interface Passage {
  readonly map: PageMap;
  readonly seq: number;
  readonly isShared: boolean;
  readonly keep: UsePage;
}

interface Between {
  readonly bytes: number;
  readonly pageCount: number;
}

const NOTHING: Between = { bytes: 0, pageCount: 0 };

export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #scans: ScanTracker;
  readonly #watched = new Map<Scan, Watched>();
  #isWatching = false;

  constructor(options: ReadAheadOptions) {
    const { state, order } = options;
    this.#options = options;
    const wasUsed = (pgno: number) =>
      state.cache?.wasUsed(pgno, state.versions.newest.fromSeq) ?? false;
    this.#scans = new ScanTracker({ order, wasUsed });
  }

  /**
   * A reader of that pin misses that page; it has been asked for already. `wasComing`: for somebody
   * else, before.
   */
  onMiss(pgno: number, seq: number, wasComing: boolean): void {
    const near = this.#scans.near(pgno);
    // It lies between the pages of a scan, and comes along with them.
    if (near === undefined && wasComing && !this.#options.order.isFirst(pgno)) return;
    let usedShare = 1;
    if (near !== undefined) {
      const { scan, place } = near;
      if (wasComing) noteWait(scan, pgno);
      // Else nothing is going to be fetched, and most misses of a fast reader are such.
      if (!wasComing || place >= scan.nextPlace) usedShare = this.#usedShare(scan, place);
      if (usedShare < 1 / SCAN_USE_SHARE) this.#scans.drop(scan);
      else if (!wasComing && place <= scan.endPlace) this.#fetchAgain(scan, place, seq);
    }
    const isSure = near?.scan.by === "order" || usedShare >= 1 / SCAN_GROW_SHARE;
    const scan = this.#scans.onMiss(pgno, isSure);
    if (scan !== undefined) this.#fetchWindows(scan, near?.place ?? 0, seq);
  }

  /** Of what was fetched up to there. */
  #usedShare({ windows }: Scan, place: number): number {
    const { cache } = this.#options.state;
    let hereCount = 0;
    let usedCount = 1;
    // Of older ones the cache may have forgotten it.
    const last = windows.filter(({ startPlace }) => startPlace <= place).slice(-2);
    for (const { seq, startPlace, pgnos, fetched, waitedCount } of last) {
      usedCount += waitedCount;
      for (const pgno of pgnos.slice(0, Math.max(0, place - startPlace))) {
        if (!fetched.has(pgno) || !cache?.has(pgno, seq)) continue;
        hereCount += 1;
        if (cache.wasUsed(pgno, seq)) usedCount += 1;
      }
    }
    return usedCount / Math.max(1, hereCount);
  }

  /** What was fetched for the scan has left the cache before it was read: so will the rest have. */
  #fetchAgain({ windows }: Scan, place: number, seq: number): void {
    const rest = windows.flatMap(({ startPlace, pgnos }) =>
      pgnos.slice(Math.max(0, place + 1 - startPlace)),
    );
    const passage = this.#passage(seq);
    for (const pgno of rest.slice(0, this.#pagesMax())) {
      this.#prefetch(placeIn(passage.map, pgno), passage);
    }
  }

  /** All windows of a scan at once must fit into what the cache protects. */
  #pagesMax(): number {
    const { cache } = this.#options.state;
    const share = READ_AHEAD_WINDOWS * READ_AHEAD_CACHE_SHARE;
    return cache === undefined ? 0 : Math.max(1, Math.floor(cache.frameCount / share));
  }

  /** As many as are due now that the scan has come to that place. */
  #fetchWindows(scan: Scan, place: number, seq: number): void {
    for (let count = 0; count < scan.depth; count += 1) {
      this.#fetchWindow(scan, seq);
      if (place < scan.nextPlace) return;
    }
  }

  #fetchWindow(scan: Scan, seq: number): void {
    const { clock } = this.#options;
    const passage = this.#passage(seq, this.#isShared(scan));
    const { map } = passage;
    const pagesMax = this.#pagesMax();
    const pgnos: number[] = [];
    const fetched = new Set<number>();
    let pageCount = 0;
    let bytes = 0;
    const { by, isBackwards } = scan;
    let last = placeIn(map, scan.endPgno);
    let next = this.#scans.next(scan, last.pgno);
    while (pageCount < pagesMax && bytes < scan.windowBytes) {
      if (next === undefined || next > map.pageCount) break;
      const here = placeIn(map, next);
      const between = isBackwards
        ? this.#fetchBetween(here, last, passage)
        : this.#fetchBetween(last, here, passage);
      if (this.#prefetch(here, passage)) fetched.add(next);
      pageCount += between.pageCount + 1;
      bytes += between.bytes + (here.location?.size ?? 0);
      pgnos.push(next);
      last = here;
      next = this.#scans.next(scan, next);
    }
    if (by === "order" && pgnos.length > 0) {
      const step = isBackwards ? -1 : 1;
      if (scan.windows.length === 0) this.#fetchBeside(scan.endPgno, -step, passage);
      if (next === undefined) this.#fetchBeside(last.pgno, step, passage);
    }
    const window = { seq, startPlace: scan.endPlace + 1, pgnos, fetched, waitedCount: 0 };
    for (const passed of this.#scans.onWindow(scan, window)) this.#forgetUse(passed);
    if (fetched.size === 0) return;
    this.#watched.set(scan, { seq, untilMs: clock.monotonicMs() + SCAN_IDLE_MS });
    if (!this.#isWatching) void this.#watch();
  }

  /** Whether another scan reads what lies near, as in a join of tables that grew together. */
  #isShared(scan: Scan): boolean {
    return this.#scans.scans.some(
      (other) => other !== scan && Math.abs(other.endPgno - scan.endPgno) <= SCAN_NEAR_PAGES,
    );
  }

  /** Pages that lie between two of a scan: bytes that come along, and pages kept of them. */
  #fetchBetween(before: Place, next: Place, passage: Passage): Between {
    const { state, fetcher, order } = this.#options;
    const [from, to] = [before.location, next.location];
    const pagesApart = next.pgno - before.pgno;
    if (pagesApart <= 1 || from === undefined || from.file !== to?.file) return NOTHING;
    const bytes = to.offset - from.offset - from.size;
    const hasRoom = (state.cache?.roomCount ?? 0) > fetcher.inFlightCount + pagesApart;
    if (bytes < 0 || bytes > (hasRoom ? READ_AHEAD_BYTES_MIN : READ_AHEAD_GAP_BYTES))
      return NOTHING;
    // The file of a small transaction has few of them, and the others' bytes do not come.
    if (bytes < (pagesApart - 1) * PAGE_HEADER_SIZE) return NOTHING;
    let pageCount = 0;
    for (let pgno = before.pgno + 1; pgno < next.pgno; pgno += 1) {
      const here = placeIn(passage.map, pgno);
      if (here.location?.file !== from.file) continue;
      const isKept = hasRoom || passage.isShared || !order.isKnown(pgno);
      if (isKept && this.#prefetch(here, passage)) pageCount += 1;
    }
    return { bytes, pageCount };
  }

  /** Of what lies before the first page of a scan or after the last one, as much as in a gap. */
  #fetchBeside(pgno: number, step: number, passage: Passage): void {
    const { state, fetcher } = this.#options;
    const { map } = passage;
    let bytes = 0;
    for (let next = pgno + step; next > 1 && next <= map.pageCount; next += step) {
      const here = placeIn(map, next);
      bytes += here.location?.size ?? COALESCE_GAP_BYTES;
      const hasRoom = (state.cache?.roomCount ?? 0) > fetcher.inFlightCount;
      if (bytes > COALESCE_GAP_BYTES || !hasRoom) return;
      this.#prefetch(here, passage);
    }
  }

  /**
   * The scan has passed that window. Its pages must go before those that are yet to be read, so
   * that they were read once does not count.
   */
  #forgetUse({ seq, fetched }: Window): void {
    const { cache } = this.#options.state;
    for (const pgno of fetched) cache?.forgetUse(pgno, seq);
  }

  #passage(seq: number, isShared = false): Passage {
    const { state } = this.#options;
    const keep: UsePage = (page, pgno, location) => state.keep(pgno, seq, location, page, true);
    return { map: state.versions.at(seq).map, seq, isShared, keep };
  }

  /** False when the page is here already. */
  #prefetch({ pgno, location }: Place, { seq, keep }: Passage): boolean {
    const { state, fetcher } = this.#options;
    if (state.cache?.expect(pgno, seq) || location === undefined) return false;
    fetcher.prefetch(pgno, location, keep);
    return true;
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
    const { nextPlace } = scan;
    const due = scan.windows.find(({ startPlace, pgnos }) => nextPlace < startPlace + pgnos.length);
    const isOver = !this.#scans.scans.includes(scan) || watched.untilMs < nowMs;
    if (isOver || due === undefined) {
      this.#watched.delete(scan);
      return;
    }
    const looked = someFetched(due, Math.max(0, nextPlace - due.startPlace));
    const first = looked[0];
    if (first === undefined || !cache?.has(first, watched.seq)) {
      // It has not come yet, or whoever waits for it will ask.
      watched.untilMs = nowMs + SCAN_IDLE_MS;
      if (first === undefined || !this.#isComing(first, watched.seq)) this.#watched.delete(scan);
      return;
    }
    const used = looked.findLast((pgno) => cache.wasUsed(pgno, watched.seq));
    if (used === undefined) return;
    this.#watched.delete(scan);
    const place = due.startPlace + due.pgnos.indexOf(used);
    if (this.#scans.onReached(scan, place, "use")) this.#fetchWindows(scan, place, watched.seq);
  }

  #isComing(pgno: number, seq: number): boolean {
    const { state, fetcher } = this.#options;
    const { location } = state.find(pgno, seq);
    return location !== undefined && fetcher.isInFlight(location);
  }
}

function placeIn(map: PageMap, pgno: number): Place {
  return { pgno, location: map.find(pgno) };
}

/** The first ones of a window from there on that had to be fetched. */
function someFetched({ pgnos, fetched }: Window, from: number): number[] {
  const some: number[] = [];
  for (let at = from; at < pgnos.length && some.length < SCAN_LOOK_PAGES; at += 1) {
    if (fetched.has(pgnos[at]!)) some.push(pgnos[at]!);
  }
  return some;
}

function noteWait({ windows }: Scan, pgno: number): void {
  const window = windows.find(({ fetched }) => fetched.has(pgno));
  if (window !== undefined) window.waitedCount += 1;
}
