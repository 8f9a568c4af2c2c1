/**
 * A page device that writes, without SQLite and without native code: commits are made by calls.
 *
 * Always true, as of the native one: a commit is in the segment, as one line of JSON, before
 * anybody sees it; what follows the last whole line of a segment never happened; a commit is
 * flushed only when the engine asks for it. Only a commit that waited for the bucket in vain cannot
 * be cut off again: another line takes it back.
 */

import { bufferMemory, type CacheMemory } from "@headwater/page-cache";
import { type Deferred, deferred } from "../deferred.ts";
import { lockInMemory } from "../device/memory-locks.ts";
import type { DeviceFactory, DeviceOptions } from "../device-factory.ts";
import type { FileLockAttempt, FileLocks } from "../file-locks.ts";
import type {
  CommitJournal,
  DeviceAnswer,
  DeviceErrorCode,
  DeviceEvents,
  DeviceState,
  ImageMap,
  PageDevice,
  PendingPages,
  PublishedState,
  ReadCounts,
  RecoveredSegment,
} from "../page-device.ts";
import { type ImageReader, type OpenImage, openSystemImage } from "./image-reader.ts";
import { type SegmentFiles, systemSegmentFiles } from "./segment-files.ts";

interface Commit {
  readonly seq: number;
  readonly pageCount: number;
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

interface Segment {
  readonly path: string;
  readonly baseTxid: bigint;
  readonly commits: Commit[];
}

/** One line of a segment. */
interface Line {
  readonly baseTxid: string;
  readonly pageSize: number;
  readonly seq: number;
  readonly pageCount: number;
  /** Base64, by page number. */
  readonly pages: readonly (readonly [number, string])[];
}

/** A cache can grow to so many times its first size. */
const GROWTH = 4;

/** The line before it never happened. */
const TAKEN_BACK = '{"isTakenBack":true}';

/** What SQLite would be told. */
export class DeviceError extends Error {
  readonly code: DeviceErrorCode | "READ_ONLY";

  constructor(code: DeviceError["code"], message: string) {
    super(`${code}: ${message}`);
    this.name = "DeviceError";
    this.code = code;
  }
}

export class WriterDevice implements PageDevice {
  readonly events: DeviceEvents;
  readonly journal: CommitJournal;
  readonly image: ImageMap;
  mode: "read" | "write";
  writable: boolean;
  reason = "";
  /** As it was last told. */
  currentAgoMs: number | undefined;
  isActive = false;
  isClosed = false;
  /** Requests that the engine was asked for. */
  requestCount = 0;
  imageHits = 0;
  imagePermille = 0;
  segments: Segment[] = [];
  /** Commits go there. */
  #active: Segment | undefined;
  readonly present = new Set<number>();
  readonly #files: SegmentFiles;
  readonly #waiting = new Map<number, Deferred<Uint8Array | undefined>>();
  readonly #pins = new Map<number, number>();
  #published: PublishedState;
  #pageSize: number;
  #seq: number;
  #lastId = 0;
  #openTransactions = 0;
  #isArmed = false;
  #staged: { readonly seq: number; readonly pageCount: number } | undefined;
  #imageReader: ImageReader | undefined;

  constructor(
    options: DeviceOptions,
    events: DeviceEvents,
    { files = systemSegmentFiles, openImage = openSystemImage }: WriterDeviceFiles = {},
  ) {
    this.events = events;
    this.mode = options.mode;
    this.writable = options.mode === "write";
    this.#files = files;
    this.#published = options.state;
    this.#pageSize = options.pageSize;
    this.#seq = options.seq;
    this.journal = this.#makeJournal();
    this.image = this.#makeImage(openImage);
  }

  /** A transaction of SQLite's, all at once. */
  commit(pages: ReadonlyMap<number, Uint8Array>, pageCount: number): number {
    this.#append(pages, pageCount);
    return this.#publishNext(pageCount);
  }

  /** The same, which the bucket has when this resolves, and nobody when it rejects. */
  async commitRemotely(pages: ReadonlyMap<number, Uint8Array>, pageCount: number): Promise<number> {
    const seq = this.#append(pages, pageCount);
    const segment = this.#active;
    this.#staged = { seq, pageCount };
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting = deferred<Uint8Array | undefined>();
    this.#waiting.set(id, waiting);
    this.events.onRequest({ type: "commit", id, seq });
    try {
      await waiting.promise;
    } catch (error) {
      this.#staged = undefined;
      segment?.commits.pop();
      if (segment !== undefined) this.#files.append(segment.path, `${TAKEN_BACK}\n`);
      throw error;
    }
    this.#staged = undefined;
    return this.#publishNext(pageCount);
  }

