/**
 * The folder where commits wait for their upload, and what is known of uploads, on disk.
 *
 *   <16 digits>.journal   segments, written by the page device; a higher number is newer
 *   state.json            how far the bucket has everything
 *   intent.json           the uploads that may have been sent for the next transaction
 *   lease.json            by what the lease of the last writer is known; see holder-trail.ts
 *   replica.json          which replica the folder belongs to, and whether it was made for it
 *   lock                  locked while a process uses it, which it names
 *
 * Always true:
 *   - A record is written and durable before what it speaks of is done.
 *   - Nothing in the folder is touched but by the holder of its lock, which goes last: whoever gets
 *     the lock has a folder that nobody takes away.
 */

import { join } from "node:path";
import type { LeaseTrail } from "@headwater/lease";
import { HeadwaterError } from "../errors.ts";
import { type FileLock, type FileLocks, type LockResult, takeLock } from "../file-locks.ts";
import { FOLDER_TRIES } from "../limits.ts";
import type { Disk } from "./disk.ts";
import { draftOf, writeDurably } from "./durable-file.ts";
import { HolderTrail, TRAIL_NAME } from "./holder-trail.ts";
import { systemDisk } from "./system-disk.ts";

/** The bucket stands at `txid` and has every commit up to `seq`. */
export interface SyncedPoint {
  readonly txid: bigint;
  readonly seq: number;
  /** Of the file that brought the bucket there, if it was ours. */
  readonly fileChecksum?: bigint | undefined;
}

/** An upload that may or may not have been made. */
export interface UploadIntent extends SyncedPoint {
  readonly fileChecksum: bigint;
  /** Its newest commit was not made in the end, and another one may have its number. */
  readonly isTakenBack?: boolean | undefined;
}

const SEGMENT_NAME = /^(\d{16})\.journal$/;
const RECORD_VERSION = 1;

const LOCK_NAME = "lock";
/** In the order in which they may go. */
const RECORD_NAMES = [TRAIL_NAME, "intent.json", "state.json", "replica.json"];

/** Uploads remembered for one transaction. Each takes a run that ended in the middle of one. */
const INTENTS_MAX = 16;

export class JournalFolder {
  readonly path: string;
  /** Segments that were here when the folder was opened, the oldest first. */
  readonly segments: readonly string[];
  /** As it was when the folder was opened. */
  readonly synced: SyncedPoint | undefined;
  /** The replica that the folder belongs to. */
  readonly identity: string;
  readonly #disk: Disk;
  readonly #lock: FileLock;
  readonly #trail: HolderTrail;
  /** Else it belongs to the user, and stays. */
  readonly #isMade: boolean;
  #isOpen = true;
  #intents: readonly UploadIntent[];
  #lastNumber: number;

  private constructor({ path, disk, lock, trail }: Locked, found: Found) {
    this.path = path;
    this.#disk = disk;
    this.#lock = lock;
    this.#trail = trail;
    this.#isMade = found.isMade;
    this.identity = found.identity;
    this.segments = found.numbers.map((number) => segmentPath(path, number));
    this.#lastNumber = found.numbers.at(-1) ?? 0;
    this.synced = found.synced;
    this.#intents = found.intents;
  }

