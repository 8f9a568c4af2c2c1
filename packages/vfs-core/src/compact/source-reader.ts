/**
 * One file that goes into a compaction, read piece by piece, in order.
 *
 * Always true: one piece at a time is held and asked for; pieces come when it is their turn, after
 * everything that readers wait for. The listing, the name and the header agree.
 */

import { decodeHeader, type Header } from "@headwater/ltx";
import { explainDamage, requireSameRange } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { goneError, type Replica } from "../replica.ts";

export interface SourceReaderOptions {
  readonly queue: RequestQueue;
  readonly chunkBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Called before each request. */
  readonly pause: () => Promise<void>;
}

export interface Source {
  readonly file: LtxFile;
  readonly header: Header;
  /** The whole file, to be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Rejects with the store's own OBJECT_NOT_FOUND when the file is gone. */
export async function openSource(
  replica: Replica,
  file: LtxFile,
  options: SourceReaderOptions,
): Promise<Source> {
  const first = await readPiece(replica, file, 0, options);
  try {
    const header = decodeHeader(first);
    requireSameRange(file, header);
    return { file, header, chunks: readOn(replica, file, first, options) };
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
}

async function* readOn(
  replica: Replica,
  file: LtxFile,
  first: Uint8Array,
  options: SourceReaderOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  for (let offset = first.byteLength; offset < file.size; ) {
    const piece = await readPiece(replica, file, offset, options);
    offset += piece.byteLength;
    yield piece;
  }
}

async function readPiece(
  replica: Replica,
  file: LtxFile,
  offset: number,
  { queue, chunkBytes, signal, pause }: SourceReaderOptions,
): Promise<Uint8Array> {
  await pause();
  const length = Math.min(chunkBytes, file.size - offset);
  const read = () => replica.store.get(file.key, { range: { offset, length }, signal });
  const { body, meta } = await queue.run({ priority: "compact" }, read, signal);
  if (meta.size !== file.size || body.byteLength !== length) {
    throw goneError(replica, file, meta.size);
  }
  return body;
}
