/**
 * A change of a database file that others have open: as SQLite itself would make it.
 *
 * Always true:
 *   - Whoever reads through SQLite sees the state before or the one after, and nothing in between:
 *     from the first byte that is written until the end, the file is locked for all others.
 *   - After a crash at any moment it is the state before: rollback-journal.ts.
 *   - The change counter grows, so that nobody goes on with pages from before; and the file says
 *     that it is in rollback mode, which is what the two above rest on.
 *
 * What comes is held in memory until there is too much of it, so that small changes are fetched
 * before anybody is locked out.
 */

import { lockPgno, type PageSize } from "@headwater/ltx";
import type { Random } from "../clock.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { CHANGE_BYTES_HELD } from "../limits.ts";
import { writeAll } from "./apply-file.ts";
import { type OldPage, RollbackJournal } from "./rollback-journal.ts";

/** Makes a file that nobody uses yet fit for changes in place. */
export async function beginInPlace(handle: ImageHandle, pageCount: number): Promise<void> {
  const header = Buffer.alloc(HEADER_SIZE);
  await handle.read(header, 0, HEADER_SIZE, 0);
  await writeAll(handle, stampHeader(header, pageCount), 0);
}

/** The first bytes of page 1 after a change. */
function stampHeader(header: Buffer, pageCount: number, changeCounter?: number): Buffer {
  const counter = changeCounter ?? header.readUInt32BE(COUNTER_OFFSET);
  header.fill(ROLLBACK_MODE, READ_FORMAT_OFFSET, READ_FORMAT_OFFSET + 2);
  header.writeUInt32BE(counter, COUNTER_OFFSET);
  header.writeUInt32BE(pageCount, PAGE_COUNT_OFFSET);
  header.writeUInt32BE(counter, VALID_FOR_OFFSET);
  return header;
}

export interface DatabaseLock {
  /** Waits until nobody reads, and lets nobody read until what it gives is called. */
  lock(signal: AbortSignal | undefined): Promise<() => void>;
}

export interface ChangeOptions {
  readonly path: string;
  /** Of the database file, for as long as the lock is of use: closing one ends SQLite's locks. */
  readonly handle: ImageHandle;
  readonly lock: DatabaseLock;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
}

interface Run {
  readonly bytes: Uint8Array;
  readonly position: number;
}

interface Locked {
  readonly unlock: () => void;
  readonly journal: RollbackJournal;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly changeCounter: number;
  readonly kept: Set<number>;
}

const HEADER_SIZE = 100;
const PAGE_SIZE_OFFSET = 16;
const READ_FORMAT_OFFSET = 18;
const COUNTER_OFFSET = 24;
const PAGE_COUNT_OFFSET = 28;
const VALID_FOR_OFFSET = 92;
const ROLLBACK_MODE = 1;

export class ChangeInPlace implements ImageHandle {
  readonly #options: ChangeOptions;
  #runs: Run[] = [];
  #heldBytes = 0;
  #size: number | undefined;
  #locked: Locked | undefined;

  constructor(options: ChangeOptions) {
    this.#options = options;
  }

  /** Of the file, as it is. */
  async pageSize(): Promise<number> {
    return (await this.#readHeader()).pageSize;
  }

  async write(bytes: Uint8Array, offset: number, length: number, position: number) {
    this.#runs.push({ bytes: bytes.slice(offset, offset + length), position });
    this.#heldBytes += length;
    if (this.#heldBytes >= CHANGE_BYTES_HELD) await this.#flush();
    return { bytesWritten: length };
  }

  read(): never {
    throw new Error("a change is not read back");
  }

  /** What lies beyond goes at once, so that it is zeros if the file grows again. */
  async truncate(size: number): Promise<void> {
    this.#runs = this.#runs.flatMap(({ bytes, position }) => {
      const length = Math.min(bytes.byteLength, size - position);
      return length <= 0 ? [] : [{ bytes: bytes.subarray(0, length), position }];
    });
    const before = this.#size ?? (await this.#readHeader()).size;
    this.#size = size;
    if (before !== size) await this.#flush();
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}

  /** Makes the change one that has happened. */
  async commit(): Promise<void> {
    await this.#flush();
    const locked = this.#locked;
    if (locked === undefined) return;
    const { handle } = this.#options;
    const header = Buffer.alloc(HEADER_SIZE);
    await this.#keep([1], locked);
    await handle.read(header, 0, HEADER_SIZE, 0);
    const size = this.#size ?? locked.pageCount * locked.pageSize;
    const counter = (locked.changeCounter + 1) >>> 0;
    await writeAll(handle, stampHeader(header, size / locked.pageSize, counter), 0);
    await handle.sync();
    await locked.journal.end();
    locked.unlock();
    this.#locked = undefined;
  }

  /** Gives it up: the next one who opens the file has the state before. */
  async abandon(): Promise<void> {
    const locked = this.#locked;
    this.#locked = undefined;
    await locked?.journal.abandon();
    locked?.unlock();
  }

  async #flush(): Promise<void> {
    const { handle } = this.#options;
    this.#locked ??= await this.#lock();
    const { pageSize, pageCount } = this.#locked;
    const runs = this.#runs;
    this.#runs = [];
    this.#heldBytes = 0;
    const changed: number[] = [];
    for (const { bytes, position } of runs) {
      const first = position / pageSize + 1;
      for (let at = 0; at < bytes.byteLength / pageSize; at += 1) changed.push(first + at);
    }
    const size = this.#size ?? pageCount * pageSize;
    for (let pgno = size / pageSize + 1; pgno <= pageCount; pgno += 1) changed.push(pgno);
    await this.#keep(changed, this.#locked);
    for (const { bytes, position } of runs) await writeAll(handle, bytes, position);
    if (this.#size !== undefined) await handle.truncate(this.#size);
  }

  async #lock(): Promise<Locked> {
    const { path, lock, random, signal } = this.#options;
    const unlock = await lock.lock(signal);
    try {
      const { pageSize, pageCount, changeCounter } = await this.#readHeader();
      const nonce = Math.floor(random() * 2 ** 32);
      const journal = await RollbackJournal.begin(path, { pageSize, pageCount }, nonce);
      return { unlock, journal, pageSize, pageCount, changeCounter, kept: new Set() };
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async #readHeader() {
    const header = Buffer.alloc(HEADER_SIZE);
    await this.#options.handle.read(header, 0, HEADER_SIZE, 0);
    const stored = header.readUInt16BE(PAGE_SIZE_OFFSET);
    const pageSize = stored === 1 ? 65_536 : stored;
    const pageCount = header.readUInt32BE(PAGE_COUNT_OFFSET);
    const changeCounter = header.readUInt32BE(COUNTER_OFFSET);
    return { pageSize, pageCount, changeCounter, size: pageSize * pageCount };
  }

  /** Puts what is about to change into the journal, once. */
  async #keep(
    pgnos: readonly number[],
    { journal, pageSize, pageCount, kept }: Locked,
  ): Promise<void> {
    const { handle } = this.#options;
    const lockPage = lockPgno(pageSize as PageSize);
    let batch: OldPage[] = [];
    const put = async () => {
      if (batch.length > 0) await journal.add(batch);
      batch = [];
    };
    for (const pgno of pgnos) {
      if (kept.has(pgno) || pgno > pageCount || pgno === lockPage) continue;
      kept.add(pgno);
      const page = new Uint8Array(pageSize);
      await handle.read(page, 0, pageSize, (pgno - 1) * pageSize);
      batch.push({ pgno, page });
      if (batch.length * pageSize >= CHANGE_BYTES_HELD) await put();
    }
    await put();
  }
}
