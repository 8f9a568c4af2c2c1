/**
 * Caches that answer a trace: how many look-ups find their page.
 *
 * All are filled by misses alone, one page at a time: no read-ahead, no opening.
 */

import { bufferMemory, byteLengthFor, PageCache, Sieve } from "@headwater/page-cache";

export interface Replayed {
  readonly hitCount: number;
  readonly missCount: number;
}

/** Small, since only numbers of pages count here. */
const PAGE_SIZE = 512;
const PAGE = new Uint8Array(PAGE_SIZE);
const NEVER = Number.POSITIVE_INFINITY;

export interface PageCacheReplay {
  /** Pages that are pinned as they come. Default: none. */
  readonly pinned?: ReadonlySet<number>;
  /** By look-up: zero where it does not count. Default: all count. */
  readonly isCounted?: Uint8Array;
}

/** The cache itself. */
export function replayPageCache(
  pgnos: Uint32Array,
  frameCount: number,
  { pinned, isCounted }: PageCacheReplay = {},
): Replayed {
  const memory = bufferMemory(new ArrayBuffer(byteLengthFor(frameCount, PAGE_SIZE)));
  const cache = new PageCache(memory, { frameCount, pageSize: PAGE_SIZE });
  let asideHits = 0;
  let asideMisses = 0;
  for (const [at, pgno] of pgnos.entries()) {
    const isAside = isCounted?.[at] === 0;
    if (cache.get(pgno, 0) !== undefined) {
      if (isAside) asideHits += 1;
      continue;
    }
    if (isAside) asideMisses += 1;
    cache.insert(pgno, 0, undefined, PAGE);
    if (pinned?.has(pgno) === true) cache.pin(pgno);
  }
  const { hitCount, missCount } = cache.stats;
  return { hitCount: hitCount - asideHits, missCount: missCount - asideMisses };
}

/** The policy alone, as its authors have published it. */
export function replaySieve(pgnos: Uint32Array, frameCount: number): Replayed {
  const visited = new Uint8Array(frameCount);
  const takeVisited = (frame: number) => {
    const isVisited = visited[frame] === 1;
    visited[frame] = 0;
    return isVisited;
  };
  const sieve = new Sieve(frameCount, takeVisited);
  const frames = new Map<number, number>();
  const held = new Uint32Array(frameCount);
  return replay(pgnos, (pgno) => {
    const frame = frames.get(pgno);
    if (frame !== undefined) {
      visited[frame] = 1;
      return true;
    }
    const to = sieve.count < frameCount ? sieve.count : sieve.evict()!;
    frames.delete(held[to]!);
    held[to] = pgno;
    visited[to] = 0;
    frames.set(pgno, to);
    sieve.insert(to);
    return false;
  });
}

/** The page that was not used for longest goes. */
export function replayLru(pgnos: Uint32Array, frameCount: number): Replayed {
  const held = new Set<number>();
  return replay(pgnos, (pgno) => {
    const isHit = held.delete(pgno);
    held.add(pgno);
    if (held.size > frameCount) held.delete(held.values().next().value!);
    return isHit;
  });
}

/**
 * The most hits that any cache of this size can have which takes every page that is missed: it
 * knows the future, and the page goes that is used again last (Belady).
 */
export function replayOptimum(pgnos: Uint32Array, frameCount: number): Replayed {
  const nextUse = nextUses(pgnos);
  /** By page, the place in the trace where it is used again. */
  const held = new Map<number, number>();
  const heap = new LatestFirst();
  let at = -1;
  return replay(pgnos, (pgno) => {
    at += 1;
    const isHit = held.has(pgno);
    if (!isHit && held.size === frameCount) {
      // Of a page that was used meanwhile, the heap has older entries too.
      let latest = heap.take();
      while (held.get(latest.pgno) !== latest.use) latest = heap.take();
      held.delete(latest.pgno);
    }
    held.set(pgno, nextUse[at]!);
    heap.add({ pgno, use: nextUse[at]! });
    return isHit;
  });
}

function replay(pgnos: Uint32Array, lookUp: (pgno: number) => boolean): Replayed {
  let hitCount = 0;
  for (const pgno of pgnos) if (lookUp(pgno)) hitCount += 1;
  return { hitCount, missCount: pgnos.length - hitCount };
}

function nextUses(pgnos: Uint32Array): Float64Array {
  const uses = new Float64Array(pgnos.length);
  const next = new Map<number, number>();
  for (let at = pgnos.length - 1; at >= 0; at -= 1) {
    uses[at] = next.get(pgnos[at]!) ?? NEVER;
    next.set(pgnos[at]!, at);
  }
  return uses;
}

interface Use {
  readonly pgno: number;
  readonly use: number;
}

/** A heap. */
class LatestFirst {
  readonly #uses: Use[] = [];

  add(use: Use): void {
    const uses = this.#uses;
    let at = uses.push(use) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (uses[parent]!.use >= use.use) break;
      uses[at] = uses[parent]!;
      at = parent;
    }
    uses[at] = use;
  }

  take(): Use {
    const uses = this.#uses;
    const first = uses[0]!;
    const last = uses.pop()!;
    if (uses.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= uses.length) break;
      if (child + 1 < uses.length && uses[child + 1]!.use > uses[child]!.use) child += 1;
      if (uses[child]!.use <= last.use) break;
      uses[at] = uses[child]!;
      at = child;
    }
    uses[at] = last;
    return first;
  }
}