  /** `identity` names the replica: a folder of another one is refused. */
  static async open(
    path: string,
    identity: string,
    locks: FileLocks,
    disk: Disk = systemDisk,
  ): Promise<JournalFolder> {
    const { isMade, result } = await lockFolder(path, locks, disk);
    if (result.type === "held") {
      const sentence = `the journal ${path} is used by ${result.holder}`;
      throw new HeadwaterError("JOURNAL_LOCKED", sentence);
    }
    const { lock } = result;
    try {
      const claim = await claimFor(disk, path, { identity, isMade });
      const found = { ...claim, identity, ...(await findRecords(disk, path)) };
      const trail = await HolderTrail.open({ disk, path, place: lock.place });
      return new JournalFolder({ path, disk, lock, trail }, found);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * What an earlier run has left, of whatever replica, for those who look into it. Rejects with
   * JOURNAL_INVALID where there is nothing, and makes no folder.
   */
  static async openLeft(
    path: string,
    locks: FileLocks,
    disk: Disk = systemDisk,
  ): Promise<JournalFolder> {
    const record = await readRecord(disk, path, "replica.json");
    if (record === undefined) {
      const sentence = `there is no journal in ${path}; check the folder`;
      throw new HeadwaterError("JOURNAL_INVALID", sentence);
    }
    return JournalFolder.open(path, String(record.replica), locks, disk);
  }

  /** Nothing that an earlier run has left, nor that this one has sent. */
  get isUnused(): boolean {
    const isEmpty = this.segments.length === 0 && this.#trail.left.length === 0;
    return isEmpty && this.synced === undefined && this.#intents.length === 0;
  }

  /** For the lease under which the folder is used. */
  get trail(): LeaseTrail {
    return this.#trail;
  }

  /**
   * As it is on the disk by now, in place of this one. Not unlocked in between: whoever has the
   * lock takes the lease of the one who had it before.
   */
  async reread(): Promise<JournalFolder> {
    const { path, identity } = this;
    const [disk, lock, trail] = [this.#disk, this.#lock, this.#trail];
    const found = { identity, isMade: this.#isMade, ...(await findRecords(disk, path)) };
    this.#isOpen = false;
    return new JournalFolder({ path, disk, lock, trail }, found);
  }

  /** The path of a segment that is not there yet. */
  nextSegmentPath(): string {
    this.#lastNumber += 1;
    return segmentPath(this.path, this.#lastNumber);
  }

  async writeSynced(point: SyncedPoint): Promise<void> {
    await this.#write("state.json", toRecord(point));
  }

  /**
   * Every upload that may have been sent for the newest transaction that one was sent for, the
   * oldest first. There are several when a process ended before it knew what became of its own.
   */
  get intents(): readonly UploadIntent[] {
    return this.#intents;
  }

  async writeIntent(intent: UploadIntent): Promise<void> {
    const { txid, seq, fileChecksum } = intent;
    const others = this.#intents.filter(
      (other) => other.txid === txid && other.fileChecksum !== fileChecksum,
    );
    await this.#writeIntents([...others.slice(1 - INTENTS_MAX), { txid, seq, fileChecksum }]);
  }

  /** Of an upload that was never sent. It is gone from the disk with the next one. */
  forgetIntent({ fileChecksum }: Pick<UploadIntent, "fileChecksum">): void {
    this.#intents = this.#intents.filter((other) => other.fileChecksum !== fileChecksum);
  }

  /** The journal ends at this commit: uploads that hold a later one hold one that was not made. */
  async markTakenBack(lastSeq: number): Promise<void> {
    if (this.#intents.every(({ seq, isTakenBack }) => seq <= lastSeq || isTakenBack)) return;
    const marked = this.#intents.map((intent) =>
      intent.seq <= lastSeq ? intent : { ...intent, isTakenBack: true },
    );
    await this.#writeIntents(marked);
  }

  async remove(segmentPaths: readonly string[]): Promise<void> {
    await Promise.all(segmentPaths.map((path) => this.#disk.remove(path)));
  }

  /** The same, and none of them comes back after a loss of power. */
  async removeForGood(segmentPaths: readonly string[]): Promise<void> {
    await this.remove(segmentPaths);
    await this.#disk.syncFolder(this.path);
  }

  /** Lets go of the folder and leaves everything in it to the next one who opens it. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#trail.close();
    this.#lock.release();
  }

  /**
   * Lets go of the folder and takes away what is in it, for the bucket has everything; the folder,
   * too, if it was made for this and nobody else has come into it. Folders above it stay: others
   * may be about to use them. Whatever is left when this ends in the middle means the same, for
   * segments go before the records that say so.
   */
  async discard(): Promise<void> {
    if (!this.#isOpen) return;
    try {
      await this.#trail.close();
      const names = await this.#disk.list(this.path);
      const segments = names.filter((name) => SEGMENT_NAME.test(name));
      await this.removeForGood(segments.map((name) => join(this.path, name)));
      const drafts = RECORD_NAMES.map(draftOf).filter((name) => names.includes(name));
      for (const name of [...drafts, ...RECORD_NAMES, LOCK_NAME]) {
        await this.#disk.remove(join(this.path, name));
      }
      if (this.#isMade) await this.#disk.removeFolder(this.path);
    } finally {
      await this.close();
    }
  }

  /** An upload whose record could not be written is not sent, so it takes nobody's place. */
  async #writeIntents(intents: readonly UploadIntent[]): Promise<void> {
    const records = intents.map(({ isTakenBack, ...point }) => ({
      ...toRecord(point),
      ...(isTakenBack === true ? { isTakenBack } : {}),
    }));
    await this.#write("intent.json", { intents: records });
    this.#intents = intents;
  }

  async #write(name: string, record: object): Promise<void> {
    const text = JSON.stringify({ version: RECORD_VERSION, ...record });
    await writeDurably(this.#disk, join(this.path, name), `${text}\n`);
  }
}

interface Locked {
  readonly path: string;
  readonly disk: Disk;
  readonly lock: FileLock;
  readonly trail: HolderTrail;
}

interface LockedFolder {
  /** It was not there before. */
  readonly isMade: boolean;
  readonly result: LockResult;
}

/** Whoever leaves the folder may take it away between two steps of this: then it is made again. */
async function lockFolder(path: string, locks: FileLocks, disk: Disk): Promise<LockedFolder> {
  for (let tries = 1; ; tries += 1) {
    try {
      const isMade = await disk.makeFolder(path);
      return { isMade, result: takeLock(locks, join(path, LOCK_NAME)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" && tries < FOLDER_TRIES) continue;
      const sentence = `cannot use the journal folder ${path}: ${(error as Error).message}`;
      throw new HeadwaterError("JOURNAL_INVALID", sentence, { cause: error });
    }
  }
}

interface Claim {
  readonly identity: string;
  readonly isMade: boolean;
}

interface Found extends Claim {
  readonly numbers: readonly number[];
  readonly synced: SyncedPoint | undefined;
  readonly intents: readonly UploadIntent[];
}

async function findRecords(disk: Disk, path: string): Promise<Omit<Found, keyof Claim>> {
  const numbers: number[] = [];
  for (const name of await disk.list(path)) {
    const match = SEGMENT_NAME.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  const state = await readRecord(disk, path, "state.json");
  const record = await readRecord(disk, path, "intent.json");
  return {
    numbers: numbers.sort((a, b) => a - b),
    synced: state && toPoint(path, state),
    intents: record === undefined ? [] : toIntents(path, record.intents),
  };
}

/** What the folder says of itself; it says it from now on if it is new. */
async function claimFor(disk: Disk, path: string, claim: Claim): Promise<Pick<Claim, "isMade">> {
  const { identity, isMade } = claim;
  const record = await readRecord(disk, path, "replica.json");
  if (record === undefined) {
    const text = JSON.stringify({ version: RECORD_VERSION, replica: identity, isMade });
    await writeDurably(disk, join(path, "replica.json"), `${text}\n`);
    return { isMade };
  }
  if (record.replica === identity) return { isMade: record.isMade === true };
  const sentence = `the journal ${path} belongs to ${String(record.replica)}, not to ${identity}`;
  throw new HeadwaterError("JOURNAL_INVALID", sentence);
}

async function readRecord(
  disk: Disk,
  path: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  let record: unknown;
  try {
    const text = await disk.read(join(path, name));
    if (text === undefined) return undefined;
    record = JSON.parse(text);
  } catch (error) {
    throw invalid(path, `${name} cannot be read`, error);
  }
  if (typeof record !== "object" || record === null) throw invalid(path, `${name} is no record`);
  const { version } = record as { readonly version?: unknown };
  if (version !== RECORD_VERSION) throw invalid(path, `${name} is of version ${String(version)}`);
  return record as Readonly<Record<string, unknown>>;
}

function toPoint(path: string, record: Readonly<Record<string, unknown>>): SyncedPoint {
  const { seq } = record;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 0) {
    throw invalid(path, `a record names the commit ${String(seq)}`);
  }
  const { fileChecksum } = record;
  if (fileChecksum === undefined) return { txid: toBigInt(path, record.txid), seq };
  return { txid: toBigInt(path, record.txid), seq, fileChecksum: toBigInt(path, fileChecksum) };
}

function toIntents(path: string, records: unknown): UploadIntent[] {
  if (!Array.isArray(records)) throw invalid(path, "intent.json names no uploads");
  return records.map((record) => {
    const fields = record as Readonly<Record<string, unknown>>;
    const { fileChecksum, ...point } = toPoint(path, fields);
    if (fileChecksum === undefined) throw invalid(path, "an upload without a checksum");
    const isTakenBack = fields.isTakenBack === true;
    return isTakenBack ? { ...point, fileChecksum, isTakenBack } : { ...point, fileChecksum };
  });
}

function toRecord({ txid, seq, fileChecksum }: SyncedPoint): object {
  return { txid: txid.toString(), seq, fileChecksum: fileChecksum?.toString() };
}

function toBigInt(path: string, value: unknown): bigint {
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return BigInt(value);
  throw invalid(path, `a record holds ${String(value)} where a number should be`);
}

function invalid(path: string, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("JOURNAL_INVALID", `the journal ${path} is damaged: ${what}`, {
    cause,
  });
}

function segmentPath(path: string, number: number): string {
  return join(path, `${String(number).padStart(16, "0")}.journal`);
}
