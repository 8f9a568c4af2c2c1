/**
 * Database files to LTX and back: a snapshot of a database, and the database that files make.
 *
 * Both are streams: neither the database nor its LTX files need fit in memory. The lock page is
 * left out on the way in and is zeros on the way out.
 */
import { ByteWindow } from "./byte-window.ts";
import { type EncodeResult, Encoder, type EncoderOptions } from "./encoder.ts";
import { LtxError } from "./errors.ts";
import { type Header, isSnapshot } from "./header.ts";
import { CHUNK_SIZE } from "./limits.ts";
import { iterateChunks, type LtxSource } from "./ltx-stream.ts";
import { OutputStream } from "./output-stream.ts";
import { type MergedPage, PageMerge, type PageMergeOptions } from "./page-merge.ts";
import { isPageSize, lockPgno, type PageSize, type Pgno, toPageCount, toPageSize } from "./pgno.ts";
import { type Txid, toTxid } from "./txid.ts";

/** A database file as one buffer, or as chunks of any size. */
export type DatabaseSource = LtxSource;

export interface SnapshotOptions extends EncoderOptions {
  /** Bytes of the database file: the header comes before the pages, and names their number. */
  readonly databaseSize: number;
  readonly pageSize: PageSize;
  readonly timestampMs: number;
  /** The transaction that the snapshot stands at; 1 unless told otherwise. */
  readonly maxTxid?: Txid | undefined;
  /** Whether the file goes without database checksums; true unless told otherwise. */
  readonly noChecksum?: boolean | undefined;
  readonly nodeId?: bigint | undefined;
}

export interface SnapshotResult extends EncodeResult {
  readonly header: Header;
}

export interface RestoreResult {
  /** That of the one file which the inputs amount to. */
  readonly header: Header;
  /** Pages made up as zeros; above 0 only if some input grew without holding its new pages. */
  readonly zeroPages: number;
  /** Bytes of the database file. */
  readonly size: number;
}

const PAGE_SIZE_OFFSET = 16;

/** The page size that the first bytes of a database file name, or undefined if they name none. */
export function readDatabasePageSize(database: Uint8Array): PageSize | undefined {
  if (database.length < PAGE_SIZE_OFFSET + 2) return undefined;
  const high = database[PAGE_SIZE_OFFSET] as number;
  const stored = (high << 8) | (database[PAGE_SIZE_OFFSET + 1] as number);
  // 65536 does not fit the field, so SQLite writes it as 1.
  const pageSize = stored === 1 ? 65_536 : stored;
  return isPageSize(pageSize) ? pageSize : undefined;
}

/** A snapshot of a database file, as a stream. */
export function snapshotDatabase(
  database: DatabaseSource,
  options: SnapshotOptions,
): OutputStream<SnapshotResult> {
  const pageSize = toPageSize(options.pageSize);
  if (options.databaseSize % pageSize !== 0) {
    throw new RangeError(`${options.databaseSize} bytes are not whole pages of ${pageSize}`);
  }
  const encoder = new Encoder(
    {
      noChecksum: options.noChecksum ?? true,
      pageSize,
      commit: toPageCount(options.databaseSize / pageSize),
      minTxid: toTxid(1n),
      maxTxid: options.maxTxid ?? toTxid(1n),
      timestampMs: options.timestampMs,
      nodeId: options.nodeId ?? 0n,
    },
    options,
  );
  return new OutputStream(snapshot(database, encoder));
}

async function* snapshot(
  database: DatabaseSource,
  encoder: Encoder,
): AsyncGenerator<Uint8Array, SnapshotResult, undefined> {
  const { header } = encoder;
  const lock = lockPgno(header.pageSize);
  const window = new ByteWindow();
  let pgno = 0;
  for await (const chunk of iterateChunks(database)) {
    window.push(chunk);
    while (window.size >= header.pageSize) {
      pgno += 1;
      const page = window.bytes.subarray(window.start, window.start + header.pageSize);
      if (pgno !== lock) encoder.addPage(pgno as Pgno, page);
      window.skip(header.pageSize);
      if (encoder.pendingSize >= CHUNK_SIZE) yield encoder.drain();
    }
  }
  if (window.size !== 0 || pgno !== header.commit) {
    const offset = window.offset + window.size;
    const problem = `the database ends at ${offset}, not after ${header.commit} pages`;
    throw new LtxError("TRUNCATED", problem, { offset, field: "database" });
  }
  const encoded = encoder.finish();
  yield encoder.drain();
  const { trailer, size } = encoded;
  return {
    get index() {
      return encoded.index;
    },
    trailer,
    size,
    header,
  };
}

/**
 * The database that LTX files make, oldest first and the first one a snapshot, as a stream of its
 * bytes. They are right once the stream has ended without an error.
 */
export function restoreDatabase(
  inputs: readonly LtxSource[],
  options: PageMergeOptions = {},
): OutputStream<RestoreResult> {
  return new OutputStream(restore(inputs, options));
}

async function* restore(
  inputs: readonly LtxSource[],
  options: PageMergeOptions,
): AsyncGenerator<Uint8Array, RestoreResult, undefined> {
  const pages = await PageMerge.open(inputs, options);
  try {
    const { header } = pages;
    const { pageSize, commit } = header;
    if (!isSnapshot(header)) {
      const problem = `the first file starts at txid ${header.minTxid}, not at 1`;
      throw new LtxError("SNAPSHOT_REQUIRED", problem, { field: "minTxid" });
    }
    const lock = lockPgno(pageSize);
    const pagesPerChunk = Math.max(1, CHUNK_SIZE / pageSize);
    let next: MergedPage | undefined = await pages.next();
    for (let first = 1; first <= commit; first += pagesPerChunk) {
      const count = Math.min(pagesPerChunk, commit - first + 1);
      const chunk = new Uint8Array(count * pageSize);
      for (let pgno = first; pgno < first + count; pgno += 1) {
        if (pgno === lock) continue;
        chunk.set(expectPage(next, pgno), (pgno - first) * pageSize);
        next = pages.nextNow() ?? (await pages.next());
      }
      yield chunk;
    }
    return { header, zeroPages: pages.zeroPages, size: commit * pageSize };
  } finally {
    await pages.close();
  }
}

function expectPage(next: MergedPage | undefined, pgno: number): Uint8Array {
  if (next?.pgno === pgno) return next.page;
  throw new LtxError("PAGE_MISSING", `page ${pgno} is in no input`, { field: "pgno" });
}
