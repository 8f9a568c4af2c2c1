import { describe, expect, it } from "vitest";
import {
  decodeHeader,
  encodeHeader,
  HEADER_LAYOUT,
  HEADER_SIZE,
  type HeaderInit,
  isSnapshot,
  makeHeader,
  toChecksum,
  toPageCount,
  toPageSize,
} from "../src/index.ts";
import { expectCode, txid } from "./support.ts";

const init: HeaderInit = {
  pageSize: toPageSize(4096),
  commit: toPageCount(7),
  minTxid: txid(2),
  maxTxid: txid(3),
  timestampMs: 1_700_000_000_123,
};

function damaged(field: string, byte: number, value: number): Uint8Array {
  const bytes = encodeHeader(init);
  const entry = HEADER_LAYOUT.find((one) => one.field === field);
  bytes[(entry?.offset ?? Number.NaN) + byte] = value;
  return bytes;
}

describe("Header", () => {
  it("comes back as it went in, whatever its fields", () => {
    const full = makeHeader({
      ...init,
      noChecksum: false,
      preApplyChecksum: toChecksum((1n << 63n) | 5n),
      walOffset: 32,
      walSize: 4128,
      walSalt1: 0xffff_ffff,
      walSalt2: 2,
      nodeId: 2n ** 64n - 1n,
      timestampMs: -1,
    });
    expect(decodeHeader(encodeHeader(full))).toEqual(full);
    expect(decodeHeader(encodeHeader(init))).toEqual(makeHeader(init));
    expect(encodeHeader(init).length).toBe(HEADER_SIZE);
  });

  it("has no checksum unless asked for", () => {
    expect(makeHeader(init)).toMatchObject({ noChecksum: true, preApplyChecksum: undefined });
  });

  it("is a snapshot exactly when it starts at txid 1", () => {
    expect(isSnapshot(makeHeader(init))).toBe(false);
    expect(isSnapshot(makeHeader({ ...init, minTxid: txid(1) }))).toBe(true);
  });

  it("is not made against the rules", () => {
    const pre = toChecksum(1n << 63n);
    const wrong: readonly Partial<HeaderInit>[] = [
      { pageSize: 500 as never },
      { commit: -1 as never },
      { minTxid: 0n as never },
      { minTxid: txid(4) },
      { timestampMs: 1.5 },
      { walSize: 1 },
      { walSalt1: 1 },
      { walOffset: -1 },
      { walOffset: 1, walSalt2: 2 ** 32 },
      { nodeId: -1n },
      { preApplyChecksum: pre },
      { noChecksum: false },
      { noChecksum: false, minTxid: txid(1), preApplyChecksum: pre },
      { noChecksum: false, preApplyChecksum: 5n as never },
    ];
    for (const part of wrong) expect(() => makeHeader({ ...init, ...part })).toThrow(RangeError);
  });

  it("is refused when its bytes break the rules, with offset and field", () => {
    const cases: readonly (readonly [string, number, number])[] = [
      ["pageSize", 2, 0x11],
      ["minTxid", 7, 0],
      ["minTxid", 7, 9],
      ["maxTxid", 7, 0],
      ["timestampMs", 0, 0x7f],
      ["preApplyChecksum", 0, 0x80],
      ["walSize", 7, 1],
      ["walOffset", 0, 0x80],
      ["walSalt1", 0, 1],
    ];
    for (const [field, byte, value] of cases) {
      const error = expectCode(() => decodeHeader(damaged(field, byte, value)), "HEADER_INVALID");
      expect(error.offset).toBe(HEADER_LAYOUT.find((one) => one.field === error.field)?.offset);
    }
  });

  it("is refused with flags that are not known", () => {
    for (const value of [1, 3, 4, 0x80]) {
      expectCode(() => decodeHeader(damaged("flags", 3, value)), "UNSUPPORTED");
    }
  });

  it("is no header without the magic, even if too short", () => {
    expectCode(() => decodeHeader(damaged("magic", 3, 0x32)), "NOT_LTX");
    expectCode(() => decodeHeader(new TextEncoder().encode("SQLite")), "NOT_LTX");
    expectCode(() => decodeHeader(encodeHeader(init).subarray(0, 99)), "TRUNCATED");
    expectCode(() => decodeHeader(new Uint8Array(0)), "TRUNCATED");
  });

  it("ignores the reserved bytes", () => {
    expect(decodeHeader(damaged("reserved", 3, 9))).toEqual(makeHeader(init));
  });
});
