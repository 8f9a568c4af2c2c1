import { describe, expect, it } from "vitest";
import {
  decodePageFrame,
  decodePageFrameInto,
  encodePageFrame,
  PAGE_SIZES,
  type PageEncoding,
  pageFrameSizeMax,
  toPageSize,
} from "../src/index.ts";
import { randomPage, SeededRandom } from "../src/testing/index.ts";
import { expectCode, pgno } from "./support.ts";

const encodings: readonly PageEncoding[] = ["block", "frame"];
const pageSize = toPageSize(512);

describe("page frame", () => {
  for (const encoding of encodings) {
    it(`gives back pages of every size in ${encoding} form`, () => {
      for (const size of PAGE_SIZES) {
        const random = new SeededRandom(size);
        const pages = [new Uint8Array(size), random.bytes(size), randomPage(random, size)];
        for (const page of pages) {
          const number = pgno(random.between(1, 2 ** 32 - 1));
          const bytes = encodePageFrame(number, page, { encoding });
          expect(bytes.length).toBeLessThanOrEqual(pageFrameSizeMax(size));
          expect(decodePageFrame(bytes, size)).toEqual({ pgno: number, page });
        }
      }
    });

    it(`takes exactly one frame in ${encoding} form`, () => {
      const bytes = encodePageFrame(pgno(3), randomPage(new SeededRandom(1), 512), { encoding });
      for (let size = 0; size < bytes.length; size += 1) {
        expectCode(() => decodePageFrame(bytes.subarray(0, size), pageSize), "TRUNCATED");
      }
      const longer = Uint8Array.from([...bytes, 0]);
      expectCode(() => decodePageFrame(longer, pageSize), "PAGE_INVALID");
    });

    it(`takes only the page size in ${encoding} form`, () => {
      const bytes = encodePageFrame(pgno(3), new Uint8Array(1024), { encoding });
      expectCode(() => decodePageFrame(bytes, pageSize), "LZ4_INVALID");
      expectCode(() => decodePageFrame(bytes, toPageSize(2048)), "LZ4_INVALID");
    });
  }

  it("is in block form unless told otherwise", () => {
    expect(encodePageFrame(pgno(1), new Uint8Array(512)).subarray(0, 6)).toEqual(
      Uint8Array.of(0, 0, 0, 1, 0, 1),
    );
  });

  it("decodes into a given page", () => {
    const page = randomPage(new SeededRandom(2), 512);
    const out = new Uint8Array(600);
    const target = out.subarray(50, 562);
    expect(decodePageFrameInto(encodePageFrame(pgno(9), page), target)).toBe(9);
    expect(target).toEqual(page);
    expect(() => decodePageFrameInto(new Uint8Array(30), new Uint8Array(500))).toThrow(RangeError);
  });

  it("holds the page that was asked for", () => {
    const bytes = encodePageFrame(pgno(3), new Uint8Array(512));
    expect(decodePageFrame(bytes, pageSize, { pgno: pgno(3) }).pgno).toBe(3);
    const other = () => decodePageFrame(bytes, pageSize, { pgno: pgno(4), at: 900 });
    expect(expectCode(other, "PAGE_INVALID")).toMatchObject({ offset: 900, field: "pgno" });
  });

  it("has a page number and only known flags", () => {
    const bytes = encodePageFrame(pgno(3), new Uint8Array(512));
    const change = (at: number, value: number) => bytes.with(at, value);
    expectCode(() => decodePageFrame(change(3, 0), pageSize), "PAGE_INVALID");
    expectCode(() => decodePageFrame(change(4, 1), pageSize), "UNSUPPORTED");
    expectCode(() => decodePageFrame(change(5, 3), pageSize), "UNSUPPORTED");
  });

  it("bounds the payload by what a page can need", () => {
    const bytes = encodePageFrame(pgno(3), new Uint8Array(512));
    const large = bytes.slice();
    large.fill(0xff, 6, 10);
    const error = expectCode(() => decodePageFrame(large, pageSize), "LIMIT_EXCEEDED");
    expect(error).toMatchObject({ offset: 6, field: "payloadSize" });
    const empty = bytes.slice();
    empty.fill(0, 6, 10);
    expectCode(() => decodePageFrame(empty, pageSize), "LIMIT_EXCEEDED");
  });
});
