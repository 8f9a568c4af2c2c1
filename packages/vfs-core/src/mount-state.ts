/**
 * What one mount knows: the versions of the page map, and the pages that are in memory.
 *
 * Always true:
 *   - A new version is adopted in one step, in this order: the cache learns where old pages end,
 *     the image forgets pages that changed, the version list grows. Only then may it be published.
 *   - A page enters the cache for exactly those pins for which it is known to be right at that
 *     moment. It is pinned there if it is the newest version of a page that leads to others.
 */

import { lockPgno, type PageSize } from "@headwater/ltx";
import { byteLengthFor, CACHE_BYTES_MAX, frameCountFor, PageCache } from "@headwater/page-cache";
import { HeadwaterError } from "./errors.ts";
import { isInteriorPage } from "./interior-page.ts";
import { isSameFile } from "./ltx-file.ts";
import type { ImageMap, PageDevice } from "./page-device.ts";
import type { PageLocation, PageMap } from "./page-map.ts";
import { type PageVersion, Versions } from "./versions.ts";

export interface Adoption {
  /** The first pin that sees the new map. */
  readonly seq: number;
  readonly map: PageMap;
  /** Pages of the new map that the one before did not have so, ascending. */
  readonly changed: Uint32Array;
  /** The smallest size that the database had on the way. */
  readonly pageCountMin: number;
  /** The new content of a changed page, if it is at hand. */
  readonly page: (pgno: number) => Uint8Array | undefined;
}

/** Told of every adoption, after the version list has grown: pages that are not what they were. */
export type AdoptionListener = (stale: Uint32Array) => void;

/** Told of every page that was kept for a reader who has asked for it. Must not change it. */
export type KeepListener = (pgno: number, location: PageLocation, page: Uint8Array) => void;

export interface MountStateOptions {
  readonly device: PageDevice;
  readonly map: PageMap;
  readonly pageSize: number;
  readonly cacheBytes: number;
}

export class MountState {
  readonly device: PageDevice;
  readonly versions: Versions;
  #cacheBytes: number;
  readonly #listeners: AdoptionListener[] = [];
  readonly #keepListeners: KeepListener[] = [];
  #cache: PageCache | undefined;
  #image: ImageMap | undefined;
  #isInImage: (pgno: number) => boolean = () => false;
  #pageSize = 0;

  constructor({ device, map, pageSize, cacheBytes }: MountStateOptions) {
    this.device = device;
    this.versions = new Versions(map);
    this.#cacheBytes = cacheBytes;
    if (pageSize !== 0) this.setPageSize(pageSize);
  }

  /** Zero until the first upload of a new database. */
  get pageSize(): number {
    return this.#pageSize;
  }

  get cache(): PageCache | undefined {
    return this.#cache;
  }

  /** Makes the cache. Once only: a replica never changes its page size. */
  setPageSize(pageSize: number): void {
    if (this.#pageSize === pageSize) return;
    if (this.#pageSize !== 0) throw new Error(`page size ${pageSize} after ${this.#pageSize}`);
    this.#pageSize = pageSize;
    const frameCount = frameCountFor(this.#cacheBytes, pageSize);
    const byteLength = byteLengthFor(frameCount, pageSize);
    const memory = this.device.reserveCache(byteLength, CACHE_BYTES_MAX);
    this.#cache = new PageCache(memory, { pageSize, frameCount });
    this.device.publishCache();
  }

  /** What the cache may take from now on, whether it is there already or comes later. */
  setCacheBytes(cacheBytes: number): void {
    this.#cacheBytes = cacheBytes;
    const cache = this.#cache;
    if (cache === undefined) return;
    cache.resize(Math.min(frameCountFor(cacheBytes, this.#pageSize), cache.frameCountMax));
  }

  /** From now on the image forgets pages as they change; `isThere` tells which it has. */
  useImage(image: ImageMap, isThere: (pgno: number) => boolean): void {
    this.#image = image;
    this.#isInImage = isThere;
  }

  /** Whether readers have used the page in memory, or have it in the image. */
  isInUse(pgno: number): boolean {
    const { seq } = this.device.state();
    return this.#isInImage(pgno) || (this.#cache?.wasUsed(pgno, seq) ?? false);
  }

  onAdoption(listener: AdoptionListener): void {
    this.#listeners.push(listener);
  }

  onKept(listener: KeepListener): void {
    this.#keepListeners.push(listener);
  }

  isLockPage(pgno: number): boolean {
    return this.#pageSize !== 0 && pgno === lockPgno(this.#pageSize as PageSize);
  }

  /**
   * Keeps a page that was fetched from `location` for a reader of `seq`, if it is still so; for one
   * that is about to come when `isAhead`.
   */
  keep(pgno: number, seq: number, location: PageLocation, page: Uint8Array, isAhead = false): void {
    const found = this.versions.find(pgno, seq);
    if (!isSamePlace(found.location, location)) return;
    this.#insert(pgno, found, page, isAhead);
    if (!isAhead) for (const listener of this.#keepListeners) listener(pgno, location, page);
  }

  find(pgno: number, seq: number): PageVersion {
    return this.versions.find(pgno, seq);
  }

  adopt({ seq, map, changed, pageCountMin, page }: Adoption): void {
    if (this.versions.isFull) {
      const sentence = `${this.versions.count} versions wait for one reader to end`;
      throw new HeadwaterError("READER_TOO_OLD", sentence);
    }
    const before = this.versions.newest.map;
    const cache = this.#cache;
    if (pageCountMin < before.pageCount) cache?.closeAbove(pageCountMin, seq);
    for (const pgno of changed) {
      const wasHere = cache?.close(pgno, seq) ?? false;
      if (cache === undefined) continue;
      // Of the image it is missed from now on until it has been written there.
      const wasInImage = this.#isInImage(pgno);
      if (!wasHere && !cache.hasRoom && !wasInImage) continue;
      const content = page(pgno);
      const version = { fromSeq: seq, toSeq: undefined, pageCount: map.pageCount };
      if (content !== undefined) this.#insert(pgno, version, content, wasInImage);
    }
    const stale = withDropped(changed, pageCountMin, before.pageCount);
    this.#image?.markAbsent(stale);
    this.versions.push(seq, map);
    for (const listener of this.#listeners) listener(stale);
  }

  #insert(
    pgno: number,
    { fromSeq, toSeq, pageCount }: Omit<PageVersion, "location" | "txid">,
    page: Uint8Array,
    isAhead = false,
  ): void {
    this.#cache?.insert(pgno, fromSeq, toSeq, page, isAhead);
    if (toSeq === undefined && isInteriorPage(pgno, page, pageCount)) this.#cache?.pin(pgno);
  }

  /** Lets go of what no reader needs any more. Cheap; called now and then. */
  release(): void {
    const oldestPin = this.device.oldestPin();
    this.versions.prune(oldestPin);
    this.#cache?.reclaim(oldestPin);
  }
}

export function isSamePlace(a: PageLocation | undefined, b: PageLocation | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isSameFile(a.file, b.file) && a.offset === b.offset;
}

/** The changed pages and those that the database lost, ascending, each once. */
function withDropped(changed: Uint32Array, pageCountMin: number, pageCount: number): Uint32Array {
  if (pageCountMin >= pageCount) return changed;
  const kept = changed.filter((pgno) => pgno <= pageCountMin || pgno > pageCount);
  const dropped = Uint32Array.from(
    { length: pageCount - pageCountMin },
    (_, index) => pageCountMin + 1 + index,
  );
  const all = new Uint32Array(kept.length + dropped.length);
  all.set(kept, 0);
  all.set(dropped, kept.length);
  return all.sort();
}
