import { describe, expect, it } from "vitest";
import {
  crc64,
  type DecodedPage,
  Decoder,
  type DecoderOptions,
  decodeLtx,
  encodeLtx,
  type LtxErrorCode,
  type Trailer,
  toChecksum,
} from "../src/index.ts";
import { fileSpec, randomFile } from "../src/testing/index.ts";
import { type FileParts, forge } from "./forge.ts";
import { chunked, expectCode, ltxErrorOf } from "./support.ts";

function decode(
  chunks: Iterable<Uint8Array>,
  options?: DecoderOptions,
): { pages: DecodedPage[]; trailer: Trailer } {
  const decoder = new Decoder(options);
  const pages: DecodedPage[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) pages.push(page);
  }
  return { pages, trailer: decoder.finish() };
}

describe("Decoder", () => {
  it("gives the same pages for chunks of any size", () => {
    for (const encoding of ["block", "frame"] as const) {
      const spec = randomFile(7, { pageCountMin: 10, encoding });
      const bytes = encodeLtx(spec);
      for (const size of [1, 3, 100, 1000, bytes.length]) {
        const { pages, trailer } = decode(chunked(bytes, size));
        expect(pages.map(({ pgno, page }) => ({ pgno, page }))).toEqual(spec.pages);
        expect(trailer).toEqual(decodeLtx(bytes).trailer);
      }
    }
  });

  it("says where each page lies, as the index does", () => {
    const bytes = encodeLtx(randomFile(8, { pageCountMin: 10 }));
    const { pages } = decode([bytes]);
    const places = pages.map(({ pgno, offset, size }) => ({ pgno, offset, size }));
    expect(places).toEqual([...decodeLtx(bytes).index]);
  });

  it("knows the header as soon as its bytes are there", () => {
    const bytes = encodeLtx(fileSpec({ pages: { 1: 1 } }));
    const decoder = new Decoder();
    decoder.push(bytes.subarray(0, 99));
    expect(decoder.header).toBeUndefined();
    decoder.push(bytes.subarray(99, 100));
    expect(decoder.header?.commit).toBe(1);
    expect(decoder.done).toBe(false);
    expect(decoder.next()).toBeUndefined();
    decoder.push(bytes.subarray(100));
    expect(decoder.next()?.pgno).toBe(1);
    expect(decoder.finish()).toBeDefined();
    expect(decoder.done).toBe(true);
    expect(decoder.header?.commit).toBe(1);
  });

  it("keeps one page buffer if it may", () => {
    const bytes = encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } }));
    const [a, b] = decode([bytes], { reusePage: true }).pages;
    expect(a?.page).toBe(b?.page);
    const [c, d] = decode([bytes]).pages;
    expect(c?.page).not.toBe(d?.page);
  });

  it("does not finish before the pages were taken", () => {
    const decoder = new Decoder();
    decoder.push(encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } })));
    expect(() => decoder.finish()).toThrow(RangeError);
  });

  describe("refuses", () => {
    const spec = fileSpec({ minTxid: 2, commit: 9, pages: { 3: 3, 4: 4, 8: 8 } });
    const snapshot = fileSpec({ pages: { 1: 1, 2: 2, 3: 3 } });
    const cases: Readonly<
      Record<string, readonly [typeof spec, LtxErrorCode, (parts: FileParts) => void]>
    > = {
      "pages out of order": [spec, "PAGE_INVALID", ({ frames }) => frames.reverse()],
      "a page twice": [
        spec,
        "PAGE_INVALID",
        ({ frames }) => frames.splice(1, 0, frames[0] as Uint8Array),
      ],
      "the lock page": [
        fileSpec({ minTxid: 2, pageSize: 65536, commit: 99_999, pages: { 9: 9 } }),
        "PAGE_INVALID",
        // The lock page of 64 KiB pages is 16385, 0x4001.
        ({ frames }) => frames[0]?.set([0, 0, 0x40, 0x01]),
      ],
      "a page above commit": [spec, "PAGE_INVALID", ({ head }) => head.fill(5, 15, 16)],
      "a snapshot without its first page": [
        snapshot,
        "SNAPSHOT_INCOMPLETE",
        ({ frames }) => frames.shift(),
      ],
      "a snapshot with a gap": [
        snapshot,
        "SNAPSHOT_INCOMPLETE",
        ({ frames }) => frames.splice(1, 1),
      ],
      "a snapshot that ends early": [snapshot, "SNAPSHOT_INCOMPLETE", ({ frames }) => frames.pop()],
      "an index of other pages": [spec, "INDEX_INVALID", ({ index }) => index.fill(5, 0, 1)],
      "an index of other places": [spec, "INDEX_INVALID", ({ index }) => index.fill(101, 1, 2)],
      "another size of the index": [
        spec,
        "INDEX_INVALID",
        (parts) => {
          parts.indexSize = parts.index.length - 1;
        },
      ],
      "another file's header": [spec, "HEADER_INVALID", ({ head }) => head.fill(0, 16, 24)],
    };
    for (const [name, [from, code, change]] of Object.entries(cases)) {
      it(`${name}, though the file checksum is right`, () => {
        expectCode(() => decode([forge(from, change)]), code);
      });
    }

    it("nothing else: a forged file without a change is read", () => {
      expect(decode([forge(spec, () => {})]).pages.length).toBe(3);
    });

    it("a file whose checksum is wrong", () => {
      const bytes = encodeLtx(spec);
      bytes[90] = 1;
      const error = expectCode(() => decode([bytes]), "CHECKSUM_MISMATCH");
      expect(error).toMatchObject({ field: "fileChecksum", offset: bytes.length - 8 });
    });

    it("a snapshot whose database checksum is wrong", () => {
      const header = { ...snapshot.header, noChecksum: false };
      const right = encodeLtx({ ...snapshot, header });
      expect(decode([right]).trailer.postApplyChecksum).toBeDefined();
      const forged = forge({ ...snapshot, header }, ({ frames }) => {
        const other = encodeLtx(fileSpec({ minTxid: 2, pages: { 3: 9 } }));
        frames[2] = other.slice(100, 100 + (frames[2] as Uint8Array).length);
      });
      const error = expectCode(() => decode([forged]), "CHECKSUM_MISMATCH");
      expect(error.field).toBe("postApplyChecksum");
    });

    it("an empty database with a checksum that is not the empty one", () => {
      const preApplyChecksum = toChecksum((1n << 63n) | 3n);
      const empty = fileSpec({ minTxid: 2, header: { noChecksum: false, preApplyChecksum } });
      const bytes = encodeLtx(empty);
      expect(decode([bytes]).pages).toEqual([]);
      const head = bytes.slice(0, -8);
      head[head.length - 1] = 1;
      const sum = new Uint8Array(8);
      new DataView(sum.buffer).setBigUint64(0, crc64(head) | (1n << 63n));
      const error = expectCode(() => decode([head, sum]), "CHECKSUM_MISMATCH");
      expect(error.field).toBe("postApplyChecksum");
    });

    it("all that follows an error, with the same error", () => {
      const whole = encodeLtx(snapshot);
      const flipped = (at: number) => whole.with(at, (whole[at] as number) ^ 0x10);
      const wrong = [
        ...[0, 9, 23, 91, 101, 111, whole.length - 30, whole.length - 20].map(flipped),
        ...[whole.length - 16, whole.length - 5].map(flipped),
        Uint8Array.from([...whole, 1]),
      ];
      for (const bytes of [...wrong, whole.subarray(0, -1)]) {
        const decoder = new Decoder();
        const readAll = () => {
          decoder.push(bytes);
          while (decoder.next() !== undefined);
          decoder.finish();
        };
        const error = ltxErrorOf(readAll);
        const again = [
          () => decoder.next(),
          () => decoder.finish(),
          () => decoder.push(whole),
          () => decoder.next(),
          () => decoder.finish(),
        ];
        for (const call of again) expect(ltxErrorOf(call)).toBe(error);
        expect(decoder.done).toBe(false);
        expect(decoder.header === undefined).toBe((error.offset ?? 0) < 100);
      }
    });

    it("bytes after the end", () => {
      const bytes = encodeLtx(spec);
      expectCode(() => decode([bytes, Uint8Array.of(0)]), "TRAILER_INVALID");
      expectCode(() => decode([Uint8Array.from([...bytes, 0])]), "TRAILER_INVALID");
    });

    it("a stream that is not LTX, at its first bytes", () => {
      const decoder = new Decoder();
      expectCode(() => decoder.push(new TextEncoder().encode("SQLite")), "NOT_LTX");
      expectCode(() => new Decoder().finish(), "TRUNCATED");
    });
  });

  it("takes an incomplete snapshot if told so", () => {
    const whole = fileSpec({ pages: { 1: 1, 2: 2, 3: 3 }, header: { noChecksum: true } });
    const gap = (parts: FileParts) => {
      parts.frames.pop();
      parts.index = Uint8Array.from([...parts.index.slice(0, -5), 0]);
    };
    const forged = forge(whole, gap);
    expectCode(() => decode([forged]), "SNAPSHOT_INCOMPLETE");
    const { pages } = decode([forged], { allowIncompleteSnapshot: true });
    expect(pages.map((page) => page.pgno)).toEqual([1, 2]);
  });
});
