/**
 * A page device without SQLite and without native code: programs read pages of a replica with it.
 *
 * It reads only. Pages come from the engine, which has the cache.
 */

import { bufferMemory, type CacheMemory } from "@headwater/page-cache";
import { type Deferred, deferred } from "../deferred.ts";
import type { DeviceFactory, DeviceOptions } from "../device-factory.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLockAttempt } from "../file-locks.ts";
import { LOCAL_CACHE_GROWTH } from "../limits.ts";
import type {
  CommitJournal,
  DeviceAnswer,
  DeviceEvents,
  DeviceState,
  ImageMap,
  PageDevice,
  PublishedState,
  ReadCounts,
} from "../page-device.ts";
import { lockInMemory } from "./memory-locks.ts";

/**
 * The database as of one moment. It stays so until it is disposed of, which must not be forgotten.
 */
export interface PageSnapshot extends Disposable {
  readonly seq: number;
  readonly txid: bigint;
  readonly pageSize: number;
  readonly pageCount: number;
  /** Page 1 and up. The bytes are the caller's own, and are those of the LTX file, unchanged. */
  readPage(pgno: number): Promise<Uint8Array>;
}

const CODES = {
  READ_FAILED: "STORE_UNAVAILABLE",
  CORRUPT: "REPLICA_DAMAGED",
  BUSY: "TIMEOUT",
  SYNC_FAILED: "STORE_UNAVAILABLE",
  CLOSED: "CLOSED",
} as const;

export class LocalDevice implements PageDevice {
  readonly journal: CommitJournal = noJournal;
  readonly image: ImageMap = noImage;
  readonly #events: DeviceEvents;
  readonly #pageSize: number;
  readonly #pins = new Map<number, number>();
  readonly #waiting = new Map<number, Deferred<Uint8Array>>();
  #published: PublishedState;
  #seq: number;
  #lastId = 0;
  #isClosed = false;

  constructor({ pageSize, seq, state }: DeviceOptions, events: DeviceEvents) {
    this.#events = events;
    this.#pageSize = pageSize;
    this.#published = state;
    this.#seq = seq;
  }

  /** The newest state, pinned. */
  snapshot(): PageSnapshot {
    this.#requireOpen();
    const { seq, txid, pageCount, pageSize } = this.state();
    this.#pins.set(seq, (this.#pins.get(seq) ?? 0) + 1);
    let isPinned = true;
    return {
      seq,
      txid,
      pageSize,
      pageCount,
      readPage: async (pgno) => {
        if (!Number.isInteger(pgno) || pgno < 1 || pgno > pageCount) {
          throw new RangeError(`page ${pgno} of a database of ${pageCount} pages`);
        }
        if (!isPinned) throw new HeadwaterError("CLOSED", "the snapshot has been disposed of");
        return this.#request(pgno, seq);
      },
      [Symbol.dispose]: () => {
        if (isPinned) this.#unpin(seq);
        isPinned = false;
      },
    };
  }

  state(): DeviceState {
    return { ...this.#published, seq: this.#seq, pageSize: this.#pageSize };
  }

  /** The engine has the cache here, and is asked for every page. */
  readCounts(): ReadCounts {
    return { residentCount: 0, missCount: this.#lastId };
  }

  activate(): boolean {
    return true;
  }

  publish(state: PublishedState): number {
    this.#published = state;
    this.#seq += 1;
    return this.#seq;
  }

  setTxid(txid: bigint, createdAtMs: number | undefined): void {
    this.#published = { ...this.#published, txid, createdAtMs };
  }

  oldestPin(): number {
    return Math.min(this.#seq, ...this.#pins.keys());
  }

  answer(id: number, answer: DeviceAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    switch (answer.type) {
      case "page":
        waiting?.resolve(answer.page.slice());
        return;
      case "error":
        waiting?.reject(new HeadwaterError(CODES[answer.code], answer.message));
        return;
      case "done":
        return;
    }
  }

  reserveCache(byteLength: number, byteLengthMax: number): CacheMemory {
    const maxByteLength = Math.min(byteLengthMax, LOCAL_CACHE_GROWTH * byteLength);
    return bufferMemory(new ArrayBuffer(0, { maxByteLength }));
  }

  publishCache(): void {
    // The cache is the engine's own here.
  }

  setCurrent(): void {
    // Who asks, asks the mount.
  }

  setWritable(): void {
    // Nobody can write anyway.
  }

  endCommits(): boolean {
    return true;
  }

  isWriting(): boolean {
    return false;
  }

  isInUse(): boolean {
    return this.#pins.size > 0;
  }

  switchMode(): void {
    throw new Error("a device that only reads has one mode");
  }

  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new HeadwaterError("CLOSED", "the replica has been closed"));
    }
    this.#waiting.clear();
  }

  #request(pgno: number, seq: number): Promise<Uint8Array> {
    this.#requireOpen();
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting = deferred<Uint8Array>();
    this.#waiting.set(id, waiting);
    this.#events.onRequest({ type: "read", id, pgno, seq });
    return waiting.promise;
  }

  #unpin(seq: number): void {
    const left = (this.#pins.get(seq) ?? 1) - 1;
    if (left === 0) this.#pins.delete(seq);
    else this.#pins.set(seq, left);
    if (this.#pins.size === 0) this.#events.onUnused();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new HeadwaterError("CLOSED", "the replica has been closed");
  }
}

/** For `openMount`; `device`, which is the present's, is there once it has resolved. */
export class LocalDeviceFactory implements DeviceFactory {
  device: LocalDevice | undefined;

  create(options: DeviceOptions, events: DeviceEvents): LocalDevice {
    if (options.mode !== "read") {
      throw new HeadwaterError("OPTION_INVALID", "without native code a replica can only be read");
    }
    const device = new LocalDevice(options, events);
    if (options.isPast !== true) this.device = device;
    return device;
  }

  lockFile(path: string, text: string): FileLockAttempt {
    return lockInMemory(path, text);
  }
}

function refuse(): never {
  throw new Error("a device that only reads has no journal");
}

const noJournal: CommitJournal = {
  recover: refuse,
  inspect: refuse,
  rotate: refuse,
  collect: refuse,
  readPages: refuse,
  retire: refuse,
  end: refuse,
  sizeBytes: () => 0,
  fsync: refuse,
  armNotice: refuse,
};

/** The image is filled, but nobody reads from it here. */
const noImage: ImageMap = {
  open: () => {},
  tell: () => {},
  markPresent: () => {},
  markAbsent: () => {},
  close: () => {},
};
