/**
 * The page maps that readers may still need, each valid from one seq to the next one's.
 *
 * Always true:
 *   - `fromSeq` ascends; there is at least one version, and the newest is never let go.
 *   - A map may be replaced by another of the same content (its files were compacted away), never
 *     by one of other content.
 */

import { VERSIONS_MAX } from "./limits.ts";
import type { PageLocation, PageMap } from "./page-map.ts";

export interface Version {
  readonly fromSeq: number;
  readonly map: PageMap;
}

/** A page as of some seq, and for which other seqs it is the same. */
export interface PageVersion {
  /** Undefined when no file holds the page. */
  readonly location: PageLocation | undefined;
  readonly pageCount: number;
  readonly txid: bigint;
  readonly fromSeq: number;
  /** The first seq that it is not right for; undefined while it is the newest. */
  readonly toSeq: number | undefined;
}

export class Versions {
  #versions: Version[];

  constructor(first: PageMap) {
    this.#versions = [{ fromSeq: 0, map: first }];
  }

  get newest(): Version {
    return this.#versions.at(-1)!;
  }

  get count(): number {
    return this.#versions.length;
  }

  /** When true, a reader has to end before there can be another one. */
  get isFull(): boolean {
    return this.#versions.length >= VERSIONS_MAX;
  }

  push(fromSeq: number, map: PageMap): void {
    if (fromSeq <= this.newest.fromSeq) {
      throw new Error(`versions: seq ${fromSeq} after ${this.newest.fromSeq}`);
    }
    this.#versions.push({ fromSeq, map });
  }

  /** The version that a reader of this pin sees. */
  at(seq: number): Version {
    return this.#versions[this.#indexAt(seq)]!;
  }

  /** The oldest version of those that the caller wants. */
  firstWhere(isWanted: (version: Version) => boolean): Version | undefined {
    return this.#versions.find(isWanted);
  }

  /** Puts a map of the same content in the place of the version that starts at `fromSeq`. */
  replace(fromSeq: number, map: PageMap): void {
    const index = this.#versions.findIndex((version) => version.fromSeq === fromSeq);
    if (index >= 0) this.#versions[index] = { fromSeq, map };
  }

  /** Puts maps of the same content in the place of all, oldest first. */
  replaceEach(move: (map: PageMap) => PageMap): void {
    this.#versions = this.#versions.map(({ fromSeq, map }) => ({ fromSeq, map: move(map) }));
  }

  /** The ordinals of all files that any version points into. */
  usedOrdinals(): Set<number> {
    const used = new Set<number>();
    const seen = new Set<Uint32Array>();
    for (const { map } of this.#versions) map.collectOrdinals(used, seen);
    return used;
  }

  find(pgno: number, seq: number): PageVersion {
    const versions = this.#versions;
    const index = this.#indexAt(seq);
    const { map } = versions[index]!;
    let first = index;
    while (first > 0 && versions[first - 1]!.map.isSameAt(pgno, map)) first -= 1;
    let end = index + 1;
    while (end < versions.length && versions[end]!.map.isSameAt(pgno, map)) end += 1;
    return {
      location: map.find(pgno),
      pageCount: map.pageCount,
      txid: map.txid,
      fromSeq: versions[first]!.fromSeq,
      toSeq: versions[end]?.fromSeq,
    };
  }

  /** Lets go of every version that no pin from `oldestPin` on can see. */
  prune(oldestPin: number): void {
    const index = this.#indexAt(oldestPin);
    if (index > 0) this.#versions = this.#versions.slice(index);
    this.#cleanFiles();
  }

  #indexAt(seq: number): number {
    const versions = this.#versions;
    let index = versions.length - 1;
    while (index > 0 && versions[index]!.fromSeq > seq) index -= 1;
    return index;
  }

  #cleanFiles(): void {
    const { files } = this.newest.map;
    if (!files.isDue) return;
    files.retain(this.usedOrdinals());
  }
}
