/**
 * Pages out of LTX files that are in memory, whole or from their start, for as long as somebody
 * holds on to this.
 */

import { decodePageFrame, type PageSize, type Pgno } from "@headwater/ltx";
import type { LoadedFile } from "./load-file.ts";
import { isSameFile } from "./ltx-file.ts";
import type { PageLocation } from "./page-map.ts";

export class FileBodies {
  /** By key. A page may be asked for when that is another object's. */
  readonly #loaded = new Map<string, LoadedFile>();
  readonly #pageSize: PageSize;

  constructor(loaded: readonly LoadedFile[], pageSize: number) {
    this.#pageSize = pageSize as PageSize;
    for (const one of loaded) if (one.body !== undefined) this.#loaded.set(one.file.key, one);
  }

  /** The page at that place; undefined when its file is not here, or not sound there. */
  page(pgno: number, location: PageLocation | undefined): Uint8Array | undefined {
    if (location === undefined) return undefined;
    const { file, offset, size } = location;
    const loaded = this.#loaded.get(file.key);
    if (loaded === undefined || !isSameFile(loaded.file, file)) return undefined;
    const frame = loaded.body?.subarray(offset, offset + size);
    if (frame?.byteLength !== size) return undefined;
    try {
      return decodePageFrame(frame, this.#pageSize, { pgno: pgno as Pgno, at: offset }).page;
    } catch {
      // Whoever needs the page will fetch it and be told what is wrong with it.
      return undefined;
    }
  }
}
