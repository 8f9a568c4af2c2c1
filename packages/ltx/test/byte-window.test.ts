import { describe, expect, it } from "vitest";
import { ByteWindow } from "../src/byte-window.ts";
import { SeededRandom } from "../src/testing/index.ts";

describe("ByteWindow", () => {
  it("is one run of bytes, however they arrive and are used up", () => {
    const random = new SeededRandom(1);
    const window = new ByteWindow();
    let pushed = 0;
    let used = 0;
    for (let round = 0; round < 5000; round += 1) {
      const chunk = Uint8Array.from({ length: random.below(30) }, () => pushed++);
      window.push(chunk);
      const size = random.below(window.size + 1);
      for (let at = 0; at < size; at += 1) {
        if (window.bytes[window.start + at] !== (used++ & 255)) throw new Error(`byte ${used}`);
      }
      window.skip(size);
      expect(window.offset).toBe(used);
      expect(window.size).toBe(pushed - used);
      expect(window.at + window.start).toBe(used);
    }
  });

  it("holds no more than twice what is left and the chunk", () => {
    const window = new ByteWindow();
    window.push(new Uint8Array(1000));
    for (let round = 0; round < 1000; round += 1) {
      window.push(new Uint8Array(1000));
      window.skip(1000);
    }
    expect(window.bytes.buffer.byteLength).toBeLessThanOrEqual(8000);
  });

  it("does not copy chunks that are used up whole", () => {
    const window = new ByteWindow();
    const chunk = new Uint8Array(10);
    window.push(chunk);
    expect(window.bytes).toBe(chunk);
  });
});
