/**
 * The page device as the engine sees it: the half that SQLite talks to, one per mount.
 *
 * The page device serves resident pages by itself (its own transaction, the journal, the page
 * cache, the local image) and sends a `DeviceRequest` for any other. Every method here is
 * synchronous, cheap, and called on the engine thread only. `node-binding` implements it over
 * native code; `device/local-device.ts` implements the reading half in TypeScript.
 *
 * Always true:
 *   - Visibility is by seq, which grows by one at each local commit and each applied poll.
 *   - A reader pins the newest seq when its read transaction starts and sees exactly that seq until
 *     it ends. `oldestPin()` is the lowest seq that any reader still needs.
 *   - Look-up order: own uncommitted pages, journal pages visible to the pin, cache frame valid at
 *     the pin, local image, request to the engine.
 */

import type { CacheMemory } from "@headwater/page-cache";
import type { Moment } from "./restore-plan.ts";

/** What all readers that start from now on see. */
export interface PublishedState {
  readonly pageCount: number;
  /** Bytes 24-27 of page 1 in read mode: grows, modulo 2^32, when the content may have changed. */
  readonly changeCounter: number;
  /** Newest transaction of the replica that this state includes; 0n when the replica is empty. */
  readonly txid: bigint;
  /** When that was made, as far as is known. */
  readonly createdAtMs?: number | undefined;
}

export interface DeviceState extends PublishedState {
  readonly seq: number;
  /** Zero until the first commit of a new database has fixed it. */
  readonly pageSize: number;
}

/** Pages that read transactions asked the device for; an open one is not counted yet. */
export interface ReadCounts {
  /** Answered by the device itself, from the page cache or the local image. */
  readonly residentCount: number;
  /** Asked of the engine. */
  readonly missCount: number;
}

/** What a SQLite thread waits for. Answer each exactly once. */
export type DeviceRequest =
  | {
      /** A page that the device does not hold. */
      readonly type: "read";
      readonly id: number;
      readonly pgno: number;
      /** The pin of the reader: answer with the page as of this seq. */
      readonly seq: number;
    }
  | {
      /**
       * `PRAGMA headwater_sync`: answer "done" once everything committed so far is in the bucket.
       */
      readonly type: "sync";
      readonly id: number;
    }
  | {
      /**
       * A COMMIT that returns only when the bucket has it: answer "done" once it has. Until then
       * the commit is staged: `collect` and `readPages` see it, readers do not. It is published
       * with the answer "done", and taken back with an error. It has no deadline but the engine's.
       */
      readonly type: "commit";
      readonly id: number;
      readonly seq: number;
    }
  | {
      /** `PRAGMA headwater_time`: answer "done" once the connection has arrived. */
      readonly type: "travel";
      readonly id: number;
      readonly journey: Journey;
    };

/** Of a connection that is to show an earlier moment. */
export interface Journey {
  /** Rejects with one sentence when what was asked for is no moment. */
  readonly moment: () => Promise<Moment>;
  /**
   * The connection shows that device from its next transaction on, and counts with it until it goes
   * elsewhere. False when nobody waits any more.
   */
  readonly arrive: (past: PageDevice, moment: Moment) => boolean;
}

/** How a request ends; the native half turns it into an SQLite result code in one place. */
export type DeviceAnswer =
  | { readonly type: "page"; readonly page: Uint8Array }
  | { readonly type: "done" }
  | { readonly type: "error"; readonly code: DeviceErrorCode; readonly message: string };

export type DeviceErrorCode = "READ_FAILED" | "CORRUPT" | "BUSY" | "SYNC_FAILED" | "CLOSED";

export interface PageDevice {
  state(): DeviceState;
  readCounts(): ReadCounts;
  /** From now on SQLite finds the device by its name. False when another one has the name. */
  activate(): boolean;
  /** Read mode: makes a new state visible to readers that start from now on; returns its seq. */
  publish(state: PublishedState): number;
  /** Write mode: the bucket now stands at this txid. Visibility does not change. */
  setTxid(txid: bigint, createdAtMs: number | undefined): void;
  /** The lowest seq that is pinned, or the newest seq when nobody reads. */
  oldestPin(): number;
  answer(id: number, answer: DeviceAnswer): void;

  /**
   * Memory for the page cache, zeroed, shared with the native half: at least `byteLength`, and as
   * far as there are addresses, up to `byteLengthMax`. The device looks at it only after
   * `publishCache()`. Called once, when the page size is known.
   */
  reserveCache(byteLength: number, byteLengthMax: number): CacheMemory;
  publishCache(): void;

  /**
   * What is shown was the newest state there is so long ago; undefined: it is, until told
   * otherwise, as a writer's own. For those who ask the device how old it may be.
   */
  setCurrent(agoMs: number | undefined): void;

