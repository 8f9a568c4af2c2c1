/**
 * Which misses belong to a scan, and how far to read ahead of it. Pure policy.
 *
 * A scan reads the pages of a tree in its order, one way or the other, where that is known, or else
 * pages by their number. It begins with a miss of a page that comes soon after one that was missed
 * before, with a window that is the smaller the farther apart they are; or with a miss of the first
 * page of a tree, which look-ups at random hardly ever want.
 *
 * The next window is asked for when the scan comes near the end of a small one, so that a short
 * range does not cost a large one, or has read the beginning of a large one. A reader that waits
 * has outrun its windows: it gets one that is much larger than the one before, and from then on
 * more and more large ones are on their way while another is read. One that reads in order and
 * waits for the last large one has outrun all of them, and gets as many as there may be. A miss
 * that fits no scan changes nothing for the others, but a scan that many such misses have passed by
 * is over.
 */

import {
  READ_AHEAD_BYTES_MAX,
  READ_AHEAD_BYTES_MIN,
  READ_AHEAD_GROWTH,
  READ_AHEAD_LEAP,
  READ_AHEAD_WINDOWS,
  SCAN_MISSES_MAX,
  SCANS_MAX,
} from "../limits.ts";
import type { PageOrder } from "./page-order.ts";

/** Two misses this near each other begin a scan. */
const BEGIN_PAGES_MAX = 8;
/** The same in the order of a tree, where those between were in memory. */
const BETWEEN_PAGES_MAX = 3;
/** A scan may leave out this many pages: those of other tables that grew along with its own. */
const SKIP_PAGES_MAX = 128;
/** So many pages are looked at to tell leaves from the pages above them. */
const DENSE_PAGES = 8;
/** So many pages of a tree are expected to be here from its first one on: opening brings some. */
const READ_PAGES_MAX = 64;
/** The part of a small window after which the next one is due. */
const NEAR_END = 0.75;
/** The same of the first large one, which is many times what was read before it. */
const BEGINNING = 0.25;
/** Beside the window that is read. */
const DEPTH_MAX = READ_AHEAD_WINDOWS - 1;

/** Pages that were asked for on behalf of a scan. */
export interface Window {
  readonly seq: number;
  /** Of its first page; a scan counts its pages from one. */
  readonly startPlace: number;
  /** In the order in which they are going to be read. */
  readonly pgnos: readonly number[];
  /** Those that had to be fetched. */
  readonly fetched: ReadonlySet<number>;
  /** Of these, what readers have waited for, which counts as use too. */
  waitedCount: number;
}

export interface Scan {
  by: "order" | "number";
  /** Against the order: backwards. By number it is always forwards. */
  readonly isBackwards: boolean;
  /** Where the scan was seen last. */
  lastPlace: number;
  /** The last page that was asked for on its behalf. */
  endPgno: number;
  endPlace: number;
  /** A scan that has come so far wants its next window. */
  nextPlace: number;
  /** The last ones, the oldest first. */
  windows: readonly Window[];
  /** Windows that are to be on their way, or unread. */
  depth: number;
  /** Whether its reader has outrun a window. */
  hasWaited: boolean;
  /** The size of the last window. */
  windowBytes: number;
  /** How many misses there had been when it was seen last. */
  missCount: number;
}

/** How a scan was seen: by a reader who waits, or by the pages that it has used. */
export type Sighting = "miss" | "use";

export interface ScanTrackerOptions {
  readonly order: PageOrder;
  /** Whether somebody has read the page, which was here. */
  readonly wasUsed: (pgno: number) => boolean;
}

export class ScanTracker {
  readonly #options: ScanTrackerOptions;
  /** The least recently moved first. */
  #scans: Scan[] = [];
  /** Pages that were missed last and are of no scan. */
  #candidates: number[] = [];
  #missCount = 0;

  constructor(options: ScanTrackerOptions) {
    this.#options = options;
  }

  get scans(): readonly Scan[] {
    return this.#scans;
  }