  /** Into the journal, where nobody sees it yet. Gives its number. */
  #append(pages: ReadonlyMap<number, Uint8Array>, pageCount: number): number {
    if (!this.writable) throw new DeviceError("READ_ONLY", this.reason);
    if (this.#staged !== undefined) throw new DeviceError("BUSY", "another COMMIT waits");
    const first = pages.values().next().value;
    const pageSize =
      this.#pageSize === 0 && first !== undefined ? first.byteLength : this.#pageSize;
    const seq = this.#seq + 1;
    const active = this.#active;
    if (active === undefined) throw new Error("a commit before the first segment");
    const line: Line = {
      baseTxid: active.baseTxid.toString(),
      pageSize,
      seq,
      pageCount,
      pages: [...pages].map(([pgno, page]) => [pgno, Buffer.from(page).toString("base64")]),
    };
    this.#files.append(active.path, `${JSON.stringify(line)}\n`);
    active.commits.push({ seq, pageCount, pages: new Map(pages) });
    this.#pageSize = pageSize;
    return seq;
  }

  #publishNext(pageCount: number): number {
    this.#seq += 1;
    this.#published = { ...this.#published, pageCount };
    if (this.#isArmed) queueMicrotask(() => this.events.onCommit());
    this.#isArmed = false;
    return this.#seq;
  }

