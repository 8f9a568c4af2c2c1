/**
 * A page device whose journal is in memory: commits are made by calls instead of by SQLite.
 * Segments are files all the same, but hold JSON, so that a later device can recover them.
 */

import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { type Deferred, deferred } from "../../src/deferred.ts";
import { lockInMemory } from "../../src/device/memory-locks.ts";
import type { DeviceFactory, DeviceOptions } from "../../src/device-factory.ts";
import type { FileLockAttempt } from "../../src/file-locks.ts";
import type {
  CommitJournal,
  DeviceAnswer,
  DeviceEvents,
  DeviceState,
  ImageMap,
  PageDevice,
  PendingPages,
  PublishedState,
  RecoveredSegment,
} from "../../src/page-device.ts";

interface Commit {
  readonly seq: number;
  readonly pageCount: number;
  /** Base64, by page number. */
  readonly pages: Readonly<Record<number, string>>;
}

interface Segment {
  readonly path: string;
  readonly baseTxid: string;
  readonly pageSize: number;
  readonly commits: Commit[];
}

export class WriterDevice implements PageDevice {
  readonly events: DeviceEvents;
  readonly journal: CommitJournal;
  readonly image: ImageMap;
  writable = true;
  reason = "";
  isActive = false;
  isClosed = false;
  /** Requests that the engine was asked for. */
  requestCount = 0;
  imageHits = 0;
  segments: Segment[] = [];
  readonly present = new Set<number>();
  readonly #waiting = new Map<number, Deferred<Uint8Array | undefined>>();
  readonly #pins = new Map<number, number>();
  #published: PublishedState;
  #pageSize: number;
  #seq: number;
  #lastId = 0;
  #isArmed = false;
  #imageHandle: number | undefined;

  constructor(options: DeviceOptions, events: DeviceEvents) {
    this.events = events;
    this.#published = options.state;
    this.#pageSize = options.pageSize;
    this.#seq = options.seq;
    this.journal = this.#makeJournal();
    this.image = this.#makeImage();
  }