  /** The scan that wants its next window because of this miss. */
  onMiss(pgno: number, isSure = true): Scan | undefined {
    this.#missCount += 1;
    const eldest = this.#missCount - SCAN_MISSES_MAX;
    this.#scans = this.#scans.filter(({ missCount }) => missCount >= eldest);
    const { order } = this.#options;
    const near = this.near(pgno);
    if (near !== undefined) {
      if (near.scan.by === "number" && order.isKnown(pgno)) return this.#inOrder(near.scan, pgno);
      return this.onReached(near.scan, near.place, "miss", isSure) ? near.scan : undefined;
    }
    const begun = this.#begin(pgno);
    if (begun === undefined) push(this.#candidates, pgno);
    else push(this.#scans, begun);
    return begun;
  }

  /** The scan that may have come to that page, and the page's place in it. */
  near(pgno: number): { readonly scan: Scan; readonly place: number } | undefined {
    let best: { scan: Scan; place: number } | undefined;
    for (const scan of this.#scans) {
      const place = this.#placeIn(scan, pgno);
      if (place === undefined || place <= scan.lastPlace) continue;
      if (best === undefined || isCloser({ scan, place }, best)) best = { scan, place };
    }
    return best;
  }

  /** What was taken for a scan is none. */
  drop(scan: Scan): void {
    this.#scans = this.#scans.filter((other) => other !== scan);
  }

  /**
   * A scan was seen at that place. True when it wants its next window, which is no larger than the
   * last one unless it is sure that this is a scan.
   */
  onReached(scan: Scan, place: number, sighting: Sighting, isSure = true): boolean {
    scan.lastPlace = Math.max(scan.lastPlace, place);
    scan.missCount = this.#missCount;
    this.drop(scan);
    this.#scans.push(scan);
    const isOutrun = sighting === "miss" && isInLastLarge(scan, place);
    if (place < scan.nextPlace && !isOutrun) return false;
    if (!isSure) return true;
    scan.hasWaited ||= sighting === "miss";
    if (scan.hasWaited && isLarge(scan)) {
      scan.depth = isOutrun ? DEPTH_MAX : Math.min(scan.depth + 1, DEPTH_MAX);
    }
    const growth = sighting === "miss" ? READ_AHEAD_LEAP : READ_AHEAD_GROWTH;
    scan.windowBytes = Math.min(scan.windowBytes * growth, READ_AHEAD_BYTES_MAX);
    return true;
  }

  /** The page that a scan reads after that one. Where the order is not known yet, by number. */
  next(scan: Scan, pgno: number): number | undefined {
    const { order } = this.#options;
    if (scan.isBackwards) return order.before(pgno);
    if (scan.by === "order" && order.isOpen(pgno)) scan.by = "number";
    return scan.by === "number" ? pgno + 1 : order.after(pgno);
  }

  /** The next window was asked for. Gives those that are behind the scan by now. */
  onWindow(scan: Scan, window: Window): readonly Window[] {
    const { pgnos, startPlace } = window;
    const windows = [...scan.windows, window];
    scan.windows = windows.slice(-READ_AHEAD_WINDOWS);
    scan.endPgno = pgnos.at(-1) ?? scan.endPgno;
    scan.endPlace += pgnos.length;
    // The order may be known farther by the time that the scan comes there.
    if (pgnos.length === 0) scan.nextPlace = scan.endPlace + 1;
    else if (!isLarge(scan)) scan.nextPlace = startPlace + Math.floor(pgnos.length * NEAR_END);
    else if (scan.depth === 1) scan.nextPlace = startPlace + Math.floor(pgnos.length * BEGINNING);
    else scan.nextPlace = (scan.windows.at(-scan.depth) ?? scan.windows[0]!).startPlace;
    return windows.slice(0, -READ_AHEAD_WINDOWS);
  }

  #placeIn(scan: Scan, pgno: number): number | undefined {
    for (const { startPlace, pgnos } of scan.windows) {
      const index = pgnos.indexOf(pgno);
      if (index >= 0) return startPlace + index;
    }
    return this.#isNext(scan, pgno) ? scan.endPlace + 1 : undefined;
  }

  #isNext({ by, isBackwards, endPgno }: Scan, pgno: number): boolean {
    const { order } = this.#options;
    if (by === "number") return pgno > endPgno && pgno <= endPgno + SKIP_PAGES_MAX;
    if (isBackwards) return order.isSoonAfter(endPgno, pgno, BETWEEN_PAGES_MAX);
    return order.isSoonAfter(pgno, endPgno, BETWEEN_PAGES_MAX);
  }

