/**
 * The content of pages that files bring, for those who have the older content at hand: fetched
 * before the files are shown, so that it stays at hand.
 *
 * Always true: only pages that somebody has used in memory, or that the local image has, are
 * fetched, a bounded number within a bounded time. Whatever has not come by then is fetched when
 * somebody reads it, and told then if it fails.
 */

import type { Clock } from "../clock.ts";
import { FileBodies } from "../file-bodies.ts";
import { FOLLOW_PAGES_BYTES, FOLLOW_PAGES_LOOK, FOLLOW_PAGES_MS } from "../limits.ts";
import type { LoadedFile } from "../load-file.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import { OVER } from "../over.ts";
import type { PageLocation } from "../page-map.ts";
import type { PageFetcher } from "./page-fetcher.ts";

export interface ChangedPagesOptions {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface ChangedPages {
  /** Undefined when it is not at hand. */
  page(pgno: number, location: PageLocation | undefined): Uint8Array | undefined;
}

interface FetchedPage {
  readonly location: PageLocation;
  readonly page: Uint8Array;
}

/** Of these files, oldest first. */
export async function loadChangedPages(
  loaded: readonly LoadedFile[],
  options: ChangedPagesOptions,
): Promise<ChangedPages> {
  const bodies = new FileBodies(loaded, options.state.pageSize);
  const fetched = await fetchPages(findUsed(loaded, options.state), options);
  return {
    page(pgno, location) {
      const known = fetched.get(pgno);
      if (known !== undefined && isSamePlace(known.location, location)) return known.page;
      return bodies.page(pgno, location);
    },
  };
}

/** Where the newest copies lie of pages that are in use, but for those that came along already. */
function findUsed(loaded: readonly LoadedFile[], state: MountState): Map<number, PageLocation> {
  const used = new Map<number, PageLocation>();
  if (state.cache === undefined) return used;
  const countMax = Math.floor(FOLLOW_PAGES_BYTES / state.pageSize);
  const seen = new Set<number>();
  for (const { file, index, body } of loaded.toReversed()) {
    for (const { pgno, offset, size } of index) {
      if (seen.size === FOLLOW_PAGES_LOOK || used.size === countMax) return used;
      if (seen.has(pgno)) continue;
      seen.add(pgno);
      const isHere = offset + size <= (body?.byteLength ?? 0);
      if (!isHere && state.isInUse(pgno)) used.set(pgno, { file, offset, size });
    }
  }
  return used;
}

async function fetchPages(
  wanted: ReadonlyMap<number, PageLocation>,
  { fetcher, clock, signal }: ChangedPagesOptions,
): Promise<Map<number, FetchedPage>> {
  const fetched = new Map<number, FetchedPage>();
  if (wanted.size === 0) return fetched;
  const end = new AbortController();
  const over = AbortSignal.any([end.signal, signal]);
  const timer = clock.sleep(FOLLOW_PAGES_MS, { signal: over }).then(
    () => end.abort(OVER),
    () => {},
  );
  await Promise.allSettled(
    Array.from(wanted, async ([pgno, location]) => {
      const page = await fetcher.fetch(pgno, location, "prefetch", over, "poll");
      fetched.set(pgno, { location, page });
    }),
  );
  end.abort(OVER);
  await timer;
  return fetched;
}
