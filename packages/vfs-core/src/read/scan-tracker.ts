/**
 * Which misses belong to a scan, and how far to read ahead of it. Pure policy.
 *
 * A miss a few pages after another one starts a scan with a small window. Whenever the scan reaches
 * the window that was asked for last, the next and larger one is asked for: so one window is always
 * on its way while another is read. A miss that fits no scan changes nothing for the others.
 */

import {
  READ_AHEAD_BYTES_MAX,
  READ_AHEAD_BYTES_MIN,
  READ_AHEAD_GROWTH,
  SCANS_MAX,
} from "../limits.ts";

/** Two misses this near each other begin a scan. */
const BEGIN_PAGES_MAX = 8;
/** A scan may leave out this many pages: those of other tables that grew along with its own. */
const SKIP_PAGES_MAX = 128;

export interface Scan {
  /** Where the scan was seen last. */
  lastPgno: number;
  /** The last page that was asked for on its behalf. */
  endPgno: number;
  /** Where the window starts that was asked for last. */
  windowPgno: number;
  windowBytes: number;
}

export class ScanTracker {
  /** The least recently moved first. */
  #scans: Scan[] = [];
  #candidates: Scan[] = [];

  get scans(): readonly Scan[] {
    return this.#scans;
  }

  /** The scan that wants its next window, from `endPgno + 1` on, because of this miss. */
  onMiss(pgno: number): Scan | undefined {
    const scan = nearest(this.#scans, pgno, SKIP_PAGES_MAX);
    if (scan !== undefined) return this.onReached(scan, pgno) ? scan : undefined;
    const candidate = nearest(this.#candidates, pgno, BEGIN_PAGES_MAX);
    if (candidate !== undefined) {
      this.#candidates = this.#candidates.filter((other) => other !== candidate);
      candidate.lastPgno = pgno;
      candidate.endPgno = pgno;
      candidate.windowBytes = READ_AHEAD_BYTES_MIN;
      push(this.#scans, candidate);
      return candidate;
    }
    push(this.#candidates, { lastPgno: pgno, endPgno: pgno, windowPgno: 0, windowBytes: 0 });
    return undefined;
  }

  /** The scan for which that page was asked for before. */
  covering(pgno: number): Scan | undefined {
    const scan = nearest(this.#scans, pgno, SKIP_PAGES_MAX);
    return scan !== undefined && pgno <= scan.endPgno ? scan : undefined;
  }

  /** A scan was seen at that page. True when it wants its next window. */
  onReached(scan: Scan, pgno: number): boolean {
    scan.lastPgno = Math.max(scan.lastPgno, pgno);
    this.#scans.splice(this.#scans.indexOf(scan), 1);
    this.#scans.push(scan);
    if (pgno < scan.windowPgno) return false;
    scan.windowBytes = Math.min(scan.windowBytes * READ_AHEAD_GROWTH, READ_AHEAD_BYTES_MAX);
    scan.endPgno = Math.max(scan.endPgno, pgno);
    return true;
  }

  /** The next window was asked for and ends at that page. */
  onWindow(scan: Scan, endPgno: number): void {
    scan.windowPgno = scan.endPgno + 1;
    scan.endPgno = endPgno;
  }
}

function nearest(scans: readonly Scan[], pgno: number, skipMax: number): Scan | undefined {
  let best: Scan | undefined;
  for (const scan of scans) {
    if (pgno <= scan.lastPgno || pgno > scan.endPgno + skipMax) continue;
    if (best === undefined || scan.lastPgno > best.lastPgno) best = scan;
  }
  return best;
}

function push(scans: Scan[], scan: Scan): void {
  scans.push(scan);
  if (scans.length > SCANS_MAX) scans.shift();
}
