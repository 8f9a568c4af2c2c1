import { describe, expect, it } from "vitest";
import {
  concatBytes,
  databaseChecksum,
  decodeLtx,
  EMPTY_DATABASE_CHECKSUM,
  Encoder,
  encodeLtx,
  encodeLtxWithIndex,
  encodePageFrame,
  lockPgno,
  toChecksum,
  toPageCount,
  toPageSize,
} from "../src/index.ts";
import { fileSpec, randomFile, randomPage, SeededRandom } from "../src/testing/index.ts";
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

    it("the lock page", () => {
      const large = toPageSize(65536);
      const lock = lockPgno(large);
      const spec = fileSpec({ pageSize: 65536, minTxid: 2, commit: lock + 1 });
      const encoder = new Encoder(spec.header);
      expectCode(() => encoder.addPage(lock, new Uint8Array(large)), "PAGE_REFUSED");
      encoder.addPage(pgno(lock + 1), new Uint8Array(large));
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
