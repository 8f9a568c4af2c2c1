import { describe, expect, it } from "vitest";
import { formatTxid, isTxid, nextTxid, parseTxid, TXID_MAX, toTxid } from "../src/index.ts";

describe("Txid", () => {
  it("is 1..2^64-1", () => {
    expect(toTxid(1n)).toBe(1n);
    expect(toTxid(TXID_MAX)).toBe(2n ** 64n - 1n);
    expect(isTxid(0n)).toBe(false);
    for (const value of [0n, -1n, 2n ** 64n]) expect(() => toTxid(value)).toThrow(RangeError);
  });

  it("has a next one, but for the last", () => {
    expect(nextTxid(toTxid(0xffn))).toBe(0x100n);
    expect(() => nextTxid(toTxid(TXID_MAX))).toThrow(RangeError);
  });

  it("is sixteen lower-case hex digits as text", () => {
    expect(formatTxid(toTxid(0xabcn))).toBe("0000000000000abc");
    expect(formatTxid(toTxid(TXID_MAX))).toBe("ffffffffffffffff");
    for (const value of [1n, 0x1234_5678_9abc_def0n, TXID_MAX]) {
      expect(parseTxid(formatTxid(toTxid(value)))).toBe(value);
    }
  });

  it("is undefined for any other text", () => {
    const others = [
      "",
      "1",
      "000000000000000",
      "00000000000000001",
      "000000000000000A",
      "0x00000000000001",
      "0000000000000000",
      " 000000000000001",
      "0000000000000001\n",
    ];
    for (const other of others) expect(parseTxid(other)).toBeUndefined();
  });
});
