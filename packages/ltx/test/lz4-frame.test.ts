import { describe, expect, it } from "vitest";
import {
  decodeLz4Frame,
  encodeLz4Frame,
  lz4FrameSizeMax,
  measureLz4Frame,
} from "../src/lz4-frame.ts";
import { randomPage, SeededRandom } from "../src/testing/index.ts";
import { xxHash32 } from "../src/xxhash32.ts";
import { expectCode, text } from "./support.ts";

function encode(content: Uint8Array): Uint8Array {
  const out = new Uint8Array(lz4FrameSizeMax(content.length));
  return out.slice(0, encodeLz4Frame(content, out, 0));
}

function decode(frame: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  decodeLz4Frame(frame, 0, frame.length, out, 0, size, 0);
  return out;
}

function u32(value: number): readonly number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

/** A frame of stored blocks with the descriptor bits asked for. */
function handMade(flags: number, blocks: readonly Uint8Array[], contentSize?: number): Uint8Array {
  const descriptor = [
    flags,
    0x40,
    ...(contentSize === undefined ? [] : [...u32(contentSize), 0, 0, 0, 0]),
  ];
  const check = (xxHash32(Uint8Array.from(descriptor)) >>> 8) & 255;
  const body = blocks.flatMap((block) => [
    ...u32((block.length | 0x8000_0000) >>> 0),
    ...block,
    ...((flags & 0x10) === 0 ? [] : u32(xxHash32(block))),
  ]);
  const content = Uint8Array.from(blocks.flatMap((block) => [...block]));
  const tail = (flags & 0x04) === 0 ? [] : u32(xxHash32(content));
  return Uint8Array.from([4, 0x22, 0x4d, 0x18, ...descriptor, check, ...body, 0, 0, 0, 0, ...tail]);
}

describe("LZ4 frame", () => {
  it("starts as all writers of LTX start it", () => {
    expect(Buffer.from(encode(text("hello"))).toString("hex", 0, 7)).toBe("04224d186440a7");
  });

  it("gives back pages of every size, compressible or not", () => {
    for (let size = 512; size <= 65536; size *= 2) {
      const random = new SeededRandom(size);
      for (const page of [new Uint8Array(size), random.bytes(size), randomPage(random, size)]) {
        const frame = encode(page);
        expect(measureLz4Frame(frame, 0, frame.length, size, 0)).toBe(frame.length);
        expect(decode(frame, size)).toEqual(page);
      }
    }
  });

  it("stores what does not compress", () => {
    expect(encode(new SeededRandom(1).bytes(512)).length).toBe(7 + 4 + 512 + 8);
  });

  it("says how many bytes it takes to see further, and never asks for more than the frame", () => {
    const frame = encode(randomPage(new SeededRandom(4), 1024));
    for (let end = 0; end < frame.length; end += 1) {
      const needed = ~measureLz4Frame(frame, 0, end, 1024, 0);
      expect(needed).toBeGreaterThan(end);
      expect(needed).toBeLessThanOrEqual(frame.length);
    }
  });

  it("reads other frames of independent blocks", () => {
    const a = text("first part, ");
    const b = text("second part");
    const size = a.length + b.length;
    for (const flags of [0x60, 0x64, 0x70, 0x74]) {
      expect(decode(handMade(flags, [a, b]), size)).toEqual(Uint8Array.from([...a, ...b]));
    }
    expect(decode(handMade(0x6c, [a], a.length), a.length)).toEqual(a);
    expect(decode(handMade(0x44, [a]), a.length)).toEqual(a);
  });

  it("refuses kinds that it does not read", () => {
    const a = text("content");
    expectCode(() => decode(handMade(0x65, [a]), 7), "UNSUPPORTED");
    expectCode(() => decode(handMade(0x24, [a]), 7), "UNSUPPORTED");
    expectCode(() => decode(handMade(0x44, [a, a]), 14), "UNSUPPORTED");
  });

  it("refuses content of another size", () => {
    const a = text("content");
    expectCode(() => decode(handMade(0x64, [a]), 8), "LZ4_INVALID");
    expectCode(() => decode(handMade(0x64, [a]), 6), "LZ4_INVALID");
    expectCode(() => decode(handMade(0x6c, [a], 8), 7), "LZ4_INVALID");
  });

  it("refuses too many or too large blocks before it looks for them", () => {
    const many = handMade(
      0x60,
      Array.from({ length: 100 }, () => new Uint8Array(0)),
    );
    many.set(u32(0x8000_0000), 7);
    expectCode(() => decode(many, 512), "LIMIT_EXCEEDED");
    const large = handMade(0x60, [text("content")]);
    large.set(u32(0x7fff_ffff), 7);
    expectCode(() => measureLz4Frame(large, 0, large.length, 512, 0), "LIMIT_EXCEEDED");
  });

  it("notices every flipped byte", () => {
    const page = new SeededRandom(5).bytes(512);
    const frame = encode(page);
    for (let at = 0; at < frame.length; at += 1) {
      const damaged = frame.slice();
      damaged[at] = (damaged[at] as number) ^ 0x55;
      expect(() => decode(damaged, 512)).toThrow(expect.objectContaining({ name: "LtxError" }));
    }
  });
});
