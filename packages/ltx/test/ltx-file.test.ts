import { describe, expect, it } from "vitest";
import { decodeLtx, encodeLtx, verifyLtx } from "../src/index.ts";
import { decodeFileSpec, fileSpec, randomFile } from "../src/testing/index.ts";
import { expectCode, pgno } from "./support.ts";

describe("decodeLtx", () => {
  const spec = randomFile(9, { pageCountMin: 20 });
  const bytes = encodeLtx(spec);

  it("gives all pages in order", () => {
    expect(decodeFileSpec(bytes).pages).toEqual(spec.pages);
  });

  it("gives any one page", () => {
    const file = decodeLtx(bytes);
    for (const { pgno, page } of spec.pages.toReversed()) expect(file.page(pgno)).toEqual(page);
    expect(file.page(pgno(1000))).toBeUndefined();
  });

  it("verifies everything when asked, or once all pages were read", () => {
    const damaged = bytes.slice();
    damaged[85] = 1;
    const file = decodeLtx(damaged);
    expect(file.page(pgno(1))).toEqual(spec.pages[0]?.page);
    expectCode(() => file.verify(), "CHECKSUM_MISMATCH");
    expectCode(() => [...file.pages()], "CHECKSUM_MISMATCH");
    expectCode(() => verifyLtx(damaged), "CHECKSUM_MISMATCH");
    expect(verifyLtx(bytes)).toEqual(decodeLtx(bytes).trailer);
  });

  it("refuses files that are too short at once", () => {
    for (const size of [0, 99, 100, 130]) {
      expectCode(() => decodeLtx(bytes.subarray(0, size)), "TRUNCATED");
    }
    expectCode(() => decodeLtx(bytes.subarray(1)), "NOT_LTX");
  });

  it("refuses one page that is another than the index says", () => {
    const two = encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } }));
    two[103] = 2;
    expectCode(() => decodeLtx(two).page(pgno(1)), "PAGE_INVALID");
  });
});
