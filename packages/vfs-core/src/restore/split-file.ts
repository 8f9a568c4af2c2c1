/**
 * A large LTX file as pieces that can be fetched, verified and written apart. Pure.
 *
 *   header | pieces: frames of pages that follow one another | tail: end marker, index, trailer
 *
 * Always true: header, pieces and tail are the whole file, so the CRC of the file follows from
 * theirs (`combineCrc64`); and a file is always split in the same way.
 */

import { HEADER_SIZE, LtxError, type PageIndex } from "@headwater/ltx";
import { RESTORE_CONTENT_BYTES, RESTORE_PIECE_BYTES } from "../limits.ts";

export interface Piece {
  /** Which entries of the index are in it. */
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly length: number;
}

export interface SplitFile {
  readonly pieces: readonly Piece[];
  /** Where the pages end. */
  readonly tailOffset: number;
}

/** Throws an LtxError when bytes lie between the pages, which no piece would cover. */
export function splitFile({ count, offsets, sizes }: PageIndex, pageSize: number): SplitFile {
  const countMax = Math.max(1, Math.floor(RESTORE_CONTENT_BYTES / pageSize));
  const pieces: Piece[] = [];
  let at = HEADER_SIZE;
  let start = 0;
  let pieceOffset = at;
  for (let index = 0; index < count; index += 1) {
    const offset = offsets[index]!;
    if (offset !== at) {
      const problem = `${offset - at} bytes lie between two pages`;
      throw new LtxError("INDEX_INVALID", problem, { offset: at, field: "offset" });
    }
    at += sizes[index]!;
    const length = at - pieceOffset;
    const isLast = index === count - 1;
    if (!isLast && length < RESTORE_PIECE_BYTES && index + 1 - start < countMax) continue;
    pieces.push({ start, end: index + 1, offset: pieceOffset, length });
    start = index + 1;
    pieceOffset = at;
  }
  return { pieces, tailOffset: at };
}
