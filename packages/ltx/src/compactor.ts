/**
 * Compactor: many LTX files that follow one another in, one file with the same effect out.
 *
 * The rules are Litestream's, plus one:
 *   - Inputs ascend by txid and leave no gap; they may overlap. All have one page size.
 *   - Of a page that several inputs have, the newest wins. Pages above the last input's `commit`
 *     are dropped.
 *   - The output has the first input's `minTxid` and `preApplyChecksum`, the last one's `maxTxid`,
 *     `commit`, timestamp and `postApplyChecksum`; WAL fields and node id are zero.
 *   - A page that an input in between cut off (its `commit` is smaller) did not outlive it. If the
 *     database then grew past that page again and no newer input has it, it is all zeros, as a hole
 *     in a file would be. So the output never brings back a page from before a shrink, and a
 *     snapshot always has every page. (Litestream fails on these, or lets the old page through.)
 *
 * Every input is read to its end and verified. Memory: a chunk, a frame and a page per input, and
 * the index of the output. Frames that win are copied as they are, not compressed again.
 */
import { type EncodeResult, Encoder } from "./encoder.ts";
import type { Header } from "./header.ts";
import { CHUNK_SIZE } from "./limits.ts";
import type { LtxSource } from "./ltx-stream.ts";
import { OutputStream } from "./output-stream.ts";
import type { PageEncoding } from "./page-frame.ts";
import { PageMerge, type PageMergeOptions } from "./page-merge.ts";

export interface MergeOptions extends PageMergeOptions {
  /** "block" unless told otherwise. Frames of the other encoding are compressed again. */
  readonly encoding?: PageEncoding | undefined;
}

export interface MergeResult extends EncodeResult {
  readonly header: Header;
  /** Pages made up as zeros; above 0 only if some input grew without holding its new pages. */
  readonly zeroPages: number;
}

/** Merges files, oldest first, into one. */
export function mergeLtx(
  inputs: readonly LtxSource[],
  options: MergeOptions = {},
): OutputStream<MergeResult> {
  return new OutputStream(merge(inputs, options));
}

async function* merge(
  inputs: readonly LtxSource[],
  options: MergeOptions,
): AsyncGenerator<Uint8Array, MergeResult, undefined> {
  const pages = await PageMerge.open(inputs, options);
  try {
    const { header } = pages;
    const encoder = new Encoder(header, { encoding: options.encoding });
    for (;;) {
      const next = pages.nextNow() ?? (await pages.next());
      if (next === undefined) break;
      const { pgno, page, frame } = next;
      if (frame === undefined) encoder.addPage(pgno, page);
      else encoder.addFrame(pgno, page, frame);
      if (encoder.pendingSize >= CHUNK_SIZE) yield encoder.drain();
    }
    const encoded = encoder.finish({ postApplyChecksum: pages.postApplyChecksum });
    yield encoder.drain();
    const { trailer, size } = encoded;
    return {
      get index() {
        return encoded.index;
      },
      trailer,
      size,
      header,
      zeroPages: pages.zeroPages,
    };
  } finally {
    await pages.close();
  }
}
