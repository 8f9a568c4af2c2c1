import { describe, expect, it } from "vitest";
import { lz4BlockSizeMax } from "../src/limits.ts";
import { compressBlock, decompressBlock } from "../src/lz4-block.ts";
import { randomPage, SeededRandom } from "../src/testing/index.ts";
import { text } from "./support.ts";

function compress(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(lz4BlockSizeMax(bytes.length));
  return out.slice(0, compressBlock(bytes, 0, bytes.length, out, 0));
}

function decompress(block: Uint8Array, size: number): Uint8Array | number {
  const out = new Uint8Array(size);
  const written = decompressBlock(block, 0, block.length, out, 0, size);
  return written < 0 ? written : out.subarray(0, written);
}

/** The rules at the end of a block, checked by walking its sequences. */
function checkEndRules(block: Uint8Array, size: number): void {
  let at = 0;
  let out = 0;
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    for (let byte = 255; nibble === 15 && byte === 255; ) {
      byte = block[at++] as number;
      length += byte;
    }
    return length;
  };
  for (;;) {
    const token = block[at++] as number;
    const literals = lengthFrom(token >>> 4);
    at += literals;
    out += literals;
    if (at === block.length) {
      if (size >= 13 && literals < 5) throw new Error(`only ${literals} literals at the end`);
      expect(out).toBe(size);
      return;
    }
    const offset = (block[at] as number) | ((block[at + 1] as number) << 8);
    at += 2;
    if (offset < 1 || offset > out) throw new Error(`offset ${offset} at ${out}`);
    if (out > size - 12) throw new Error(`a match at ${out} of ${size}`);
    out += lengthFrom(token & 15) + 4;
  }
}

