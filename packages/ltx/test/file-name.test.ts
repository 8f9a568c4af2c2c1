import { describe, expect, it } from "vitest";
import { formatFileName, parseFileName } from "../src/index.ts";
import { txid } from "./support.ts";

describe("file name", () => {
  it("is two txids", () => {
    const name = formatFileName(txid(1), txid(255));
    expect(name).toBe("0000000000000001-00000000000000ff.ltx");
    expect(parseFileName(name)).toEqual({ minTxid: 1n, maxTxid: 255n });
  });

  it("refuses a range that runs backwards", () => {
    expect(() => formatFileName(txid(2), txid(1))).toThrow(RangeError);
    expect(parseFileName("0000000000000002-0000000000000001.ltx")).toBeUndefined();
  });

  it("is undefined for anything else in a listing", () => {
    const others = [
      "0000000000000001-0000000000000001.ltx.tmp",
      "0000000000000001-0000000000000001.LTX",
      "000000000000000A-000000000000000B.ltx",
      "0000000000000000-0000000000000001.ltx",
      "0000/0000000000000001-0000000000000001.ltx",
      "0000000000000001.ltx",
      "lock.json",
      "",
    ];
    for (const other of others) expect(parseFileName(other)).toBeUndefined();
  });
});