  /** A transaction of SQLite's, all at once. */
  commit(pages: ReadonlyMap<number, Uint8Array>, pageCount: number): number {
    if (!this.writable) throw new Error(`read-only: ${this.reason}`);
    const first = pages.values().next().value;
    if (this.#pageSize === 0 && first !== undefined) this.#pageSize = first.byteLength;
    this.#seq += 1;
    const texts: Record<number, string> = {};
    for (const [pgno, page] of pages) texts[pgno] = Buffer.from(page).toString("base64");
    const active = this.segments.at(-1)!;
    active.commits.push({ seq: this.#seq, pageCount, pages: texts });
    writeFileSync(active.path, JSON.stringify({ ...active, pageSize: this.#pageSize }));
    this.#published = { ...this.#published, pageCount };
    if (this.#isArmed) queueMicrotask(() => this.events.onCommit());
    this.#isArmed = false;
    return this.#seq;
  }

  /** What a connection does: pins, reads through the layers, unpins. */
  snapshot() {
    const { seq, pageCount } = this.state();
    const segments = [...this.segments];
    this.#pins.set(seq, (this.#pins.get(seq) ?? 0) + 1);
    return {
      seq,
      pageCount,
      readPage: (pgno: number) => this.#read(pgno, seq, segments),
      [Symbol.dispose]: () => {
        const left = this.#pins.get(seq)! - 1;
        if (left === 0) this.#pins.delete(seq);
        else this.#pins.set(seq, left);
      },
    };
  }

  async sync(): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting = deferred<Uint8Array | undefined>();
    this.#waiting.set(id, waiting);
    this.events.onRequest({ type: "sync", id });
    await waiting.promise;
  }

  state(): DeviceState {
    return { ...this.#published, seq: this.#seq, pageSize: this.#pageSize };
  }

  activate(): boolean {
    this.isActive = true;
    return true;
  }

  publish(state: PublishedState): number {
    this.#published = state;
    this.#seq += 1;
    return this.#seq;
  }

  setTxid(txid: bigint): void {
    this.#published = { ...this.#published, txid };
  }

  oldestPin(): number {
    return Math.min(this.#seq, ...this.#pins.keys());
  }

  answer(id: number, answer: DeviceAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw new Error(`request ${id} was answered twice`);
    this.#waiting.delete(id);
    if (answer.type === "error") waiting.reject(new Error(`${answer.code}: ${answer.message}`));
    else waiting.resolve(answer.type === "page" ? answer.page.slice() : undefined);
  }

  allocateCache(byteLength: number): ArrayBufferLike {
    return new SharedArrayBuffer(byteLength);
  }

  publishCache(): void {}

  setWritable(writable: boolean, reason: string): void {
    this.writable = writable;
    this.reason = reason;
  }

  close(): void {
    this.isClosed = true;
    for (const waiting of this.#waiting.values()) waiting.reject(new Error("CLOSED"));
    this.#waiting.clear();
  }

  /** The cache is the engine's here, so what is in neither journal nor image is asked of it. */
  async #read(pgno: number, seq: number, segments: readonly Segment[]): Promise<Uint8Array> {
    const found = inJournal(segments, pgno, seq);
    if (found !== undefined) return found;
    if (this.present.has(pgno) && this.#imageHandle !== undefined) {
      const page = new Uint8Array(this.#pageSize);
      const position = (pgno - 1) * this.#pageSize;
      const size = readSync(this.#imageHandle, page, 0, page.byteLength, position);
      if (size === page.byteLength) {
        this.imageHits += 1;
        return page;
      }
    }
    this.requestCount += 1;
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting = deferred<Uint8Array | undefined>();
    this.#waiting.set(id, waiting);
    this.events.onRequest({ type: "read", id, pgno, seq });
    return (await waiting.promise)!;
  }

  #makeJournal(): CommitJournal {
    return {
      recover: (path) => this.#recover(path),
      rotate: (path, baseTxid) => {
        if (existsSync(path)) throw new Error(`${path} exists`);
        writeFileSync(path, "");
        const segment = { path, baseTxid: baseTxid.toString(), pageSize: 0, commits: [] };
        this.segments.push(segment);
        return true;
      },
      collect: (afterSeq) => this.#collect(afterSeq),
      readPages: (pgnos, seq, out) => {
        for (const [index, pgno] of pgnos.entries()) {
          const page = inJournal(this.segments, pgno, seq);
          if (page === undefined) throw new Error(`page ${pgno} is not in the journal`);
          out.set(page, index * this.#pageSize);
        }
      },
      retire: (seq) => {
        const active = this.segments.at(-1);
        const isDone = (one: Segment) =>
          (one !== active || this.#isRecovering) && (one.commits.at(-1)?.seq ?? 0) <= seq;
        const done = this.segments.filter(isDone);
        // A pinned reader has its own list, but the names are free.
        this.segments = this.segments.filter((one) => !isDone(one));
        return done.map(({ path }) => path);
      },
      sizeBytes: () => this.segments.reduce((sum, { commits }) => sum + commits.length, 0),
      fsync: () => {},
      armNotice: () => {
        this.#isArmed = true;
        return this.#seq;
      },
    };
  }

  get #isRecovering(): boolean {
    return !this.isActive;
  }

  #recover(path: string): RecoveredSegment {
    const text = readFileSync(path, "utf8");
    const found = text === "" ? undefined : (JSON.parse(text) as Segment);
    const segment = { path, baseTxid: "0", pageSize: 0, commits: [], ...found };
    this.segments.push({ ...segment, path });
    const commits: readonly Commit[] = segment.commits;
    const last = commits.at(-1);
    if (last !== undefined) this.#pageSize = segment.pageSize;
    if (last !== undefined && last.seq > this.#seq) {
      this.#seq = last.seq;
      this.#published = { ...this.#published, pageCount: last.pageCount };
    }
    return {
      baseTxid: BigInt(segment.baseTxid),
      pageSize: segment.pageSize,
      firstSeq: commits[0]?.seq ?? 0,
      lastSeq: last?.seq ?? 0,
      pageCount: last?.pageCount ?? 0,
    };
  }

  #collect(afterSeq: number): PendingPages | undefined {
    if (this.#seq <= afterSeq) return undefined;
    const { pageCount } = this.#published;
    const pgnos = new Set<number>();
    for (const { commits } of this.segments) {
      for (const { seq, pages } of commits) {
        if (seq <= afterSeq) continue;
        for (const pgno of Object.keys(pages)) pgnos.add(Number(pgno));
      }
    }
    const sorted = Uint32Array.from([...pgnos].filter((pgno) => pgno <= pageCount)).sort();
    return { seq: this.#seq, pageCount, pageSize: this.#pageSize, pgnos: sorted };
  }

  #makeImage(): ImageMap {
    return {
      open: (path) => {
        this.#imageHandle = openSync(path, "r");
      },
      markPresent: (pgnos) => {
        for (const pgno of pgnos) this.present.add(pgno);
      },
      markAbsent: (pgnos) => {
        for (const pgno of pgnos) this.present.delete(pgno);
      },
      close: () => {
        if (this.#imageHandle !== undefined) closeSync(this.#imageHandle);
        this.#imageHandle = undefined;
      },
    };
  }
}

function inJournal(
  segments: readonly Segment[],
  pgno: number,
  seq: number,
): Uint8Array | undefined {
  for (const { commits } of segments.toReversed()) {
    for (const commit of commits.toReversed()) {
      const text = commit.seq <= seq ? commit.pages[pgno] : undefined;
      if (text !== undefined) return new Uint8Array(Buffer.from(text, "base64"));
    }
  }
  return undefined;
}

export class WriterDeviceFactory implements DeviceFactory {
  device!: WriterDevice;

  create(options: DeviceOptions, events: DeviceEvents): WriterDevice {
    this.device = new WriterDevice(options, events);
    return this.device;
  }

  lockFile(path: string, text: string): FileLockAttempt {
    return lockInMemory(path, text);
  }
}
