/**
 * The binary, typed. The only file that loads it.
 *
 * `exiting`, `engineAlive`, `engineNumber`, `askAllow`, `mountReads`, `releaseFreed` and the codec
 * may be called on any thread, all else on the engine thread only.
 */

import "./check-node.ts";
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolveBinary } from "./resolve-binary.ts";

export interface NativeState {
  readonly seq: number;
  readonly txid: bigint;
  readonly pageCount: number;
  readonly changeCounter: number;
  readonly pageSize: number;
  /** Read transactions that are open now. */
  readonly pins: number;
  /** Files of connections that are open, or that show this. */
  readonly files: number;
  /** Reads answered without the engine, and with it. */
  readonly hits: number;
  readonly misses: number;
}

export interface NativeRecovered {
  readonly baseTxid: bigint;
  readonly pageSize: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly pageCount: number;
}

export interface NativePending {
  readonly seq: number;
  readonly pageCount: number;
  readonly pageSize: number;
  readonly pgnos: Uint32Array;
}

export interface Native {
  engineStart(onWake: () => void): void;
  engineAlive(): boolean;
  /** Of the engine that is alive, and of no other one; 0 when none is. */
  engineNumber(): number;
  exiting(): void;
  /** Five numbers per request: kind, mount, id, pgno, seq. Empty when there is none. */
  takeRequests(): Float64Array;
  answer(id: number, resultCode: number, page?: Uint8Array, message?: string): void;

  mountCreate(
    name: string,
    write: boolean,
    pageSize: number,
    timeoutMs: number,
    seq: number,
    txid: bigint,
    pageCount: number,
    changeCounter: number,
    /** 0: no limit. */
    journalBytesMax: number,
    remote: boolean,
  ): number;
  mountActivate(mount: number): boolean;
  mountClose(mount: number, reason: string): void;
  mountState(mount: number): NativeState;
  /** Undefined when it has been closed and nobody uses it any more. */
  mountReads(mount: number): readonly [hits: number, misses: number] | undefined;
  /** `timeMs`, here and below: 0 for a time that is not known. */
  publish(
    mount: number,
    pageCount: number,
    changeCounter: number,
    txid: bigint,
    timeMs: number,
  ): number;
  setTxid(mount: number, txid: bigint, timeMs: number): void;
  /** Below 0: it is, until told otherwise. */
  setCurrent(mount: number, agoMs: number): void;
  setWritable(mount: number, writable: boolean, reason: string): void;
  oldestPin(mount: number): number;
  isWriting(mount: number): boolean;
  /** False while a COMMIT is under way. */
  endCommits(mount: number, reason: string): boolean;
  /** False while a write transaction is open. */
  switchMode(mount: number, write: boolean, pageOne?: Uint8Array): boolean;
  /** Memory that is free already goes back to the system, where that is not done anyway. */
  releaseFreed(): void;

  /** One moment for good. Before it is active. */
  mountFreeze(mount: number): void;
  /** What a connection wants to see; undefined when it does not wait any more. */
  travelMoment(ticket: number): string | undefined;
  /** The connection shows that mount next. False when it does not wait any more. */
  travelArrive(ticket: number, mount: number, timeMs: number): boolean;

  /** From now on a file name may ask for a mount, in libraries that are taught later. */
  askAllow(): void;
  /** Names and values, each ended by a zero; undefined when nobody waits any more. */
  askText(ticket: number): string | undefined;
  /** The connection opens that mount. False when it does not wait any more. */
  askArrive(ticket: number, mount: number): boolean;

  /** Addresses for so many bytes, if there are as many; `byteLength` at the least. */
  cacheReserve(mount: number, byteLength: number, byteLengthMax: number): number;
  /** These bytes, zero, can be used from now on. No byte is asked for twice. */
  cacheExtend(mount: number, offset: number, endOffset: number): void;
  /** Of addresses that are reserved; those in use can be touched. */
  cacheBuffer(mount: number, offset: number, endOffset: number): ArrayBuffer;
  /** Gives back the memory of these bytes, which can be used again. */
  cacheRelease(mount: number, offset: number, endOffset: number): void;
  cachePublish(mount: number): void;

  journalRecover(mount: number, path: string, adopt: boolean): NativeRecovered;
  journalRotate(mount: number, path: string, baseTxid: bigint): boolean;
  /** `stagedSeq` 0: up to what is published. */
  journalCollect(mount: number, afterSeq: number, stagedSeq: number): NativePending | undefined;
  journalRead(mount: number, pgnos: Uint32Array, seq: number, out: Uint8Array): void;
  journalRetire(mount: number, seq: number): string[];
  /** The path of a segment that nobody has written to. */
  journalEnd(mount: number): string | undefined;
  journalBytes(mount: number): number;
  journalFsync(mount: number): void;
  journalArmNotice(mount: number): number;

  /** By flock(); undefined when somebody else has it. The text is for others to read. */
  fileLock(path: string, text: string): number | undefined;
  fileUnlock(lock: number): void;

  imageOpen(mount: number, path: string, stays: boolean): void;
  imageTell(mount: number, permille: number): void;
  imageMark(mount: number, pgnos: Uint32Array, present: boolean): void;
  imageClose(mount: number): void;

  /** These throw where a range does not lie in its array; what bytes say never makes them throw. */
  codecCrc64(state: Int32Array, bytes: Uint8Array, start: number, end: number): void;
  codecCompress(
    source: Uint8Array,
    sourceStart: number,
    sourceEnd: number,
    target: Uint8Array,
    targetStart: number,
  ): number;
  /** Below 0 if LZ4 refuses the block. */
  codecDecompress(
    source: Uint8Array,
    sourceStart: number,
    sourceEnd: number,
    target: Uint8Array,
    targetStart: number,
    targetEnd: number,
  ): number;
}

/** What SQLite must be given to load the page device. */
export const extensionPath: string = resolveBinary();

const { dev, ino } = statSync(extensionPath, { bigint: true });

/**
 * Tells the binary from others as the system does that loads it: what package managers link to
 * several places is one file, and there is one engine for all copies of this package that have it.
 */
export const binaryId: string = `${dev}.${ino}`;

export const native: Native = createRequire(import.meta.url)(extensionPath) as Native;