  /** Stops (or allows) write transactions; the reason is what the user is told. */
  setWritable(writable: boolean, reason: string): void;
  /**
   * For good: a COMMIT that begins now fails, also that of a transaction that is open. False while
   * one is under way that began before: ask again.
   */
  endCommits(reason: string): boolean;
  /** Whether a write transaction is open now. */
  isWriting(): boolean;
  /** Whether a connection shows this device, or may do so with its next transaction. */
  isInUse(): boolean;
  /**
   * The same state in the other mode, while no write transaction is open: the bucket has all of it.
   * Connections and pins stay, and what a reader is shown changes only with its next transaction.
   * To write, a segment must have been started; to read, the journal ended. `pageOne` is page 1 of
   * that state, undefined when it has none. Afterwards `state().changeCounter` is the number that
   * bytes 24-27 of page 1 show: what is published later must go on counting from there.
   */
  switchMode(mode: "read" | "write", pageOne: Uint8Array | undefined): void;

  readonly journal: CommitJournal;
  readonly image: ImageMap;

  /** No further requests come; those that wait are answered with `CLOSED`. */
  close(): void;
}

/** Commits that are not yet in the bucket. Native in production: SQLite's thread appends to it. */
export interface CommitJournal {
  /**
   * Indexes an existing segment file up to its last whole commit, oldest segment first, before the
   * device is active. If its last commit is newer than the state, it becomes the state. An empty
   * file is a segment without commits.
   */
  recover(path: string): RecoveredSegment;
  /** What a segment file holds, and nothing else: neither the index nor the state changes. */
  inspect(path: string): RecoveredSegment;
  /**
   * Starts a new segment file for the transactions to come; one that is writing to the present
   * segment ends there. False, and no file, when the one started last waits for that still.
   */
  rotate(path: string, baseTxid: bigint): boolean;
  /**
   * What must be uploaded to bring the bucket from `afterSeq` to now, or to the staged commit that
   * is named; undefined if nothing.
   */
  collect(afterSeq: number, stagedSeq?: number): PendingPages | undefined;
  /**
   * Copies the newest version, not after `seq`, of each page, one after another, into `out`. Throws
   * when `seq` is a commit that was staged and has been taken back.
   */
  readPages(pgnos: Uint32Array, seq: number, out: Uint8Array): void;
  /**
   * Everything up to `seq` is in the bucket and in the page map. Forgets the segments (except the
   * active one; recovered ones never are) whose last commit is not after it, as soon as no reader
   * needs them; returns the paths of those files, which may be unlinked at once.
   */
  retire(seq: number): string[];
  /**
   * No commits any more, until another `rotate`: forgets all segments, as `retire` does with those
   * that are done. Everything is in the bucket, up to `seq`, which is the newest commit.
   */
  end(seq: number): string[];
  /** Bytes of the segments that hold commits which are not known to be in the bucket. */
  sizeBytes(): number;
  /** Flushes the active segment to disk. */
  fsync(): void;
  /**
   * Asks for one notice (`DeviceEvents.onCommit`) at the next commit. Returns the newest seq, so
   * that a commit between two calls is never missed.
   */
  armNotice(): number;
}

export interface RecoveredSegment {
  readonly baseTxid: bigint;
  readonly pageSize: number;
  /** Zero when the segment holds no whole commit. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly pageCount: number;
}

export interface PendingPages {
  /** The commit that the upload brings the bucket to. */
  readonly seq: number;
  readonly pageCount: number;
  readonly pageSize: number;
  /** Ascending, none above pageCount, the lock page never among them. */
  readonly pgnos: Uint32Array;
}

/** Which pages of the local image may be read in place of the bucket. */
export interface ImageMap {
  /** Opens the image file for reading. Nothing is present yet. `stays`: after the mount. */
  open(path: string, options: { readonly stays: boolean }): void;
  /**
   * How many of a thousand pages are in the image, for those who ask the device; a thousand means
   * that it is complete.
   */
  tell(permille: number): void;
  /** Readers may use these pages of the image from now on, whatever their pin. */
  markPresent(pgnos: Uint32Array): void;
  /** Readers stop using them; a read in flight is validated and repeated. */
  markAbsent(pgnos: Uint32Array): void;
  close(): void;
}

/** What the device tells the engine, on the engine thread. */
export interface DeviceEvents {
  onRequest(request: DeviceRequest): void;
  /** A commit was made after `armNotice()`. */
  onCommit(): void;
  /** A COMMIT waits, or has failed, because the journal is at its limit. */
  onFull(): void;
  /** No connection shows the device any more. */
  onUnused(): void;
}