describe("LZ4 block", () => {
  const shapes: Readonly<Record<string, (size: number) => Uint8Array>> = {
    zeros: (size) => new Uint8Array(size),
    noise: (size) => new SeededRandom(size).bytes(size),
    text: (size) =>
      Uint8Array.from({ length: size }, (_, at) => "lorem ipsum ".charCodeAt(at % 12)),
    page: (size) => randomPage(new SeededRandom(size), size),
  };

  for (const [name, make] of Object.entries(shapes)) {
    it(`gives back ${name} of every small size, and keeps the end rules`, () => {
      for (let size = 1; size < 400; size += 1) {
        const bytes = make(size);
        const block = compress(bytes);
        checkEndRules(block, size);
        expect(decompress(block, size)).toEqual(bytes);
      }
    });

    it(`gives back ${name} of every page size`, () => {
      for (let size = 512; size <= 65536; size *= 2) {
        const bytes = make(size);
        const block = compress(bytes);
        expect(block.length).toBeLessThanOrEqual(lz4BlockSizeMax(size));
        checkEndRules(block, size);
        expect(decompress(block, size)).toEqual(bytes);
      }
    });
  }

  it("compresses what repeats, also right after other inputs", () => {
    const page = shapes.text?.(4096) as Uint8Array;
    for (let round = 0; round < 3; round += 1) {
      expect(compress(page).length).toBeLessThan(60);
      compress(new SeededRandom(round).bytes(4096));
    }
  });

  it("never refers to an earlier input", () => {
    const noise = new SeededRandom(7).bytes(4096);
    expect(compress(noise).length).toBeGreaterThan(4096);
    expect(compress(noise).length).toBeGreaterThan(4096);
  });

  it("reads blocks of the reference implementation", () => {
    const repeated = "the page of a database, ";
    const blocks: readonly (readonly [hex: string, content: string])[] = [
      [
        "4f70616765010047f007736f6d65206d6f72652074657874206174206f6e6365",
        `page${"e".repeat(90)}some more text at once`,
      ],
      [
        "ff097468652070616765206f6620612064617461626173652c201800c7506520656e64",
        `${repeated.repeat(10)}the end`,
      ],
    ];
    for (const [hex, content] of blocks) {
      const block = Uint8Array.from(Buffer.from(hex, "hex"));
      expect(decompress(block, 300)).toEqual(text(content));
    }
  });

  it("works inside of larger buffers and touches nothing around", () => {
    const bytes = randomPage(new SeededRandom(9), 1024);
    const source = new Uint8Array(1100).fill(1);
    source.set(bytes, 50);
    const packed = new Uint8Array(1300).fill(2);
    const size = compressBlock(source, 50, 1074, packed, 70);
    expect(packed.subarray(0, 70).every((byte) => byte === 2)).toBe(true);
    const target = new Uint8Array(1100).fill(3);
    expect(decompressBlock(packed, 70, 70 + size, target, 30, 1054)).toBe(1024);
    expect(target.subarray(30, 1054)).toEqual(bytes);
    expect(target.subarray(0, 30).every((byte) => byte === 3)).toBe(true);
    expect(target.subarray(1054).every((byte) => byte === 3)).toBe(true);
  });

  it("copies every short sequence as if byte by byte, however close to the end", () => {
    const random = new SeededRandom(22);
    for (let literals = 0; literals <= 14; literals += 1) {
      for (let match = 4; match <= 18; match += 1) {
        for (let tail = 0; tail <= 24; tail += 1) {
          // Something before it for the match to reach, itself a sequence of literals alone.
          const start = random.bytes(20);
          const between = random.bytes(literals);
          const end = random.bytes(tail);
          const offset = random.between(1, 24 + literals);
          const content = [...start, ...start.subarray(16), ...between];
          for (let left = match; left > 0; left -= 1) {
            content.push(content[content.length - offset] as number);
          }
          content.push(...end);
          const tailLength = tail < 15 ? [tail << 4] : [0xf0, tail - 15];
          const middle = [(literals << 4) | (match - 4), ...between, offset, 0];
          const block = [0xf0, 5, ...start, 4, 0, ...middle, ...tailLength, ...end];
          const out = new Uint8Array(content.length + 8).fill(7);
          const source = Uint8Array.from(block);
          const size = decompressBlock(source, 0, source.length, out, 0, content.length);
          const expected = [...content, 7, 7, 7, 7, 7, 7, 7, 7];
          if (size !== content.length || Buffer.compare(out, Uint8Array.from(expected)) !== 0) {
            throw new Error(`${literals} literals, ${match} from ${offset} back, ${tail} after`);
          }
        }
      }
    }
  });

  it("goes on when its positions no longer fit 31 bits", () => {
    const zeros = new Uint8Array(65536);
    const out = new Uint8Array(lz4BlockSizeMax(65536));
    const page = randomPage(new SeededRandom(21), 65536);
    const before = compress(page);
    for (let bytes = 0; bytes < 2 ** 31; bytes += 65536) compressBlock(zeros, 0, 65536, out, 0);
    expect(compress(page)).toEqual(before);
    expect(decompress(before, 65536)).toEqual(page);
  });

  describe("on malformed blocks", () => {
    const cases: Readonly<Record<string, readonly number[]>> = {
      "no bytes": [],
      "literals that are not there": [0x50, 1, 2],
      "literals that do not fit": [0x90, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      "a literal length that never ends": [0xf0, 255, 255, 255, 255],
      "half an offset": [0x10, 1, 1],
      "offset zero": [0x10, 1, 0, 0, 0x10, 1],
      "an offset before the start": [0x10, 1, 2, 0, 0x10, 1],
      "a match that does not fit": [0x1e, 1, 1, 0, 0],
      "a long match that does not fit": [0x1f, 1, 1, 0, 200, 0],
      "a match that overlaps itself and does not fit": [0x4e, 1, 2, 3, 4, 4, 0, 0],
      "a match length that never ends": [0x1f, 1, 1, 0, 255, 255, 255],
      "an end after a match": [0x10, 1, 1, 0],
    };
    for (const [name, bytes] of Object.entries(cases)) {
      it(`reports ${name} and where`, () => {
        const block = Uint8Array.from(bytes);
        const out = new Uint8Array(24).fill(7);
        const result = decompressBlock(block, 0, block.length, out, 8, 16);
        expect(result).toBeLessThan(0);
        expect(~result).toBeLessThanOrEqual(block.length);
        expect(out.subarray(0, 8).every((byte) => byte === 7)).toBe(true);
        expect(out.subarray(16).every((byte) => byte === 7)).toBe(true);
      });
    }

    it("never writes outside of the target, whatever the bytes", () => {
      const random = new SeededRandom(11);
      const out = new Uint8Array(600);
      for (let round = 0; round < 20_000; round += 1) {
        const block = random.bytes(random.between(0, 40));
        out.fill(7);
        const end = random.pick([60, 100, 552]);
        const size = decompressBlock(block, 0, block.length, out, 40, end);
        expect(size).toBeLessThanOrEqual(end - 40);
        if (out[39] !== 7 || out[end] !== 7) throw new Error(`wrote outside in round ${round}`);
      }
    });
  });
});
