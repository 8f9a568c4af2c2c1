/**
 * The seam for the three hot loops: CRC-64, LZ4 compression, LZ4 decompression.
 *
 * The pure TypeScript codec is always there. A runtime that has a faster one (native, WebAssembly)
 * installs it once with `setCodec`; every encoder, decoder and merge of this copy of the package
 * then uses it. All codecs give the same bytes but for LZ4 output, which may differ freely.
 *
 * A codec does not throw on bad input. It reports, and the caller knows the offset in the file.
 */
import { crc64Update } from "./crc64.ts";
import { compressBlock, decompressBlock } from "./lz4-block.ts";

export interface Codec {
  /** For logs and benchmarks. */
  readonly name: string;

  /** Takes bytes [start, end) into a CRC-64/GO-ISO state of [low, high], before the final not. */
  crc64(state: Int32Array, bytes: Uint8Array, start: number, end: number): void;

  /**
   * Writes source [sourceStart, sourceEnd), which is not empty, as one LZ4 block to
   * target[targetStart...] and gives back its size. The target has room for `lz4BlockSizeMax`.
   */
  compressBlock(
    source: Uint8Array,
    sourceStart: number,
    sourceEnd: number,
    target: Uint8Array,
    targetStart: number,
  ): number;

  /**
   * Reads one LZ4 block, source [sourceStart, sourceEnd), into target [targetStart, targetEnd) and
   * gives back how many bytes it wrote. Never reads or writes outside of those ranges. A malformed
   * block, or one that does not fit, gives `~position`, the position counting from sourceStart.
   */
  decompressBlock(
    source: Uint8Array,
    sourceStart: number,
    sourceEnd: number,
    target: Uint8Array,
    targetStart: number,
    targetEnd: number,
  ): number;
}

/** Runs everywhere that TypeScript does. */
export const pureCodec: Codec = {
  name: "typescript",
  crc64: crc64Update,
  compressBlock,
  decompressBlock,
};

let codec: Codec = pureCodec;

export function currentCodec(): Codec {
  return codec;
}

/** Installs a codec for this copy of the package and gives back the one it replaces. */
export function setCodec(next: Codec): Codec {
  const previous = codec;
  codec = next;
  return previous;
}
