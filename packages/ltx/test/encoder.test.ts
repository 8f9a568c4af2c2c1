import { describe, expect, it } from "vitest";
import {
  concatBytes,
  databaseChecksum,
  decodeLtx,
  EMPTY_DATABASE_CHECKSUM,
  type EncodeResult,
  Encoder,
  encodeLtx,
  encodeLtxWithIndex,
  encodePageFrame,
  lockPgno,
  mergeLtx,
  PAGE_SIZES,
  type PageIndex,
  snapshotDatabase,
  toChecksum,
  toPageCount,
  toPageSize,
} from "../src/index.ts";
import { fileSpec, randomFile, randomPage, SeededRandom } from "../src/testing/index.ts";
import { allocationsOf } from "./allocations.ts";
import { expectCode, pgno } from "./support.ts";

const pageSize = toPageSize(512);
const page = randomPage(new SeededRandom(1), 512);
const increment = fileSpec({ minTxid: 2, commit: 9 }).header;
const snapshot = fileSpec({ commit: 2 }).header;
const checksum = toChecksum((1n << 63n) | 9n);

describe("Encoder", () => {
  it("gives the index and the trailer that a reader finds", () => {
    for (const encoding of ["block", "frame"] as const) {
      const spec = { ...randomFile(3, { pageCountMin: 30 }), encoding };
      const { bytes, index, trailer, size } = encodeLtxWithIndex(spec);
      const file = decodeLtx(bytes);
      expect(size).toBe(bytes.length);
      expect(file.index).toEqual(index);
      expect(file.trailer).toEqual(trailer);
      expect([...file.pages()].every((one) => one.encoding === encoding)).toBe(true);
    }
  });

  it("hands out its bytes at any pace", () => {
    const spec = randomFile(4, { pageCountMin: 30 });
    const encoder = new Encoder(spec.header, spec);
    const chunks = [encoder.drain(), encoder.drain()];
    for (const { pgno, page } of spec.pages) {
      encoder.addPage(pgno, page);
      if (pgno % 3 === 0) chunks.push(encoder.drain());
    }
    encoder.finish();
    chunks.push(encoder.drain());
    expect(encoder.pendingSize).toBe(0);
    expect(chunks[0]?.length).toBe(100);
    expect(concatBytes(chunks)).toEqual(encodeLtx(spec));
  });

  it("does not decode the index before it is asked for", async () => {
    const spec = randomFile(4, { pageCountMin: 30 });
    const encoder = new Encoder(spec.header, spec);
    for (const { pgno, page } of spec.pages) encoder.addPage(pgno, page);
    let result: EncodeResult | undefined;
    const { largest } = allocationsOf(() => {
      result = encoder.finish();
    });
    // The bytes of the index, and not the 16 bytes of each page that decoding takes.
    expect(largest).toBeLessThan(spec.pages.length * 12);
    const database = new Uint8Array(512 * 200);
    const options = { databaseSize: database.length, pageSize, timestampMs: 0 };
    const snapshot = await snapshotDatabase(database, options).bytes();
    const merged = await mergeLtx([snapshot.bytes]).bytes();
    for (const lazy of [result, snapshot.result, merged.result]) {
      let index: PageIndex | undefined;
      const first = allocationsOf(() => {
        index = lazy?.index;
      });
      expect(first).toMatchObject({ count: 3, total: 16 * (index?.count ?? 0) });
      expect(lazy?.index).toBe(index);
    }
    expect(snapshot.result.index).toEqual(decodeLtx(snapshot.bytes).index);
    expect(merged.result.index).toEqual(decodeLtx(merged.bytes).index);
  });

  it("writes no checksums and block form unless told otherwise", () => {
    const file = decodeLtx(encodeLtx(fileSpec({ pages: { 1: 1 } })));
    expect(file.header.noChecksum).toBe(true);
    expect(file.trailer.postApplyChecksum).toBeUndefined();
    expect([...file.pages()][0]?.encoding).toBe("block");
  });

  it("copies frames of its own encoding and compresses others anew", () => {
    for (const given of ["block", "frame"] as const) {
      const encoder = new Encoder(increment);
      const frame = encodePageFrame(pgno(4), page, { encoding: given });
      encoder.addFrame(pgno(4), page, frame);
      encoder.finish();
      const plain = encodeLtx({ header: increment, pages: [{ pgno: pgno(4), page }] });
      expect(encoder.drain()).toEqual(plain);
    }
  });

  describe("refuses", () => {
    it("frames that are not one whole frame of the page", () => {
      for (const encoding of ["block", "frame"] as const) {
        const encoder = new Encoder(increment, { encoding });
        const frame = encodePageFrame(pgno(4), page, { encoding });
        const two = concatBytes([frame, frame]);
        for (const wrong of [frame.subarray(0, -1), frame.subarray(0, 7), two]) {
          expectCode(() => encoder.addFrame(pgno(4), page, wrong), "PAGE_REFUSED");
        }
        expectCode(() => encoder.addFrame(pgno(5), page, frame), "PAGE_REFUSED");
        encoder.addFrame(pgno(4), page, frame);
        encoder.finish();
        expect(decodeLtx(encoder.drain()).page(pgno(4))).toEqual(page);
      }
    });

    it("pages out of order, above commit, or of another size, and goes on", () => {
      const encoder = new Encoder(increment);
      encoder.addPage(pgno(3), page);
      for (const number of [1, 3, 10]) {
        expectCode(() => encoder.addPage(pgno(number), page), "PAGE_REFUSED");
      }
      expectCode(() => encoder.addPage(pgno(4), page.subarray(1)), "PAGE_REFUSED");
      encoder.addPage(pgno(9), page);
      encoder.finish();
      expect([...decodeLtx(encoder.drain()).index.pgnos]).toEqual([3, 9]);
    });

    it.each(PAGE_SIZES)("the lock page, and no other, with pages of %i bytes", (size) => {
      const lock = lockPgno(size);
      const spec = fileSpec({ pageSize: size, minTxid: 2, commit: lock + 1 });
      const encoder = new Encoder(spec.header);
      encoder.addPage(pgno(lock - 1), new Uint8Array(size));
      expectCode(() => encoder.addPage(lock, new Uint8Array(size)), "PAGE_REFUSED");
      encoder.addPage(pgno(lock + 1), new Uint8Array(size));
      encoder.finish();
      expect([...decodeLtx(encoder.drain()).index.pgnos]).toEqual([lock - 1, lock + 1]);
    });

    it("a snapshot with a gap, at the start, between pages or at the end", () => {
      const encoder = new Encoder(snapshot);
      expectCode(() => encoder.addPage(pgno(2), page), "SNAPSHOT_INCOMPLETE");
      expectCode(() => encoder.finish(), "SNAPSHOT_INCOMPLETE");
      encoder.addPage(pgno(1), page);
      expectCode(() => encoder.finish(), "SNAPSHOT_INCOMPLETE");
      encoder.addPage(pgno(2), page);
      encoder.finish();
      expectCode(() => encoder.finish(), "CLOSED");
      expectCode(() => encoder.addPage(pgno(3), page), "CLOSED");
    });

    it("headers against the rules", () => {
      expect(() => new Encoder({ ...increment, walSize: 5 })).toThrow(RangeError);
    });
  });

  describe("with checksums", () => {
    const withChecksums = { ...increment, noChecksum: false, preApplyChecksum: checksum };

    it("works out that of a snapshot, and refuses another", () => {
      const database = Uint8Array.from([...page, ...new Uint8Array(512)]);
      const pages = [
        { pgno: pgno(1), page },
        { pgno: pgno(2), page: new Uint8Array(512) },
      ];
      const header = { ...snapshot, noChecksum: false };
      const { trailer } = encodeLtxWithIndex({ header, pages });
      expect(trailer.postApplyChecksum).toBe(databaseChecksum(database, pageSize));
      const wrong = () => encodeLtx({ header, pages, postApplyChecksum: checksum });
      expectCode(wrong, "CHECKSUM_MISMATCH");
    });

    it("needs to be given that of any other file", () => {
      const without = () => encodeLtx({ header: withChecksums, pages: [] });
      expectCode(without, "CHECKSUM_REQUIRED");
      const bytes = encodeLtx({ header: withChecksums, pages: [], postApplyChecksum: checksum });
      expect(decodeLtx(bytes).trailer.postApplyChecksum).toBe(checksum);
    });

    it("has the empty one where the database is empty", () => {
      const header = { ...withChecksums, commit: toPageCount(0) };
      const { trailer } = encodeLtxWithIndex({ header, pages: [] });
      expect(trailer.postApplyChecksum).toBe(EMPTY_DATABASE_CHECKSUM);
      const wrong = () => encodeLtx({ header, pages: [], postApplyChecksum: checksum });
      expectCode(wrong, "CHECKSUM_MISMATCH");
    });

    it("takes none for a file without", () => {
      const both = () => encodeLtx({ header: increment, pages: [], postApplyChecksum: checksum });
      expect(both).toThrow(RangeError);
    });
  });
});
