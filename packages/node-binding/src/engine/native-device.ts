/**
 * The page device of one mount, over the native half. Lives on the engine thread.
 */

import type {
  CacheMemory,
  CommitJournal,
  DeviceAnswer,
  DeviceEvents,
  DeviceState,
  Durability,
  ImageMap,
  PageDevice,
  PublishedState,
  ReadCounts,
} from "@headwater/vfs-core";
import type { Native } from "../native.ts";
import { REQUEST_KIND, SQLITE_OK, SQLITE_RESULT } from "../protocol.ts";
import { NativeCacheMemory } from "./native-cache-memory.ts";
import { nativeJourney } from "./native-journey.ts";

const { HW_REQUEST_READ, HW_REQUEST_SYNC, HW_REQUEST_COMMIT, HW_REQUEST_TRAVEL } = REQUEST_KIND;
const { HW_NOTICE_COMMIT, HW_NOTICE_FULL, HW_NOTICE_UNUSED } = REQUEST_KIND;
const { HW_REQUEST_OPEN, HW_REQUEST_LEAVE, HW_REQUEST_ROLE } = REQUEST_KIND;
/** What native code can count: some 49 days. */
const TIMEOUT_MS_MAX = 2 ** 32 - 1;

/** Nobody waits for an answer to these. */
const NOTICES: readonly number[] = [HW_NOTICE_COMMIT, HW_NOTICE_FULL, HW_NOTICE_UNUSED];

export interface NativeDeviceOptions {
  readonly name: string;
  readonly mode: "read" | "write";
  readonly pageSize: number;
  readonly requestTimeoutMs: number;
  readonly seq: number;
  readonly state: PublishedState;
  readonly journalBytesMax?: number | undefined;
  readonly durability?: Durability | undefined;
  readonly isPast?: boolean | undefined;
  readonly onClosed?: (() => void) | undefined;
}

export class NativeDevice implements PageDevice {
  readonly id: number;
  readonly journal: CommitJournal;
  readonly image: ImageMap;
  readonly events: DeviceEvents;
  readonly #native: Native;
  readonly #name: string;
  readonly #onClosed: (() => void) | undefined;
  #closed = false;

  constructor(native: Native, options: NativeDeviceOptions, events: DeviceEvents) {
    const { txid, pageCount, changeCounter, createdAtMs } = options.state;
    this.#native = native;
    this.#name = options.name;
    this.#onClosed = options.onClosed;
    this.events = events;
    this.id = native.mountCreate(
      options.name,
      options.mode === "write",
      options.pageSize,
      Math.min(options.requestTimeoutMs, TIMEOUT_MS_MAX),
      options.seq,
      txid,
      pageCount,
      changeCounter,
      options.journalBytesMax ?? 0,
      options.durability === "remote",
    );
    this.setTxid(txid, createdAtMs);
    if (options.isPast === true) native.mountFreeze(this.id);
    this.journal = nativeJournal(native, this.id);
    this.image = nativeImage(native, this.id);
  }

  get name(): string {
    return this.#name;
  }

  activate(): boolean {
    return this.#native.mountActivate(this.id);
  }

  state(): DeviceState {
    return this.#native.mountState(this.id);
  }

  readCounts(): ReadCounts {
    const { hits, misses } = this.#native.mountState(this.id);
    return { residentCount: hits, missCount: misses };
  }

  publish({ pageCount, changeCounter, txid, createdAtMs = 0 }: PublishedState): number {
    return this.#native.publish(this.id, pageCount, changeCounter, txid, createdAtMs);
  }

  setTxid(txid: bigint, createdAtMs = 0): void {
    this.#native.setTxid(this.id, txid, createdAtMs);
  }

  oldestPin(): number {
    return this.#native.oldestPin(this.id);
  }

  isWriting(): boolean {
    return this.#native.isWriting(this.id);
  }

  isInUse(): boolean {
    return this.#native.mountState(this.id).files > 0;
  }

  endCommits(reason: string): boolean {
    return this.#native.endCommits(this.id, reason);
  }

