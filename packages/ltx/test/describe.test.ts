import { describe, expect, it } from "vitest";
import { describe as describeLtx } from "../src/describe.ts";
import { encodeLtx, toChecksum } from "../src/index.ts";
import { fileSpec } from "../src/testing/index.ts";

describe("describe", () => {
  const spec = fileSpec({ pages: { 1: 1, 2: 2 }, timestampMs: 1_700_000_000_123 });

  it("is the whole file as JSON", () => {
    const bytes = encodeLtx(spec);
    const description = describeLtx(bytes);
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
    expect(description).toMatchObject({
      fileSize: bytes.length,
      valid: true,
      problem: null,
      snapshot: true,
      header: {
        noChecksum: true,
        pageSize: 512,
        commit: 2,
        minTxid: "0000000000000001",
        timestamp: "2023-11-14T22:13:20.123Z",
        preApplyChecksum: null,
      },
      pages: [
        { pgno: 1, offset: 100, encoding: "block" },
        { pgno: 2, encoding: "block" },
      ],
      trailer: { postApplyChecksum: null },
    });
  });

  it("shows checksums where there are any", () => {
    const preApplyChecksum = toChecksum((1n << 63n) | 1n);
    const header = { noChecksum: false, preApplyChecksum };
    const postApplyChecksum = toChecksum((1n << 63n) | 2n);
    const bytes = encodeLtx(fileSpec({ minTxid: 2, commit: 1, header, postApplyChecksum }));
    expect(describeLtx(bytes)).toMatchObject({
      snapshot: false,
      header: { preApplyChecksum: "8000000000000001" },
      trailer: { postApplyChecksum: "8000000000000002" },
    });
  });

  it("shows what there is of a damaged file, and what is wrong with it", () => {
    const bytes = encodeLtx(spec);
    const cut = describeLtx(bytes.subarray(0, bytes.length - 1));
    expect(cut).toMatchObject({ valid: false, snapshot: true, trailer: null });
    expect(cut.pages.length).toBe(2);
    expect(cut.problem).toMatchObject({ code: "TRUNCATED", offset: bytes.length - 1 });
    const foreign = describeLtx(new Uint8Array(500));
    expect(foreign).toMatchObject({ valid: false, header: null, snapshot: null, pages: [] });
    expect(foreign.problem?.code).toBe("NOT_LTX");
  });

  it("shows a time that no calendar reaches", () => {
    const bytes = encodeLtx(fileSpec({ timestampMs: Number.MAX_SAFE_INTEGER }));
    expect(describeLtx(bytes).header?.timestamp).toBe(`${Number.MAX_SAFE_INTEGER} ms`);
  });
});
