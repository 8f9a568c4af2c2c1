/**
 * Points the page maps of a mount away from files that are about to be deleted, or are gone.
 *
 * Always true: a page moves from a file to its heir only where both have the same copy.
 *   - In versions that are not older than the heir: the page was not written after the first file's
 *     end, or the version would have it elsewhere.
 *   - In older ones, if a version that is not has the page at the same place: then it was not
 *     written in between.
 * Elsewhere the heir may be too new; the files that versions still need are named, to be kept until
 * their readers have ended. Versions of another history, which was read before this one, stay as
 * they are.
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
  for (const heir of heirs) {
    const { minTxid, maxTxid } = heir.file;
    const going = new Set<number>();
    for (const { file, ordinal } of known) {
      if (file.maxTxid >= minTxid && file.maxTxid <= maxTxid) going.add(ordinal);
    }
    if (going.size === 0) continue;
    const isHere = (map: PageMap) => map.files === files;
    const like = versions.firstWhere(({ map }) => isHere(map) && map.txid >= maxTxid)?.map;
    if (like === undefined) continue;
    const done: MovedChunks = new Map();
    versions.replaceEach((map) => {
      if (!isHere(map)) return map;
      return map.moved(going, heir.file, heir.index, done, map.txid >= maxTxid ? undefined : like);
    });
  }
  const used = versions.usedOrdinals();
  return new Set(known.filter(({ ordinal }) => used.has(ordinal)).map(({ file }) => file));
}