  switchMode(mode: "read" | "write", pageOne: Uint8Array | undefined): void {
    if (this.#native.switchMode(this.id, mode === "write", pageOne)) return;
    throw new Error("a write transaction is open while the mode changes");
  }

  answer(id: number, answer: DeviceAnswer): void {
    switch (answer.type) {
      case "page":
        this.#native.answer(id, SQLITE_OK, answer.page);
        break;
      case "done":
        this.#native.answer(id, SQLITE_OK);
        break;
      case "error":
        this.#native.answer(id, SQLITE_RESULT[answer.code], undefined, answer.message);
        break;
    }
  }

  reserveCache(byteLength: number, byteLengthMax: number): CacheMemory {
    return new NativeCacheMemory(this.#native, this.id, byteLength, byteLengthMax);
  }

  publishCache(): void {
    this.#native.cachePublish(this.id);
  }

  setCurrent(agoMs: number | undefined): void {
    this.#native.setCurrent(this.id, agoMs ?? -1);
  }

  setWritable(writable: boolean, reason: string): void {
    this.#native.setWritable(this.id, writable, reason);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.mountClose(this.id, `"${this.#name}" has been closed; open it again`);
    this.#onClosed?.();
  }
}

function nativeJournal(native: Native, id: number): CommitJournal {
  return {
    recover: (path) => native.journalRecover(id, path, true),
    inspect: (path) => native.journalRecover(id, path, false),
    rotate: (path, baseTxid) => native.journalRotate(id, path, baseTxid),
    collect: (afterSeq, stagedSeq = 0) => native.journalCollect(id, afterSeq, stagedSeq),
    readPages: (pgnos, seq, out) => native.journalRead(id, pgnos, seq, out),
    retire: (seq) => native.journalRetire(id, seq),
    end(seq) {
      const unused = native.journalEnd(id);
      const retired = native.journalRetire(id, seq);
      return unused === undefined ? retired : [...retired, unused];
    },
    sizeBytes: () => native.journalBytes(id),
    fsync: () => native.journalFsync(id),
    armNotice: () => native.journalArmNotice(id),
  };
}

function nativeImage(native: Native, id: number): ImageMap {
  return {
    open: (path, { stays }) => native.imageOpen(id, path, stays),
    tell: (permille) => native.imageTell(id, permille),
    markPresent: (pgnos) => native.imageMark(id, pgnos, true),
    markAbsent: (pgnos) => native.imageMark(id, pgnos, false),
    close: () => native.imageClose(id),
  };
}

/** What SQLite threads ask of the engine rather than of a device. Each request is answered. */
export interface EngineRequests {
  /** Mounts what the ticket asks for. */
  open(request: number, ticket: number): void;
  /** Ends the mount if it was asked for and nobody uses it; true when it is one that was. */
  leave(mount: number, request: number | undefined): boolean;
  changeRole(request: number, device: NativeDevice, isWriter: boolean): void;
}

/** Hands what SQLite threads ask for to the device it is meant for. */
export function dispatchRequests(
  native: Native,
  devices: ReadonlyMap<number, NativeDevice>,
  engine: EngineRequests,
): void {
  for (;;) {
    const batch = native.takeRequests();
    if (batch.length === 0) return;
    for (let at = 0; at < batch.length; at += 5) {
      const [kind, mount, id, pgno, seq] = batch.subarray(at, at + 5) as unknown as Request;
      const device = devices.get(mount);
      if (kind === HW_REQUEST_OPEN) engine.open(id, seq);
      else if (kind === HW_REQUEST_LEAVE) engine.leave(seq, id);
      else if (kind === HW_NOTICE_UNUSED && engine.leave(mount, undefined)) continue;
      else if (device !== undefined && kind === HW_REQUEST_ROLE) {
        engine.changeRole(id, device, seq !== 0);
      } else if (device !== undefined) handOver(native, device, kind, { id, pgno, seq });
      else if (!NOTICES.includes(kind)) {
        native.answer(id, SQLITE_RESULT.CLOSED, undefined, "the mount was closed");
      }
    }
  }
}

function handOver(
  native: Native,
  { events }: NativeDevice,
  kind: number,
  { id, pgno, seq }: Asked,
): void {
  switch (kind) {
    case HW_REQUEST_READ:
      events.onRequest({ type: "read", id, pgno, seq });
      return;
    case HW_REQUEST_SYNC:
      events.onRequest({ type: "sync", id });
      return;
    case HW_REQUEST_COMMIT:
      events.onRequest({ type: "commit", id, seq });
      return;
    case HW_REQUEST_TRAVEL:
      events.onRequest({ type: "travel", id, journey: nativeJourney(native, seq) });
      return;
    case HW_NOTICE_UNUSED:
      events.onUnused();
      return;
    case HW_NOTICE_COMMIT:
      events.onCommit();
      return;
    case HW_NOTICE_FULL:
      events.onFull();
      return;
    default:
      throw new Error(`the page device asks for ${kind}, which is nothing`);
  }
}

interface Asked {
  readonly id: number;
  readonly pgno: number;
  readonly seq: number;
}

type Request = readonly [kind: number, mount: number, id: number, pgno: number, seq: number];
