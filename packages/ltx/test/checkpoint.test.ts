import { describe, expect, it } from "vitest";
import {
  type DecodedPage,
  Decoder,
  type DecoderCheckpoint,
  decodeLtxStream,
  encodeLtx,
} from "../src/index.ts";
import { randomFile } from "../src/testing/index.ts";
import { chunkedLater, expectCode } from "./support.ts";

/** A snapshot with a database checksum, one without, and a file with gaps. */
const SEEDS = [3, 10, 21, 34];

function fileOf(seed: number): Uint8Array {
  return encodeLtx(randomFile(seed, { pageCountMin: 12 }));
}

/** The pages that come first, and where the decoder stands after each of them. */
function readPages(bytes: Uint8Array, from?: DecoderCheckpoint) {
  const decoder = new Decoder({ from });
  const pages: DecodedPage[] = [];
  const checkpoints: DecoderCheckpoint[] = [];
  decoder.push(bytes.subarray(from?.offset ?? 0));
  for (;;) {
    const checkpoint = decoder.checkpoint();
    const page = decoder.next();
    if (checkpoint !== undefined) checkpoints.push(checkpoint);
    if (page === undefined) break;
    pages.push(page);
  }
  return { decoder, pages, checkpoints };
}

describe("a decoder that goes on from a checkpoint", () => {
  for (const seed of SEEDS) {
    const bytes = fileOf(seed);

    it(`gives the rest of the pages, and the same trailer (${seed})`, () => {
      const whole = readPages(bytes);
      const trailer = whole.decoder.finish();
      expect(whole.checkpoints).toHaveLength(whole.pages.length + 1);
      for (const [count, from] of whole.checkpoints.entries()) {
        const rest = readPages(bytes, from);
        expect(rest.pages).toEqual(whole.pages.slice(count));
        expect(rest.checkpoints).toEqual(whole.checkpoints.slice(count));
        expect(rest.decoder.finish()).toEqual(trailer);
      }
    });

    it(`tells of damage before it and after it (${seed})`, () => {
      const { checkpoints } = readPages(bytes);
      const from = checkpoints[checkpoints.length >> 1]!;
      const wrong = [
        { ...from, fileCrc: from.fileCrc ^ 1n },
        { ...from, indexCrc: from.indexCrc ^ 1n },
        { ...from, indexSize: from.indexSize + 1 },
      ];
      for (const other of wrong) expect(() => readPages(bytes, other)).toThrow();
      const damaged = bytes.slice();
      damaged[bytes.length - 10]! ^= 1;
      expect(() => readPages(damaged, from)).toThrow();
    });
  }

  it("keeps the order of pages", () => {
    const bytes = fileOf(SEEDS[0]!);
    const { checkpoints } = readPages(bytes);
    const from = checkpoints[4]!;
    const decoder = new Decoder({ from });
    decoder.push(bytes.subarray(checkpoints[3]!.offset));
    expectCode(() => decoder.next(), "PAGE_INVALID");
  });

  it("is a stream, too, which has none after its last page", async () => {
    const bytes = fileOf(SEEDS[1]!);
    const stream = await decodeLtxStream(chunkedLater(bytes, 500));
    await stream.next();
    await stream.next();
    const from = stream.checkpoint();
    await stream.close();
    expect(from?.offset).toBeLessThan(bytes.length);
    const rest = await decodeLtxStream(chunkedLater(bytes.subarray(from!.offset), 500), { from });
    expect(rest.header).toEqual(stream.header);
    for await (const _ of rest.pages()) expect(rest.checkpoint()).toBeDefined();
    expect(rest.trailer).toBeDefined();
    expect(rest.checkpoint()).toBeUndefined();
    const late = await decodeLtxStream(chunkedLater(bytes.subarray(from!.offset + 1), 500), {
      from,
    });
    await expect(late.next()).rejects.toThrow();
  });
});
