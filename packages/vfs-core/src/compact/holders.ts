/**
 * Which files of a level hold a transaction, without a look at all of them. Pure.
 *
 * Always true: the same files as a search of the whole level would give, in the order of
 * `compareFiles`. Where the files of a level follow one another, as compaction makes them, that
 * takes a binary search; where others left many that overlap, a walk over those.
 */

import type { LtxFile } from "../ltx-file.ts";

export type Accepts = (file: LtxFile) => boolean;

export class Holders {
  readonly #files: readonly LtxFile[];
  /** For each file, the last transaction that it or one before it reaches. Ascends. */
  readonly #reaches: readonly bigint[];

  /** The files in the order of `compareFiles`. */
  constructor(files: readonly LtxFile[]) {
    this.#files = files;
    let reach = 0n;
    this.#reaches = files.map(({ maxTxid }) => {
      if (maxTxid > reach) reach = maxTxid;
      return reach;
    });
  }

  findFirst(txid: bigint, accepts: Accepts): LtxFile | undefined {
    const files = this.#files;
    // Whatever is before does not reach so far.
    let index = firstIndex(files.length, (at) => this.#reaches[at]! >= txid);
    for (; index < files.length && files[index]!.minTxid <= txid; index += 1) {
      const file = files[index]!;
      if (file.maxTxid >= txid && accepts(file)) return file;
    }
    return undefined;
  }

  findLast(txid: bigint, accepts: Accepts): LtxFile | undefined {
    const files = this.#files;
    // Whatever is behind starts too late.
    let index = firstIndex(files.length, (at) => files[at]!.minTxid > txid) - 1;
    for (; index >= 0 && this.#reaches[index]! >= txid; index -= 1) {
      const file = files[index]!;
      if (file.maxTxid >= txid && accepts(file)) return file;
    }
    return undefined;
  }
}

/** Of the indexes below `count`, the first that is past a border; `count` if none is. */
function firstIndex(count: number, isPast: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isPast(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
