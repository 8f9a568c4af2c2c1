/**
 * One LTX file applied to a database file: its pages written where they belong, and the size set.
 *
 * Always true:
 *   - When it resolves, every byte of the LTX file was read, and its checksum was right.
 *   - Pages that the LTX file cuts off are gone, so that they are zeros if the database grows again
 *     and nobody writes them; as in PageMerge of @headwater/ltx.
 */

import {
  Crc64,
  combineCrc64,
  concatBytes,
  decodePageFrameInto,
  decodeTrailer,
  HEADER_SIZE,
  hashPageFrame,
  LtxError,
  type Pgno,
  TRAILER_SIZE,
} from "@headwater/ltx";
import type { ImageHandle } from "../disk/image-files.ts";
import { inParallel } from "../in-parallel.ts";
import { RANGE_BYTES_MAX, RESTORE_PARALLEL } from "../limits.ts";
import { explainDamage, type LoadedFile } from "../load-file.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { goneError, isObject, type Replica } from "../replica.ts";
import type { PieceSum } from "./restore-record.ts";
import { type Piece, splitFile } from "./split-file.ts";

export interface ApplyFileOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly handle: ImageHandle;
  /** Told of bytes of the LTX file that are done with. */
  readonly onBytes: (count: number) => void;
  /** What is in the database file already. */
  readonly known?: ReadonlyMap<number, PieceSum> | undefined;
  /** A piece has been written. */
  readonly onPiece?: ((number: number, sum: PieceSum) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with the store's own OBJECT_NOT_FOUND when the file is gone. */
export async function applyFile(loaded: LoadedFile, options: ApplyFileOptions): Promise<void> {
  const { handle, replica } = options;
  const { file, pageCount, pageSize } = loaded;
  try {
    if (loaded.body?.byteLength === file.size) await applyBody(loaded, loaded.body, options);
    else await applyPieces(loaded, options);
  } catch (error) {
    throw explainDamage(replica, file, error);
  }
  await handle.truncate(pageCount * pageSize);
}

/** Whoever loaded it has verified it. */
async function applyBody(
  { file, index, pageSize, pageCount }: LoadedFile,
  body: Uint8Array,
  { handle, onBytes }: ApplyFileOptions,
): Promise<void> {
  const whole = { start: 0, end: index.count, offset: 0, length: body.byteLength };
  const pages = new Uint8Array(index.count * pageSize);
  decodePieceInto(pages, body, whole, { index, pageSize });
  await writePages(handle, pages, whole, { index, pageSize, pageCount });
  onBytes(file.size);
}

async function applyPieces(loaded: LoadedFile, options: ApplyFileOptions): Promise<void> {
  const { file, index, pageSize } = loaded;
  const { onBytes, known, onPiece, handle } = options;
  const { pieces, tailOffset } = splitFile(index, pageSize);
  const head = await readRange(loaded, 0, HEADER_SIZE, options);
  onBytes(HEADER_SIZE);
  const sums: PieceSum[] = [];
  await inParallel(pieces.entries(), RESTORE_PARALLEL, async ([number, piece]) => {
    const done = known?.get(number);
    if (done === undefined) {
      const bytes = await readRange(loaded, piece.offset, piece.length, options);
      const pages = new Uint8Array((piece.end - piece.start) * pageSize);
      const sum = decodePieceInto(pages, bytes, piece, loaded);
      await writePages(handle, pages, piece, loaded);
      await onPiece?.(number, sum);
      sums[number] = sum;
    } else {
      sums[number] = done;
    }
    onBytes(piece.length);
  });
  const tail = await readTail(loaded, tailOffset, options);
  const { fileChecksum } = decodeTrailer(tail.subarray(tail.byteLength - TRAILER_SIZE));
  const hashed = tail.subarray(0, tail.byteLength - 8);
  sums.push({ crc: new Crc64().update(hashed).value(), length: hashed.byteLength });
  let crc = new Crc64().update(head).value();
  for (const sum of sums) crc = combineCrc64(crc, sum.crc, sum.length);
  if ((crc | (1n << 63n)) !== fileChecksum) {
    const field = "fileChecksum";
    throw new LtxError("CHECKSUM_MISMATCH", "its checksum is not that of its bytes", { field });
  }
  onBytes(file.size - tailOffset);
}

/** Gives what the frames add to the CRC of the file. */
function decodePieceInto(
  pages: Uint8Array,
  bytes: Uint8Array,
  piece: Piece,
  { index, pageSize }: Pick<LoadedFile, "index" | "pageSize">,
): PieceSum {
  const crc = new Crc64();
  let length = 0;
  for (let at = piece.start; at < piece.end; at += 1) {
    const offset = index.offsets[at]!;
    const frameStart = offset - piece.offset;
    const frame = bytes.subarray(frameStart, frameStart + index.sizes[at]!);
    const pageStart = (at - piece.start) * pageSize;
    const page = pages.subarray(pageStart, pageStart + pageSize);
    decodePageFrameInto(frame, page, { pgno: index.pgnos[at] as Pgno, at: offset });
    length += hashPageFrame(crc, frame, page);
  }
  return { crc: crc.value(), length };
}

/** Pages that follow one another go in one write. */
async function writePages(
  handle: ImageHandle,
  pages: Uint8Array,
  piece: Piece,
  { index, pageSize, pageCount }: Pick<LoadedFile, "index" | "pageSize" | "pageCount">,
): Promise<void> {
  const { pgnos } = index;
  for (let start = piece.start; start < piece.end; ) {
    let end = start + 1;
    while (end < piece.end && pgnos[end] === pgnos[end - 1]! + 1) end += 1;
    const first = pgnos[start]!;
    const count = Math.min(end - start, pageCount - first + 1);
    const from = (start - piece.start) * pageSize;
    const run = pages.subarray(from, from + Math.max(0, count) * pageSize);
    await writeAll(handle, run, (first - 1) * pageSize);
    start = end;
  }
}

export async function writeAll(
  handle: ImageHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const rest = bytes.byteLength - done;
    const { bytesWritten } = await handle.write(bytes, done, rest, position + done);
    done += bytesWritten;
  }
}

async function readTail(
  loaded: LoadedFile,
  tailOffset: number,
  options: ApplyFileOptions,
): Promise<Uint8Array> {
  const { size } = loaded.file;
  const parts: Promise<Uint8Array>[] = [];
  for (let offset = tailOffset; offset < size; offset += RANGE_BYTES_MAX) {
    const length = Math.min(RANGE_BYTES_MAX, size - offset);
    parts.push(readRange(loaded, offset, length, options));
  }
  return concatBytes(await Promise.all(parts));
}

async function readRange(
  { file }: LoadedFile,
  offset: number,
  length: number,
  { replica, queue, signal }: ApplyFileOptions,
): Promise<Uint8Array> {
  const get = () => replica.store.get(file.key, { range: { offset, length }, signal });
  const { body, meta } = await queue.run({ priority: "foreground" }, get, signal);
  if (!isObject(file, meta) || body.byteLength !== length) {
    throw goneError(replica, file, meta.size);
  }
  return body;
}
