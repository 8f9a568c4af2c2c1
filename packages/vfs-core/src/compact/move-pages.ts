/**
 * Points the page maps of a mount away from files that are about to be deleted.
 *
 * Always true: a page moves from a file to its heir only in versions that are not older than the
 * heir. There both have the same copy: the page was not written after the first file's end, or the
 * version would have it elsewhere. In older versions the heir may be too new; the files that these
 * still need are named, to be kept until their readers have ended.
 */

import type { LoadedFile } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { MovedChunks, PageMap } from "../page-map.ts";
import type { Versions } from "../versions.ts";

/** The heirs ascend by last txid. Gives the doomed files that some version cannot do without. */
export function movePages(
  versions: Versions,
  doomed: readonly LtxFile[],
  heirs: readonly LoadedFile[],
): Set<LtxFile> {
  const { files } = versions.newest.map;
  const known = doomed.flatMap((file) => {
    const ordinal = files.find(file);
    return ordinal === undefined ? [] : [{ file, ordinal }];
  });
  for (const { file: heir, index } of heirs) {
    const going = new Set<number>();
    for (const { file, ordinal } of known) {
      if (file.maxTxid >= heir.minTxid && file.maxTxid <= heir.maxTxid) going.add(ordinal);
    }
    const done: MovedChunks = new Map();
    versions.replaceEach((map: PageMap) =>
      map.txid < heir.maxTxid || going.size === 0 ? map : map.moved(going, heir, index, done),
    );
  }
  const used = versions.usedOrdinals();
  return new Set(known.filter(({ ordinal }) => used.has(ordinal)).map(({ file }) => file));
}
