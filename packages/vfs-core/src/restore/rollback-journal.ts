/**
 * A rollback journal as SQLite writes it: what a database file was before a change, so that
 * whoever opens the file after a crash in the middle undoes the change without knowing of it.
 *
 * Always true: `add` resolves when the pages are on the disk, with their checksums; until then the
 * database file must not be touched. https://sqlite.org/fileformat2.html#the_rollback_journal
 */

import { dirname } from "node:path";
import { systemImageFiles } from "../disk/image-file.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { writeAll } from "./apply-file.ts";

export interface OldPage {
  readonly pgno: number;
  readonly page: Uint8Array;
}

const MAGIC = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const HEADER_SIZE = 512;
/** As many records as the file is long for. */
const COUNT_BY_SIZE = 0xffff_ffff;
const CHECKSUM_STEP = 200;

export class RollbackJournal {
  readonly #path: string;
  readonly #handle: ImageHandle;
  readonly #pageSize: number;
  readonly #nonce: number;
  #size = HEADER_SIZE;

  private constructor(path: string, handle: ImageHandle, pageSize: number, nonce: number) {
    this.#path = path;
    this.#handle = handle;
    this.#pageSize = pageSize;
    this.#nonce = nonce;
  }

  /** `pageCount`: of the database before the change. `nonce`: 32 bits that nobody can foretell. */
  static async begin(
    databasePath: string,
    before: { readonly pageSize: number; readonly pageCount: number },
    nonce: number,
  ): Promise<RollbackJournal> {
    const path = `${databasePath}-journal`;
    const handle = await systemImageFiles.open(path);
    const header = new Uint8Array(HEADER_SIZE);
    header.set(MAGIC);
    const view = new DataView(header.buffer);
    for (const [at, value] of [
      COUNT_BY_SIZE,
      nonce,
      before.pageCount,
      HEADER_SIZE,
      before.pageSize,
    ].entries()) {
      view.setUint32(MAGIC.length + 4 * at, value);
    }
    await handle.truncate(0);
    await writeAll(handle, header, 0);
    await handle.sync();
    await systemDisk.syncFolder(dirname(path));
    return new RollbackJournal(path, handle, before.pageSize, nonce);
  }

  async add(pages: readonly OldPage[]): Promise<void> {
    const recordSize = 4 + this.#pageSize + 4;
    const bytes = new Uint8Array(pages.length * recordSize);
    const view = new DataView(bytes.buffer);
    for (const [at, { pgno, page }] of pages.entries()) {
      const start = at * recordSize;
      view.setUint32(start, pgno);
      bytes.set(page, start + 4);
      view.setUint32(start + 4 + this.#pageSize, this.#checksum(page));
    }
    await writeAll(this.#handle, bytes, this.#size);
    this.#size += bytes.byteLength;
    await this.#handle.sync();
  }

  /** The change is over: from now on it is not undone. The database file is on the disk. */
  async end(): Promise<void> {
    await this.#handle.close();
    await systemDisk.remove(this.#path);
    await systemDisk.syncFolder(dirname(this.#path));
  }

  /** Leaves it behind: the change is undone by whoever opens the database next. */
  abandon(): Promise<void> {
    return this.#handle.close();
  }

  #checksum(page: Uint8Array): number {
    let sum = this.#nonce;
    for (let at = this.#pageSize - CHECKSUM_STEP; at > 0; at -= CHECKSUM_STEP) sum += page[at]!;
    return sum >>> 0;
  }
}