  /** A write transaction that stays open, until the result is disposed of. */
  openTransaction(): Disposable {
    if (!this.writable) throw new DeviceError("READ_ONLY", this.reason);
    this.#openTransactions += 1;
    return {
      [Symbol.dispose]: () => {
        this.#openTransactions -= 1;
      },
    };
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
        if (this.#pins.size === 0) this.events.onUnused();
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

  readCounts(): ReadCounts {
    return { residentCount: this.imageHits, missCount: this.requestCount };
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

  setTxid(txid: bigint, createdAtMs: number | undefined): void {
    this.#published = { ...this.#published, txid, createdAtMs };
  }

  oldestPin(): number {
    return Math.min(this.#seq, ...this.#pins.keys());
  }

  answer(id: number, answer: DeviceAnswer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw new Error(`request ${id} was answered twice`);
    this.#waiting.delete(id);
    if (answer.type === "error") waiting.reject(new DeviceError(answer.code, answer.message));
    else waiting.resolve(answer.type === "page" ? answer.page.slice() : undefined);
  }

  reserveCache(byteLength: number): CacheMemory {
    return bufferMemory(new ArrayBuffer(0, { maxByteLength: GROWTH * byteLength }));
  }

  publishCache(): void {}

  setCurrent(agoMs: number | undefined): void {
    this.currentAgoMs = agoMs;
  }

  setWritable(writable: boolean, reason: string): void {
    if (this.isClosed) throw new Error("the device is closed");
    this.writable = writable;
    this.reason = reason;
  }

  endCommits(reason: string): boolean {
    this.setWritable(false, reason);
    return this.#staged === undefined;
  }

  isWriting(): boolean {
    return this.#staged !== undefined || this.#openTransactions > 0;
  }

  isInUse(): boolean {
    return this.#pins.size > 0;
  }

  switchMode(mode: "read" | "write"): void {
    if (this.isWriting()) throw new Error("a write transaction is open while the mode changes");
    if ((mode === "write") !== (this.#active !== undefined)) {
      throw new Error(`${mode} mode, but the journal is not ready for it`);
    }
    this.mode = mode;
    this.writable = mode === "write";
    this.reason = this.writable ? "" : "this database is mounted in read mode";
  }

  close(): void {
    this.isClosed = true;
    const closed = new DeviceError("CLOSED", "the device is closed");
    for (const waiting of this.#waiting.values()) waiting.reject(closed);
    this.#waiting.clear();
  }

  /** The cache is the engine's here, so what is in neither journal nor image is asked of it. */
  async #read(pgno: number, seq: number, segments: readonly Segment[]): Promise<Uint8Array> {
    const found = inJournal(segments, pgno, seq);
    if (found !== undefined) return found;
    if (this.present.has(pgno) && this.#imageReader !== undefined) {
      const page = new Uint8Array(this.#pageSize);
      const size = this.#imageReader.read(page, (pgno - 1) * this.#pageSize);
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
      inspect: (path) => toRecovered(wholeLines(this.#files.read(path))),
      rotate: (path, baseTxid) => {
        this.#files.create(path);
        this.#active = { path, baseTxid, commits: [] };
        this.segments.push(this.#active);
        return true;
      },
      collect: (afterSeq, stagedSeq) => this.#collect(afterSeq, stagedSeq),
      readPages: (pgnos, seq, out) => {
        if (seq > this.#seq && seq !== this.#staged?.seq) {
          throw new Error(`commit ${seq} was taken back`);
        }
        for (const [index, pgno] of pgnos.entries()) {
          const page = inJournal(this.segments, pgno, seq);
          if (page === undefined) throw new Error(`page ${pgno} is not in the journal`);
          out.set(page, index * this.#pageSize);
        }
      },
      retire: (seq) => {
        const isDone = (one: Segment) =>
          one !== this.#active && (one.commits.at(-1)?.seq ?? 0) <= seq;
        const done = this.segments.filter(isDone);
        // A pinned reader has its own list, but the names are free.
        this.segments = this.segments.filter((one) => !isDone(one));
        return done.map(({ path }) => path);
      },
      end: () => {
        this.#active = undefined;
        const done = this.segments.map(({ path }) => path);
        this.segments = [];
        return done;
      },
      sizeBytes: () => this.segments.reduce((sum, { commits }) => sum + commits.length, 0),
      fsync: () => {
        if (this.#active !== undefined) this.#files.sync(this.#active.path);
      },
      armNotice: () => {
        this.#isArmed = true;
        return this.#seq;
      },
    };
  }

  #recover(path: string): RecoveredSegment {
    const lines = wholeLines(this.#files.read(path));
    const commits = lines.map(({ seq, pageCount, pages }): Commit => {
      const decoded = pages.map(([pgno, text]) => [pgno, decodePage(text)] as const);
      return { seq, pageCount, pages: new Map(decoded) };
    });
    const baseTxid = BigInt(lines[0]?.baseTxid ?? 0);
    this.segments.push({ path, baseTxid, commits });
    const last = lines.at(-1);
    if (last !== undefined) this.#pageSize = last.pageSize;
    if (last !== undefined && last.seq > this.#seq) {
      this.#seq = last.seq;
      this.#published = { ...this.#published, pageCount: last.pageCount };
    }
    return toRecovered(lines);
  }

  #collect(afterSeq: number, stagedSeq: number | undefined): PendingPages | undefined {
    const isStaged = stagedSeq !== undefined && stagedSeq === this.#staged?.seq;
    const newestSeq = isStaged ? stagedSeq : this.#seq;
    if (newestSeq <= afterSeq) return undefined;
    const { pageCount } = (isStaged ? this.#staged : undefined) ?? this.#published;
    const pgnos = new Set<number>();
    for (const { commits } of this.segments) {
      for (const { seq, pages } of commits) {
        if (seq <= afterSeq || seq > newestSeq) continue;
        for (const pgno of pages.keys()) pgnos.add(pgno);
      }
    }
    const sorted = Uint32Array.from([...pgnos].filter((pgno) => pgno <= pageCount)).sort();
    return { seq: newestSeq, pageCount, pageSize: this.#pageSize, pgnos: sorted };
  }

  #makeImage(openImage: OpenImage): ImageMap {
    return {
      open: (path) => {
        this.#imageReader = openImage(path);
      },
      tell: (permille) => {
        this.imagePermille = permille;
      },
      markPresent: (pgnos) => {
        for (const pgno of pgnos) this.present.add(pgno);
      },
      markAbsent: (pgnos) => {
        for (const pgno of pgnos) this.present.delete(pgno);
      },
      close: () => {
        this.#imageReader?.close();
        this.#imageReader = undefined;
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
      const page = commit.seq <= seq ? commit.pages.get(pgno) : undefined;
      if (page !== undefined) return page.slice();
    }
  }
  return undefined;
}

function toRecovered(lines: readonly Line[]): RecoveredSegment {
  const first = lines[0];
  const last = lines.at(-1);
  return {
    baseTxid: BigInt(first?.baseTxid ?? 0),
    pageSize: last?.pageSize ?? 0,
    firstSeq: first?.seq ?? 0,
    lastSeq: last?.seq ?? 0,
    pageCount: last?.pageCount ?? 0,
  };
}

/** As far as they are whole and follow one another. */
function wholeLines(text: string): Line[] {
  const lines: Line[] = [];
  for (const part of text.split("\n")) {
    if (part === TAKEN_BACK) {
      lines.pop();
      continue;
    }
    let line: Line;
    try {
      line = JSON.parse(part) as Line;
    } catch {
      break;
    }
    const before = lines.at(-1);
    if (before !== undefined && line.seq !== before.seq + 1) break;
    lines.push(line);
  }
  return lines;
}

function decodePage(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** By default, files of this machine. */
export interface WriterDeviceFiles {
  readonly files?: SegmentFiles | undefined;
  readonly openImage?: OpenImage | undefined;
}

export interface WriterDeviceFactoryOptions extends WriterDeviceFiles {
  /** By default, locks between the mounts of this thread. */
  readonly lockFile?: FileLocks["lockFile"] | undefined;
}

/** For `openMount`; `device` is there once it has resolved. */
export class WriterDeviceFactory implements DeviceFactory {
  device!: WriterDevice;
  readonly #files: WriterDeviceFiles;
  readonly #lockFile: FileLocks["lockFile"];

  constructor(options: WriterDeviceFactoryOptions = {}) {
    this.#files = options;
    this.#lockFile = options.lockFile ?? lockInMemory;
  }

  create(options: DeviceOptions, events: DeviceEvents): WriterDevice {
    const device = new WriterDevice(options, events, this.#files);
    if (options.isPast !== true) this.device = device;
    return device;
  }

  lockFile(path: string, text: string): FileLockAttempt {
    return this.#lockFile(path, text);
  }
}
