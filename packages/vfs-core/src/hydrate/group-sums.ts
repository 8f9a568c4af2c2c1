/**
 * The entries of a record's groups: a bit for each page of 64, and the checksum of those pages as
 * the image has them.
 */

import { Crc64 } from "@headwater/ltx";
import type { ImageFile } from "../disk/image-file.ts";
import { GROUP_PAGES, GROUP_RECORD_BYTES } from "./image-record.ts";

const BITS_BYTES = GROUP_PAGES / 8;

export function groupOf(pgno: number): number {
  return Math.floor(pgno / GROUP_PAGES);
}

/** The entry of one group, in place. */
export function entryOf(groups: Uint8Array, group: number): Uint8Array {
  const start = group * GROUP_RECORD_BYTES;
  return groups.subarray(start, start + GROUP_RECORD_BYTES);
}

/** Whether the entry is for exactly these pages. */
export function isEntryFor(entry: Uint8Array, pgnos: readonly number[]): boolean {
  return bitsOf(pgnos).every((byte, index) => byte === entry[index]);
}

/** Ascending. */
export function pagesOfEntry(group: number, entry: Uint8Array): number[] {
  const pgnos: number[] = [];
  for (let index = 0; index < GROUP_PAGES; index += 1) {
    if (((entry[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0) {
      pgnos.push(group * GROUP_PAGES + index);
    }
  }
  return pgnos;
}

/** Makes the entries of groups, one at a time. */
export class GroupSums {
  readonly #image: ImageFile;
  #bytes = new Uint8Array(0);

  constructor(image: ImageFile) {
    this.#image = image;
  }

  /** What the entry is for these pages of one group, as they are in the image. */
  async sum(pageSize: number, group: number, pgnos: readonly number[]): Promise<Uint8Array> {
    const first = Math.max(group * GROUP_PAGES, 1);
    const size = GROUP_PAGES * pageSize;
    if (this.#bytes.byteLength < size) this.#bytes = new Uint8Array(size);
    const bytes = this.#bytes;
    const length = await this.#image.read(bytes, (first - 1) * pageSize);
    const entry = new Uint8Array(GROUP_RECORD_BYTES);
    entry.set(bitsOf(pgnos));
    const crc = new Crc64().update(entry, 0, BITS_BYTES);
    for (const pgno of pgnos) {
      const start = (pgno - first) * pageSize;
      crc.update(bytes, Math.min(start, length), Math.min(start + pageSize, length));
    }
    new DataView(entry.buffer).setBigUint64(BITS_BYTES, crc.value());
    return entry;
  }
}

function bitsOf(pgnos: readonly number[]): Uint8Array {
  const bits = new Uint8Array(BITS_BYTES);
  for (const pgno of pgnos) {
    const index = pgno % GROUP_PAGES;
    bits[index >>> 3]! |= 1 << (index & 7);
  }
  return bits;
}
