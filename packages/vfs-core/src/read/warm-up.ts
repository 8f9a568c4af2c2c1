/**
 * Brings the schema and the interior pages of all b-trees into the cache, right after opening: a
 * few waves of requests that wait for nobody, in place of a miss after another in each first query.
 *
 * Always true:
 *   - Misses of readers and their read-ahead go first.
 *   - It brings no more than a share of the cache, and asks for no more than so many requests: the
 *     upper levels of all trees before the lower ones, and of a level those pages first of which
 *     one request brings several. Leaves come along only where there was no other way to tell what
 *     they are.
 *   - What goes wrong is left to whoever needs the page.
 */

import { childPages, reservedBytesOf, rootPages } from "../btree-page.ts";
import type { Clock } from "../clock.ts";
import {
  BTREE_DEPTH_MAX,
  COALESCE_GAP_BYTES,
  WARM_UP_BYTES_MAX,
  WARM_UP_CACHE_SHARE,
  WARM_UP_PAUSE_MS,
  WARM_UP_REQUESTS_MAX,
} from "../limits.ts";
import { isSameFile } from "../ltx-file.ts";
import type { MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import type { WarmUpStatus } from "../status.ts";
import type { PageFetcher } from "./page-fetcher.ts";
import type { PageOrder } from "./page-order.ts";

export interface WarmUpOptions {
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  /** Told in which order the pages of trees are. */
  readonly order: PageOrder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Located {
  readonly pgno: number;
  readonly location: PageLocation;
}

export class WarmUp {
  readonly #options: WarmUpOptions;
  #running: Promise<void> | undefined;
  #isDone = false;
  #seq = 0;
  #pageCount = 0;
  /** Pages that there is room for. */
  #left = 0;
  #requestsLeft = WARM_UP_REQUESTS_MAX;
  #fetchedCount = 0;
  /** The pages of all levels that no other comes before. */
  readonly #firsts = new Set<number>();

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  /** Of the newest state; changes nothing when it was started before. */
  start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#isDone = true;
    });
  }

  status(): WarmUpStatus {
    return {
      done: this.#isDone,
      pageCount: this.#fetchedCount,
      bytes: this.#fetchedCount * this.#options.state.pageSize,
    };
  }

  /** Resolves when nothing is under way. Never rejects. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { cache, pageSize, versions } = this.#options.state;
    if (cache === undefined) return;
    const { fromSeq, map } = versions.newest;
    this.#seq = fromSeq;
    this.#pageCount = map.pageCount;
    this.#options.order.reserve(map.pageCount);
    const share = Math.floor(cache.frameCount / WARM_UP_CACHE_SHARE);
    this.#left = Math.min(share, Math.floor(WARM_UP_BYTES_MAX / pageSize));
    await this.#bringTrees(await this.#bringSchema());
  }

  /** All of it, leaves included: SQLite reads it before anything else. */
  async #bringSchema(): Promise<number[]> {
    const [pageOne] = await this.#bring([1]);
    const reservedBytes = pageOne === undefined ? undefined : reservedBytesOf(pageOne);
    if (pageOne === undefined || reservedBytes === undefined) return [];
    const roots: number[] = [];
    let pgnos = [1];
    let pages: (Uint8Array | undefined)[] = [pageOne];
    for (let depth = 1; depth <= BTREE_DEPTH_MAX; depth += 1) {
      const children: number[] = [];
      for (const [index, page] of pages.entries()) {
        if (page === undefined) continue;
        const options = { pgno: pgnos[index]!, pageCount: this.#pageCount, reservedBytes };
        const below = childPages(page, options);
        if (below === undefined) roots.push(...rootPages(page, options));
        else children.push(...below);
      }
      if (children.length === 0) break;
      pgnos = children.slice(0, this.#left);
      pages = await this.#bring(pgnos);
    }
    return roots;
  }

  /** Level by level, all trees at once. The children of a tree are all of one kind. */
  async #bringTrees(roots: readonly number[]): Promise<void> {
    let levels: readonly (readonly number[])[] = roots.map((root) => [root]);
    for (const root of roots) this.#firsts.add(root);
    for (let depth = 1; depth <= BTREE_DEPTH_MAX && levels.length > 0; depth += 1) {
      // So the first one tells whether the others are worth it.
      const below = await this.#bringInterior(levels.map(([first]) => first!));
      const others = levels.flatMap(([first, ...rest]) => (below.has(first!) ? rest : []));
      for (const [pgno, children] of await this.#bringInterior(others)) below.set(pgno, children);
      levels = this.#next(levels, below);
    }
  }

  /** The levels below, as far as there is room for them: damaged pages may name any number. */
  #next(
    levels: readonly (readonly number[])[],
    below: ReadonlyMap<number, readonly number[]>,
  ): readonly (readonly number[])[] {
    let room = this.#left;
    const next = levels.map((level) => {
      this.#noteOrder(level.map((pgno) => below.get(pgno)));
      const children: number[] = [];
      for (const pgno of level)
        children.push(...(below.get(pgno) ?? []).slice(0, room - children.length));
      room -= children.length;
      return children;
    });
    return next.filter((level) => level.length > 0);
  }

  /** Of children of one level, in the order of their parents; undefined where one is missing. */
  #noteOrder(families: readonly (readonly number[] | undefined)[]): void {
    const { order } = this.#options;
    let run: number[] = [];
    for (const children of families) {
      for (const child of children ?? []) run.push(child);
      if (children !== undefined) continue;
      order.note(run, true);
      run = [];
    }
    order.note(run);
  }

  /** Of those that are interior pages, the children. */
  async #bringInterior(pgnos: readonly number[]): Promise<Map<number, readonly number[]>> {
    await this.#stepAside();
    const below = new Map<number, readonly number[]>();
    const bring = async (pgno: number, coming: Promise<Uint8Array | undefined> | undefined) => {
      const page = await coming;
      if (page === undefined) return;
      const children = childPages(page, { pgno, pageCount: this.#pageCount });
      if (children === undefined) return;
      below.set(pgno, children);
      this.#noteChildren(pgno, children);
    };
    const affordable = this.#affordable(pgnos);
    await Promise.all(
      pgnos.map((pgno) => bring(pgno, affordable.has(pgno) ? this.#bringOne(pgno) : undefined)),
    );
    return below;
  }

  /** Before the rest of the level is known: a scan that begins now may already follow them. */
  #noteChildren(pgno: number, children: readonly number[]): void {
    const { order } = this.#options;
    order.note(children, true);
    if (this.#firsts.has(pgno)) {
      this.#firsts.add(children[0]!);
      order.noteFirst(children[0]!);
    }
  }

  /**
   * Who has just got a page asks for the next one below it in a moment. Requests that are made
   * before that keep this thread busy, and their answers come first. As long as nothing has come
   * from the store, nobody has got anything.
   */
  async #stepAside(): Promise<void> {
    const { clock, signal } = this.#options;
    if (this.#fetchedCount === 0) return;
    // When the signal aborts, nothing more is brought anyway.
    await clock.sleep(WARM_UP_PAUSE_MS, { signal }).catch(() => undefined);
  }

  /** As far as there is room; undefined where it did not work out. */
  #bring(pgnos: readonly number[]): Promise<(Uint8Array | undefined)[]> {
    const affordable = this.#affordable(pgnos);
    return Promise.all(
      pgnos.map((pgno) => (affordable.has(pgno) ? this.#bringOne(pgno) : undefined)),
    );
  }

  /** Those that are here already, or that the requests bring that are left. */
  #affordable(pgnos: readonly number[]): Set<number> {
    const { state } = this.#options;
    const affordable = new Set<number>();
    const located: Located[] = [];
    for (const pgno of pgnos) {
      const { location } = state.find(pgno, this.#seq);
      if (state.cache?.has(pgno, this.#seq)) affordable.add(pgno);
      else if (location !== undefined) located.push({ pgno, location });
    }
    const groups = groupByRequest(located).sort((a, b) => b.length - a.length);
    for (const group of groups.slice(0, this.#requestsLeft)) {
      for (const pgno of group) affordable.add(pgno);
    }
    this.#requestsLeft -= Math.min(this.#requestsLeft, groups.length);
    return affordable;
  }

  async #bringOne(pgno: number): Promise<Uint8Array | undefined> {
    const { state, fetcher, signal } = this.#options;
    if (this.#left === 0 || signal.aborted) return undefined;
    this.#left -= 1;
    const cached = state.cache?.peek(pgno, this.#seq);
    if (cached !== undefined) return cached.slice();
    const { location } = state.find(pgno, this.#seq);
    if (location === undefined) return undefined;
    try {
      const page = await fetcher.fetch(pgno, location, "warmUp");
      state.keep(pgno, this.#seq, location, page);
      this.#fetchedCount += 1;
      return page;
    } catch {
      return undefined;
    }
  }
}

/** The pages that one request brings, as the fetcher makes them. */
function groupByRequest(located: readonly Located[]): number[][] {
  const sorted = located.toSorted(compareLocated);
  const groups: number[][] = [];
  let last: PageLocation | undefined;
  for (const { pgno, location } of sorted) {
    const isNear =
      last !== undefined &&
      isSameFile(last.file, location.file) &&
      location.offset - last.offset - last.size <= COALESCE_GAP_BYTES;
    if (isNear) groups.at(-1)!.push(pgno);
    else groups.push([pgno]);
    last = location;
  }
  return groups;
}

function compareLocated({ location: a }: Located, { location: b }: Located): number {
  if (a.file.key !== b.file.key) return a.file.key < b.file.key ? -1 : 1;
  return a.offset - b.offset;
}
