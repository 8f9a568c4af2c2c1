/**
 * What an LTX file says of itself: page size, page count, and where each page lies.
 *
 * A small file is fetched whole, in one request, and verified whole; its pages are then here too.
 * Of a large one, head and tail are fetched at once; only an index larger than guessed costs
 * another wave.
 */

import {
  concatBytes,
  decodeHeader,
  decodeLtx,
  type FileRange,
  HEADER_SIZE,
  type Header,
  LtxError,
  type PageIndex,
  readIndexFromTail,
} from "@headwater/ltx";
import type { GetResult } from "@headwater/object-store";
import type { IndexCache } from "./index-cache.ts";
import {
  RANGE_BYTES_MAX,
  TAIL_BYTES_MAX,
  TAIL_BYTES_MIN,
  TAIL_SHARE,
  WHOLE_FILE_BYTES,
} from "./limits.ts";
import type { LtxFile } from "./ltx-file.ts";
import type { Hedger } from "./read/hedger.ts";
import type { Priority, RequestQueue } from "./read/request-queue.ts";
import { goneError, isObject, type Replica, replicaError } from "./replica.ts";

export interface LoadedFile {
  readonly file: LtxFile;
  readonly pageSize: number;
  /** Size of the database in pages once the file is applied. */
  readonly pageCount: number;
  readonly index: PageIndex;
  /** The object from its start: all of a small one, what was asked for of a large one. */
  readonly body: Uint8Array | undefined;
  /** Undefined where the index came from a cache. */
  readonly link?: FileLink | undefined;
}

/** What tells that one file continues another: `isChained` compares them. */
export interface FileLink {
  readonly nodeId: bigint;
  readonly fileChecksum: bigint;
}

export interface LoadFileOptions {
  readonly queue: RequestQueue;
  readonly signal?: AbortSignal | undefined;
  /** Undefined: somebody waits for it. */
  readonly priority?: Priority | undefined;
  /** Bytes from the start of a large file that are wanted, for the pages in them. Default: none. */
  readonly headBytes?: number | undefined;
  /** Bytes from the start of a large file that are here already. */
  readonly start?: Uint8Array | undefined;
  /** Undefined: no request is sent twice. */
  readonly hedger?: Hedger | undefined;
  /** Where the index may be without a request, and then without any bytes of the file. */
  readonly indexes?: IndexCache | undefined;
}

/** Rejects with the store's own OBJECT_NOT_FOUND when the file was compacted away. */
export async function loadFile(
  replica: Replica,
  file: LtxFile,
  options: LoadFileOptions,
): Promise<LoadedFile> {
  const known = options.indexes?.find(file);
  if (known !== undefined) return known;
  try {
    if (file.size <= WHOLE_FILE_BYTES) return await loadWhole(replica, file, options);
    return await loadParts(replica, file, options);
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
}

/** The same for an object whose bytes are at hand. Verifies every one of them. */
export function openBody(file: LtxFile, body: Uint8Array): LoadedFile {
  const whole = decodeLtx(body);
  const { header, index, trailer } = whole;
  requireSameRange(file, header);
  whole.verify();
  const { pageSize, commit, nodeId, timestampMs } = header;
  return {
    file: { ...file, size: body.byteLength, createdAtMs: timestampMs },
    pageSize,
    pageCount: commit,
    index,
    body,
    link: { nodeId, fileChecksum: trailer.fileChecksum },
  };
}

/** Names the object in what its bytes made the decoder say. */
export function explainDamage(replica: Replica, file: LtxFile, error: unknown): unknown {
  if (!LtxError.is(error)) return error;
  const sentence = `the object ${file.key} is damaged: ${error.message}`;
  return replicaError(replica, "REPLICA_DAMAGED", sentence, error);
}

async function loadWhole(
  replica: Replica,
  file: LtxFile,
  options: LoadFileOptions,
): Promise<LoadedFile> {
  const { body, meta } = await request(replica, file, undefined, options);
  if (file.version !== undefined && file.version !== meta.version) {
    throw goneError(replica, file, meta.size);
  }
  return openBody(file, body);
}

async function loadParts(
  replica: Replica,
  file: LtxFile,
  options: LoadFileOptions,
): Promise<LoadedFile> {
  const { size } = file;
  const { headBytes = 0, start } = options;
  const get = (offset: number, length: number) => getRange(replica, file, offset, length, options);
  const tailLength = tailLengthOf(size);
  const headLength = Math.max(HEADER_SIZE, Math.min(headBytes, size - tailLength));
  const [head, firstTail] = await Promise.all([
    start ?? get(0, headLength),
    get(size - tailLength, tailLength),
  ]);
  const header = decodeHeader(head);
  const { pageSize, commit, nodeId, timestampMs } = header;
  requireSameRange(file, header);
  let tail = firstTail;
  let found = readIndexFromTail(tail, size, { pageSize });
  if (found.needed !== undefined) {
    const front = await get(found.needed.offset, found.needed.length);
    tail = concatBytes([front, tail]);
    found = readIndexFromTail(tail, size, { pageSize });
  }
  if (found.index === undefined) {
    throw new LtxError("TRUNCATED", "the file is shorter than its index");
  }
  const body = headBytes === 0 && start === undefined ? undefined : head;
  const link = { nodeId, fileChecksum: found.trailer.fileChecksum };
  const exact = { ...file, createdAtMs: timestampMs };
  return { file: exact, pageSize, pageCount: commit, index: found.index, body, link };
}

/** The bytes that `loadFile` asks for as a rule: all, or both ends. */
export function loadedBytesOf({ size }: LtxFile): number {
  return size <= WHOLE_FILE_BYTES ? size : HEADER_SIZE + tailLengthOf(size);
}

function tailLengthOf(size: number): number {
  const share = Math.ceil(size / TAIL_SHARE);
  return Math.min(size, Math.max(TAIL_BYTES_MIN, Math.min(share, TAIL_BYTES_MAX)));
}

/** In as many requests at once as it takes. */
async function getRange(
  replica: Replica,
  file: LtxFile,
  offset: number,
  length: number,
  options: LoadFileOptions,
): Promise<Uint8Array> {
  const get = async (offset: number, length: number) => {
    const { body, meta } = await request(replica, file, { offset, length }, options);
    if (!isObject(file, meta) || body.byteLength !== length) {
      throw goneError(replica, file, meta.size);
    }
    return body;
  };
  const parts: Promise<Uint8Array>[] = [];
  for (let done = 0; done < length; done += RANGE_BYTES_MAX) {
    parts.push(get(offset + done, Math.min(RANGE_BYTES_MAX, length - done)));
  }
  return parts.length === 1 ? parts[0]! : concatBytes(await Promise.all(parts));
}

function request(
  { store }: Replica,
  { key, size }: LtxFile,
  range: FileRange | undefined,
  { queue, hedger, signal, priority = "foreground" }: LoadFileOptions,
): Promise<GetResult> {
  const send = (signal?: AbortSignal) => store.get(key, { range, signal });
  const bytes = range?.length ?? size;
  const isWanted = () => true;
  const work = () => hedger?.run({ bytes, priority, send, isWanted, signal }) ?? send(signal);
  return queue.run({ priority }, work, signal);
}

export function requireSameRange({ minTxid, maxTxid }: LtxFile, header: Header): void {
  if (header.minTxid === minTxid && header.maxTxid === maxTxid) return;
  const range = `${header.minTxid}..${header.maxTxid}`;
  throw new LtxError("HEADER_INVALID", `its header says that it holds transactions ${range}`);
}
