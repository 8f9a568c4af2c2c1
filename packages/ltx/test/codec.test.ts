import { describe, expect, it } from "vitest";
import {
  type Codec,
  currentCodec,
  decodeLtx,
  encodeLtx,
  pureCodec,
  setCodec,
  verifyLtx,
} from "../src/index.ts";
import { decodeFileSpec, randomFile } from "../src/testing/index.ts";
import { expectCode } from "./support.ts";

describe("setCodec", () => {
  it("puts another implementation behind everything, and gives the old one back", () => {
    const calls = { crc64: 0, compressBlock: 0, decompressBlock: 0 };
    const installed = currentCodec();
    const counting: Codec = {
      name: "counting",
      crc64: (...given) => {
        calls.crc64 += 1;
        installed.crc64(...given);
      },
      compressBlock: (...given) => {
        calls.compressBlock += 1;
        return installed.compressBlock(...given);
      },
      decompressBlock: (...given) => {
        calls.decompressBlock += 1;
        return installed.decompressBlock(...given);
      },
    };
    expect(setCodec(counting)).toBe(installed);
    try {
      const spec = randomFile(1, { pageCountMin: 5, encoding: "block" });
      expect(decodeFileSpec(encodeLtx(spec)).pages).toEqual(spec.pages);
      expect(calls.compressBlock).toBe(spec.pages.length);
      expect(calls.decompressBlock).toBe(spec.pages.length);
      expect(calls.crc64).toBeGreaterThan(spec.pages.length * 2);
    } finally {
      expect(setCodec(installed)).toBe(counting);
    }
    expect(currentCodec()).toBe(installed);
  });

  it("turns what a codec reports into errors with the place in the file", () => {
    const bytes = encodeLtx(randomFile(2, { pageCountMin: 2, encoding: "block" }));
    const failing: Codec = { ...pureCodec, name: "failing", decompressBlock: () => ~3 };
    const installed = setCodec(failing);
    try {
      const error = expectCode(() => verifyLtx(bytes), "LZ4_INVALID");
      const at = decodeLtx(bytes).index.offsets[0] as number;
      expect(error.offset).toBe(at + 10 + 3);
    } finally {
      setCodec(installed);
    }
  });
});
