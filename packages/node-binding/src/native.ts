/**
 * The binary, typed. The only file that loads it.
 *
 * `exiting`, `engineAlive` and the codec may be called on any thread, all else on the engine thread
 * only.
 */

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
  publish(mount: number, pageCount: number, changeCounter: number, txid: bigint): number;
  setTxid(mount: number, txid: bigint): void;
  /** Below 0: it is, until told otherwise. */
  setCurrent(mount: number, agoMs: number): void;
  setWritable(mount: number, writable: boolean, reason: string): void;
  oldestPin(mount: number): number;
  isWriting(mount: number): boolean;
  /** False while a COMMIT is under way. */
  endCommits(mount: number, reason: string): boolean;
  /** False while a write transaction is open. */
  switchMode(mount: number, write: boolean, pageOne?: Uint8Array): boolean;

  /** Addresses for so many bytes, if there are as many; `byteLength` at the least. */
  cacheReserve(mount: number, byteLength: number, byteLengthMax: number): number;
  /** These bytes, zero, can be used from now on. No byte is asked for twice. */
  cacheExtend(mount: number, offset: number, endOffset: number): ArrayBuffer;
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

  imageOpen(mount: number, path: string): void;
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

export const native: Native = createRequire(import.meta.url)(extensionPath) as Native;
