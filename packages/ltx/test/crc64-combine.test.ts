import { describe, expect, it } from "vitest";
import { combineCrc64, crc64 } from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";

describe("combineCrc64", () => {
  it("gives the CRC of the whole, wherever it is cut", () => {
    const bytes = new SeededRandom(3).bytes(300);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const second = bytes.subarray(cut);
      const combined = combineCrc64(crc64(bytes.subarray(0, cut)), crc64(second), second.length);
      expect(combined).toBe(crc64(bytes));
    }
  });

  it("takes lengths beyond 32 bits", () => {
    // Appending zeros twice over half of the length is appending them once.
    const half = 3 * 2 ** 31 + 5;
    const start = crc64(new SeededRandom(4).bytes(40));
    const zeros = crcOfZeros(half);
    const twice = combineCrc64(combineCrc64(start, zeros, half), zeros, half);
    expect(twice).toBe(combineCrc64(start, crcOfZeros(2 * half), 2 * half));
  });

  it("refuses what is no length", () => {
    expect(() => combineCrc64(1n, 1n, -1)).toThrow(RangeError);
    expect(() => combineCrc64(1n, 1n, 0.5)).toThrow(RangeError);
  });
});

/** By doubling, from one byte. */
function crcOfZeros(length: number): bigint {
  let crc = 0n;
  let block = crc64(new Uint8Array(1));
  let blockLength = 1;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) crc = combineCrc64(crc, block, blockLength);
    block = combineCrc64(block, block, blockLength);
    blockLength *= 2;
  }
  return crc;
}