  /** A scan that this miss shows, after one before it. */
  #begin(pgno: number): Scan | undefined {
    const { order } = this.#options;
    if (!order.isKnown(pgno)) return this.#beginByNumber(pgno);
    const before = this.#findBefore(pgno);
    if (before !== undefined) return this.#makeScan("order", before, READ_AHEAD_BYTES_MIN);
    const behind = this.#findBehind(pgno);
    if (behind === undefined) return undefined;
    return this.#makeScan("order", behind, READ_AHEAD_BYTES_MIN, true);
  }

  /** The page from which a scan has come here in the order of the tree; its first is one, too. */
  #findBefore(pgno: number): number | undefined {
    const { order } = this.#options;
    const candidate = this.#candidates.find((before) =>
      order.isSoonAfter(pgno, before, BETWEEN_PAGES_MAX),
    );
    if (candidate !== undefined) return this.#take(candidate);
    if (!this.#isDense(pgno)) return undefined;
    return order.isFirst(pgno) ? pgno : this.#findRead(pgno);
  }

  /**
   * Whether the pages that come after it lie near each other, as the leaves of a table do that has
   * grown. Those above the leaves do not.
   */
  #isDense(pgno: number): boolean {
    const { order } = this.#options;
    let nearCount = 0;
    let last = pgno;
    for (let count = 0; count < DENSE_PAGES; count += 1) {
      const next = order.after(last);
      if (next === undefined) break;
      if (Math.abs(next - last) <= SKIP_PAGES_MAX) nearCount += 1;
      last = next;
    }
    return nearCount > DENSE_PAGES / 2;
  }

  /** The page before it, if all of its tree up to there was here, and was read. */
  #findRead(pgno: number): number | undefined {
    const { order, wasUsed } = this.#options;
    for (const first of order.firsts) {
      let page: number | undefined = first;
      for (let count = 0; count < READ_PAGES_MAX && page !== undefined; count += 1) {
        if (!wasUsed(page)) break;
        const next = order.after(page);
        if (next === pgno) return page;
        page = next;
      }
    }
    return undefined;
  }

  /** The same against the order; of the last page a look-up is no sign of a scan. */
  #findBehind(pgno: number): number | undefined {
    const { order, wasUsed } = this.#options;
    const candidate = this.#candidates.find((behind) =>
      order.isSoonAfter(behind, pgno, BETWEEN_PAGES_MAX),
    );
    if (candidate !== undefined) return this.#take(candidate);
    const after = order.after(pgno);
    const isLast = after !== undefined && order.after(after) === undefined;
    return isLast && wasUsed(after) ? after : undefined;
  }

  /** The same scan from there on, now that the order is known. */
  #inOrder(scan: Scan, pgno: number): Scan {
    this.drop(scan);
    const ordered = this.#makeScan("order", pgno, scan.windowBytes);
    ordered.depth = scan.depth;
    ordered.hasWaited = scan.hasWaited;
    push(this.#scans, ordered);
    return ordered;
  }

  /** Pages of which nothing is known, near each other. */
  #beginByNumber(pgno: number): Scan | undefined {
    const { order } = this.#options;
    const candidate = this.#candidates
      .filter((other) => other < pgno && pgno <= other + BEGIN_PAGES_MAX)
      .findLast((other) => !order.isKnown(other));
    if (candidate === undefined) return undefined;
    this.#take(candidate);
    return this.#makeScan("number", candidate, READ_AHEAD_BYTES_MIN / (pgno - candidate));
  }

  /** It is one no more. */
  #take(candidate: number): number {
    this.#candidates = this.#candidates.filter((other) => other !== candidate);
    return candidate;
  }

  #makeScan(by: Scan["by"], endPgno: number, windowBytes: number, isBackwards = false): Scan {
    return {
      by,
      isBackwards,
      lastPlace: 0,
      endPgno,
      endPlace: 0,
      nextPlace: 0,
      windows: [],
      depth: 1,
      hasWaited: false,
      windowBytes,
      missCount: this.#missCount,
    };
  }
}

/** What reads in order is sure to be a scan. */
function isCloser(a: { scan: Scan; place: number }, b: { scan: Scan; place: number }): boolean {
  if (a.scan.by !== b.scan.by) return a.scan.by === "order";
  return a.place - a.scan.lastPlace < b.place - b.scan.lastPlace;
}

/** Where a reader of pages in order can be only if all windows before are behind it. */
function isInLastLarge(scan: Scan, place: number): boolean {
  const last = scan.windows.at(-1);
  return scan.by === "order" && isLarge(scan) && last !== undefined && place >= last.startPlace;
}

function isLarge({ windowBytes }: Scan): boolean {
  return windowBytes >= READ_AHEAD_BYTES_MAX / READ_AHEAD_GROWTH;
}

function push<Item>(items: Item[], item: Item): void {
  items.push(item);
  if (items.length > SCANS_MAX) items.shift();
}
