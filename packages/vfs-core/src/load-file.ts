/**
 * What an LTX file says of itself: page size, page count, and where each page lies.
 *
 * A small file is fetched whole, in one request, and its pages are then here too. Of a large one,
 * the header and the tail are fetched at once; only an index larger than guessed costs another
 * wave.
 */

import {
  decodeHeader,
  HEADER_SIZE,
  type Header,
  LtxError,
  type PageIndex,
  readIndexFromTail,
} from "@headwater/ltx";
import { TAIL_BYTES_MAX, TAIL_BYTES_MIN, TAIL_SHARE, WHOLE_FILE_BYTES } from "./limits.ts";
import type { LtxFile } from "./ltx-file.ts";
import type { Priority, RequestQueue, Ticket } from "./read/request-queue.ts";
import { goneError, type Replica, replicaError } from "./replica.ts";

export interface LoadedFile {
  readonly file: LtxFile;
  readonly pageSize: number;
  /** Size of the database in pages once the file is applied. */
  readonly pageCount: number;
  readonly index: PageIndex;
  /** The whole object, if it was small enough to be fetched whole. */
  readonly body: Uint8Array | undefined;
}

export interface LoadFileOptions {
  readonly queue: RequestQueue;
  readonly signal?: AbortSignal | undefined;
  /** Undefined: somebody waits for it. */
  readonly priority?: Priority | undefined;
}

/** Rejects with the store's own OBJECT_NOT_FOUND when the file was compacted away. */
export async function loadFile(
  replica: Replica,
  file: LtxFile,
  options: LoadFileOptions,
): Promise<LoadedFile> {
  try {
    if (file.size <= WHOLE_FILE_BYTES) return await loadWhole(replica, file, options);
    return await loadParts(replica, file, options);
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
}

/** The same for an object whose bytes are at hand. */
export function openBody(file: LtxFile, body: Uint8Array): LoadedFile {
  const header = decodeHeader(body);
  const { index } = readIndexFromTail(body, body.byteLength, { pageSize: header.pageSize });
  if (index === undefined) {
    throw new LtxError("TRUNCATED", "the file is shorter than its index");
  }
  const { pageSize, commit } = header;
  requireSameRange(file, header);
  return { file: { ...file, size: body.byteLength }, pageSize, pageCount: commit, index, body };
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
  { queue, signal, priority = "foreground" }: LoadFileOptions,
): Promise<LoadedFile> {
  const ticket: Ticket = { priority };
  const { body } = await queue.run(ticket, () => replica.store.get(file.key, { signal }));
  return openBody(file, body);
}

async function loadParts(
  replica: Replica,
  file: LtxFile,
  { queue, signal, priority = "foreground" }: LoadFileOptions,
): Promise<LoadedFile> {
  const { size } = file;
  const get = async (offset: number, length: number) => {
    const ticket: Ticket = { priority };
    const { body, meta } = await queue.run(ticket, () =>
      replica.store.get(file.key, { range: { offset, length }, signal }),
    );
    if (meta.size !== size || body.byteLength !== length) {
      throw goneError(replica, file, meta.size);
    }
    return body;
  };
  const share = Math.ceil(size / TAIL_SHARE);
  const tailLength = Math.min(size, Math.max(TAIL_BYTES_MIN, Math.min(share, TAIL_BYTES_MAX)));
  const [headerBytes, firstTail] = await Promise.all([
    get(0, HEADER_SIZE),
    get(size - tailLength, tailLength),
  ]);
  const header = decodeHeader(headerBytes);
  const { pageSize, commit } = header;
  requireSameRange(file, header);
  let tail = firstTail;
  let found = readIndexFromTail(tail, size, { pageSize });
  if (found.needed !== undefined) {
    const front = await get(found.needed.offset, found.needed.length);
    tail = concatenate(front, tail);
    found = readIndexFromTail(tail, size, { pageSize });
  }
  if (found.index === undefined) {
    throw new LtxError("TRUNCATED", "the file is shorter than its index");
  }
  return { file, pageSize, pageCount: commit, index: found.index, body: undefined };
}

export function requireSameRange({ minTxid, maxTxid }: LtxFile, header: Header): void {
  if (header.minTxid === minTxid && header.maxTxid === maxTxid) return;
  const range = `${header.minTxid}..${header.maxTxid}`;
  throw new LtxError("HEADER_INVALID", `its header says that it holds transactions ${range}`);
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(a, 0);
  both.set(b, a.byteLength);
  return both;
}
