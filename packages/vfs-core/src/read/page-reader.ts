/**
 * One page as of one pin, from wherever it is: memory, or the file that the page map names.
 *
 * An object that is gone was compacted: the version is planned again from what is there now, and
 * the page found in its new place.
 */

import { decodeLtx } from "@headwater/ltx";
import { explainStoreFailure } from "../errors.ts";
import { READ_AHEAD_CACHE_SHARE, REPLAN_TRIES } from "../limits.ts";
import type { LtxFile } from "../ltx-file.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import { isGone, type Replica, replicaError } from "../replica.ts";
import type { PageFetcher } from "./page-fetcher.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { Replanner } from "./replanner.ts";

export interface PageReaderOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly readAhead: ReadAhead;
  readonly replanner: Replanner;
  /** What a page is that no file holds: a new page of a writer, or damage. */
  readonly absentPages: () => "zeros" | "damage";
}

export class PageReader {
  readonly #options: PageReaderOptions;

  constructor(options: PageReaderOptions) {
    this.#options = options;
  }

  /** The bytes may be shared: do not change them. Rejects with the signal's reason. */
  async read(pgno: number, seq: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { replica, state, fetcher, readAhead, replanner } = this.#options;
    let missing: unknown;
    let location: PageLocation | undefined;
    for (let attempt = 1; attempt <= REPLAN_TRIES; attempt += 1) {
      signal?.throwIfAborted();
      const cached = state.cache?.get(pgno, seq);
      if (cached !== undefined) return cached.slice();
      location = replanner.elsewhere(pgno, seq) ?? state.find(pgno, seq).location;
      if (location === undefined) return this.#absentPage(pgno);
      const wasComing = fetcher.isInFlight(location);
      const answer = fetcher.fetch(pgno, location, "foreground", signal);
      if (attempt === 1) readAhead.onMiss(pgno, seq, wasComing);
      try {
        const page = await answer;
        state.keep(pgno, seq, location, page);
        return page;
      } catch (error) {
        if (!isGone(error)) throw explainStoreFailure(replica.name, error);
        missing = error;
        await replanner.replan(pgno, seq, location);
      }
    }
    throw explainStoreFailure(replica.name, missing);
  }

  /** The other pages of a file that was fetched whole: those that are still the newest. */
  keepWholeFile(file: LtxFile, body: Uint8Array): void {
    const { state } = this.#options;
    const { cache, versions } = state;
    if (cache === undefined) return;
    const seq = state.device.state().seq;
    const { map } = versions.newest;
    const whole = decodeLtx(body);
    let left = Math.floor(cache.frameCount / READ_AHEAD_CACHE_SHARE);
    for (const { pgno, offset, size } of whole.index) {
      if (left === 0) return;
      const location = { file, offset, size };
      if (!isSamePlace(map.find(pgno), location)) continue;
      if (cache.peek(pgno, seq) !== undefined) continue;
      const page = whole.page(pgno);
      if (page === undefined) continue;
      state.keep(pgno, seq, location, page, true);
      left -= 1;
    }
  }

  #absentPage(pgno: number): Uint8Array {
    const { replica, state, absentPages } = this.#options;
    if (absentPages() === "zeros" || state.isLockPage(pgno)) {
      // A new database has a page size before anything of it was uploaded.
      return new Uint8Array(state.pageSize || state.device.state().pageSize);
    }
    const sentence = `no file holds page ${pgno}, which the database should have`;
    throw replicaError(replica, "PAGE_NOT_FOUND", sentence);
  }
}
