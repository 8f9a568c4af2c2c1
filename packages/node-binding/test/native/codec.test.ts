/** The codec in C against that in TypeScript, which @headwater/ltx holds to the format. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Codec,
  decodeLtx,
  decodePageFrame,
  encodeLtx,
  LtxError,
  lz4BlockSizeMax,
  PAGE_SIZES,
  pureCodec,
  setCodec,
  verifyLtx,
} from "@headwater/ltx";
import { decodeFileSpec, randomFile, randomPage, SeededRandom } from "@headwater/ltx/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { nativeCodec } from "../../src/native-codec.ts";
import { openDatabase } from "../../src/open-database.ts";
import { tempDir } from "../support/temp-dir.ts";

const CODECS = [pureCodec, nativeCodec];
/** What surrounds a target, so that a write beside it shows. */
const GUARD = 40;
const GUARD_BYTE = 0xa5;

interface Outcome {
  /** Below 0: the block was refused, at `~size`. */
  readonly size: number;
  readonly content: Uint8Array;
}

function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(lz4BlockSizeMax(bytes.length));
  return out.slice(0, codec.compressBlock(bytes, 0, bytes.length, out, 0));
}

/** Decompresses between guards, from a source that is exactly the block. */
function decompress(
  codec: Pick<Codec, "decompressBlock">,
  block: Uint8Array,
  room: number,
): Outcome {
  const target = new Uint8Array(GUARD + room + GUARD).fill(GUARD_BYTE);
  const source = block.slice();
  const end = GUARD + room;
  const size = codec.decompressBlock(source, 0, source.length, target, GUARD, end);
  const isGuard = (byte: number) => byte === GUARD_BYTE;
  if (!target.subarray(0, GUARD).every(isGuard) || !target.subarray(end).every(isGuard)) {
    throw new Error("wrote outside of the target");
  }
  return { size, content: target.slice(GUARD, GUARD + Math.max(size, 0)) };
}

/** What LZ4 alone says. */
const bare = { decompressBlock: native.codecDecompress };

/** Both codecs say the same of a block; and LZ4 takes none that the other one refuses. */
function expectAgreement(block: Uint8Array, room: number): Outcome {
  const pure = decompress(pureCodec, block, room);
  expectSame(decompress(nativeCodec, block, room), pure);
  const alone = decompress(bare, block, room);
  if (alone.size >= 0) expectSame(alone, pure);
  return pure;
}

/** Not by `toEqual`, which takes long for thousands of bytes. */
function expectSame(a: Outcome, b: Outcome): void {
  if (a.size !== b.size) throw new Error(`${a.size} and ${b.size} bytes of the same block`);
  if (Buffer.compare(a.content, b.content) !== 0) throw new Error("different bytes");
}

const CONTENTS: Readonly<Record<string, (size: number, random: SeededRandom) => Uint8Array>> = {
  zeros: (size) => new Uint8Array(size),
  noise: (size, random) => random.bytes(size),
  "a page of rows": (size, random) => randomPage(random, size),
  "a short period": (size, random) => {
    const unit = random.bytes(random.between(1, 40));
    return Uint8Array.from({ length: size }, (_, at) => unit[at % unit.length] as number);
  },
  "noise after zeros": (size, random) => {
    const bytes = new Uint8Array(size);
    bytes.set(random.bytes(Math.floor(size / 3)), Math.floor(size / 2));
    return bytes;
  },
  "two values": (size, random) => Uint8Array.from({ length: size }, () => random.below(2)),
};

describe("CRC-64", () => {
  it("is the same at every length and alignment, whole or in parts", () => {
    const random = new SeededRandom(1);
    const bytes = random.bytes(1200);
    for (let start = 0; start < 17; start += 1) {
      for (let end = start; end <= bytes.length; end += end < 300 ? 1 : 37) {
        const seed = [random.u32(), random.u32()];
        const cut = random.between(start, end);
        const [pure, whole, parts] = [0, 0, 0].map(() => Int32Array.from(seed));
        pureCodec.crc64(pure as Int32Array, bytes, start, end);
        nativeCodec.crc64(whole as Int32Array, bytes, start, end);
        nativeCodec.crc64(parts as Int32Array, bytes, start, cut);
        nativeCodec.crc64(parts as Int32Array, bytes, cut, end);
        if (`${whole}` !== `${pure}` || `${parts}` !== `${pure}`) {
          throw new Error(`${whole}, in parts ${parts}, not ${pure}, of ${start}..${end}`);
        }
      }
    }
  });

  it("is the same over a megabyte, and takes arrays without bytes", () => {
    const bytes = new SeededRandom(2).bytes(1_000_003);
    const states = CODECS.map((codec) => {
      const state = new Int32Array(2).fill(-1);
      codec.crc64(state, bytes, 1, bytes.length);
      codec.crc64(state, new Uint8Array(0), 0, 0);
      return [...state];
    });
    expect(states[1]).toEqual(states[0]);
  });
});

describe.each(Object.entries(CONTENTS))("LZ4 over %s", (_name, make) => {
  it("is read by both whoever wrote it, in every page size", () => {
    for (const pageSize of PAGE_SIZES) {
      const random = new SeededRandom(pageSize);
      for (let round = 0; round < (pageSize < 10_000 ? 20 : 3); round += 1) {
        const page = make(pageSize, random);
        for (const codec of CODECS) {
          const block = compress(codec, page);
          expect(block.length).toBeLessThanOrEqual(lz4BlockSizeMax(pageSize));
          expectSame(expectAgreement(block, pageSize), { size: pageSize, content: page });
          // What TypeScript writes, LZ4 reads without help.
          expect(decompress(bare, block, pageSize).size).toBe(pageSize);
        }
      }
    }
  });

  it("is read by both at every small size", () => {
    const random = new SeededRandom(3);
    for (let size = 1; size < 200; size += 1) {
      const bytes = make(size, random);
      for (const codec of CODECS) {
        expectSame(expectAgreement(compress(codec, bytes), size), { size, content: bytes });
      }
    }
  });

  it("is refused by both when it is cut, or does not fit", () => {
    const page = make(1024, new SeededRandom(4));
    const block = compress(nativeCodec, page);
    for (let size = 0; size < block.length; size += 1) {
      expect(expectAgreement(block.subarray(0, size), 1024).size).not.toBe(1024);
    }
    for (let room = 0; room < 1024; room += 7) {
      expect(expectAgreement(block, room).size).toBeLessThan(0);
    }
    expect(expectAgreement(block, 3000).size).toBe(1024);
  });
});

describe("hostile blocks", () => {
  it("mean the same to both, or nothing to either", () => {
    const random = new SeededRandom(5);
    const seen = { taken: 0, refused: 0 };
    for (let round = 0; round < 30_000; round += 1) {
      const pageSize = random.pick([512, 512, 1024, 4096]);
      const block = random.chance(0.2)
        ? random.bytes(random.between(0, 60))
        : compress(random.pick(CODECS), randomPage(random, pageSize));
      for (let changes = random.between(1, 3); changes > 0 && block.length > 0; changes -= 1) {
        block[random.below(block.length)] = random.pick([0, 1, 0x0f, 0xf0, 0xff, random.u32()]);
      }
      const { size } = expectAgreement(block, pageSize);
      if (size >= 0) seen.taken += 1;
      else seen.refused += 1;
    }
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(500);
  });

  it("cannot bring out what was in the target before", () => {
    for (const matchSize of [4, 8, 18, 19, 200]) {
      const rest = matchSize - 4;
      const lengths = rest < 15 ? [0x10 | rest] : [0x1f];
      const block = [...lengths, 1, 0, 0, ...(rest < 15 ? [] : [rest - 15]), 0x50, 1, 2, 3, 4, 5];
      expect(expectAgreement(Uint8Array.from(block), 1024).size).toBeLessThan(0);
      expect(decompress(bare, Uint8Array.from(block), 1024).size).toBeLessThan(0);
    }
  });

  it("are taken by both if they only end as no compressor would end them", () => {
    // One literal, a match up to the last byte, and no literals after it.
    const block = Uint8Array.of(0x1f, 7, 1, 0, 255, 255 - 19 - 4 + 5, 0x00);
    const size = 1 + 4 + 15 + 255 + (255 - 19 - 4 + 5);
    const { content } = expectAgreement(block, size);
    expect(content).toEqual(new Uint8Array(size).fill(7));
    expect(decompress(bare, block, size).size).toBeLessThan(0);
  });

  it("of no bytes, and targets without any, are no matter to either", () => {
    expect(expectAgreement(new Uint8Array(0), 100).size).toBeLessThan(0);
    expect(expectAgreement(Uint8Array.of(0), 0).size).toBe(0);
    expect(expectAgreement(Uint8Array.of(0x10, 1), 0).size).toBeLessThan(0);
  });

  it("that promise gigabytes are refused at once", () => {
    for (const token of [0xf0, 0x1f]) {
      const block = new Uint8Array(70_000).fill(255);
      block[0] = token;
      if (token === 0x1f) block.set([1, 1, 0], 1);
      expect(expectAgreement(block, 65_536).size).toBeLessThan(0);
    }
  });
});

describe("ranges", () => {
  const bytes = new Uint8Array(100);
  const outside: readonly (readonly [start: number, end: number])[] = [
    [-1, 10],
    [0, 101],
    [50, 49],
    [101, 101],
    [Number.NaN, 10],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
    [2 ** 32, 2 ** 32 + 10],
  ];

  it.each(outside)("from %d to %d of 100 bytes are refused", (start, end) => {
    const room = new Uint8Array(200);
    const state = new Int32Array(2);
    expect(() => native.codecCrc64(state, bytes, start, end)).toThrow(/range/);
    expect(() => native.codecCompress(bytes, start, end, room, 0)).toThrow(/range/);
    expect(() => native.codecDecompress(bytes, start, end, room, 0, 200)).toThrow(/range/);
    expect(() => native.codecDecompress(room, 0, 200, bytes, start, end)).toThrow(/range/);
  });

  it("are asked of the state and of the room for a block too", () => {
    expect(() => native.codecCrc64(new Int32Array(1), bytes, 0, 1)).toThrow(/range/);
    for (const at of [-1, 101, Number.NaN]) {
      expect(() => native.codecCompress(bytes, 0, 100, new Uint8Array(100), at)).toThrow(/range/);
    }
    const noise = new SeededRandom(6).bytes(100);
    const small = new Uint8Array(150).fill(GUARD_BYTE);
    expect(() => native.codecCompress(noise, 0, 100, small, 60)).toThrow(/room/);
    expect(small.subarray(0, 60).every((byte) => byte === GUARD_BYTE)).toBe(true);
  });

  it("may lie anywhere in an array, in memory that threads share as well", () => {
    const page = randomPage(new SeededRandom(7), 4096);
    const shared = new Uint8Array(new SharedArrayBuffer(20_000), 100, 15_000).fill(GUARD_BYTE);
    shared.set(page, 11);
    const size = nativeCodec.compressBlock(shared, 11, 11 + 4096, shared, 5000);
    expect(nativeCodec.decompressBlock(shared, 5000, 5000 + size, shared, 10_001, 14_097)).toBe(
      4096,
    );
    expect(shared.slice(10_001, 14_097)).toEqual(page);
    expect(shared[10_000]).toBe(GUARD_BYTE);
    expect(shared[14_097]).toBe(GUARD_BYTE);
  });
});

describe("the engine", () => {
  it("compresses with the native codec", async () => {
    const folder = tempDir();
    const url = `file://${join(folder, "replica")}`;
    const options = { url, mode: "write", journalDir: join(folder, "journal") } as const;
    await using hw = await openDatabase(options);
    hw.database.exec("create table t(body text)");
    const insert = hw.database.prepare("insert into t values (?)");
    const random = new SeededRandom(10);
    hw.database.exec("begin");
    for (let row = 0; row < 4000; row += 1) insert.run(`${random.u32()} of ${random.u32()}`);
    hw.database.exec("commit");
    await hw.flush();
    const names = readdirSync(join(folder, "replica"), { recursive: true, encoding: "utf8" });
    const files = names.filter((name) => name.endsWith(".ltx"));
    const differing = { typescript: 0, native: 0 };
    for (const name of files) {
      const bytes = readFileSync(join(folder, "replica", name));
      const file = decodeLtx(bytes);
      for (const { pgno, offset, size } of file.index) {
        const block = bytes.subarray(offset + 10, offset + size);
        const page = file.page(pgno) as Uint8Array;
        if (!block.equals(compress(pureCodec, page))) differing.typescript += 1;
        if (!block.equals(compress(nativeCodec, page))) differing.native += 1;
      }
    }
    expect(differing.native).toBe(0);
    expect(differing.typescript).toBeGreaterThan(0);
  });
});

describe("files", () => {
  let before: Codec;
  beforeEach(() => {
    before = setCodec(nativeCodec);
  });
  afterEach(() => {
    setCodec(before);
  });

  function refusalOf(codec: Codec, bytes: Uint8Array): string {
    const installed = setCodec(codec);
    try {
      verifyLtx(bytes);
      return "taken";
    } catch (error) {
      if (!LtxError.is(error)) throw error;
      return `${error.code} in ${error.field} at ${error.offset}: ${error.message}`;
    } finally {
      setCodec(installed);
    }
  }

  it("come out as they went in, with all their checksums, for either codec", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const spec = randomFile(seed, { checksums: seed % 2 === 0 });
      const bytes = encodeLtx(spec);
      expect(decodeFileSpec(bytes).pages).toEqual(spec.pages);
      expect(refusalOf(pureCodec, bytes)).toBe("taken");
    }
  });

  it("that are damaged get the same error from either, at the same place", () => {
    const random = new SeededRandom(8);
    const refusals = new Set<string>();
    for (let round = 0; round < 1500; round += 1) {
      const bytes = encodeLtx(randomFile(random.below(200), { pageCountMin: 1 }));
      bytes[random.below(bytes.length)] = random.pick([0, 0xff, random.u32()]);
      const refusal = refusalOf(pureCodec, bytes);
      expect(refusalOf(nativeCodec, bytes)).toBe(refusal);
      refusals.add(refusal.split(" ", 1)[0] as string);
    }
    expect(refusals).toContain("LZ4_INVALID");
    expect(refusals).toContain("CHECKSUM_MISMATCH");
  });

  it("give one page by its range", () => {
    const { pages } = randomFile(9, { pageCountMin: 3, encoding: "block" });
    const bytes = encodeLtx(randomFile(9, { pageCountMin: 3, encoding: "block" }));
    const first = pages[0];
    if (first === undefined) throw new Error("no page");
    const end = 100 + 10 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(106);
    const size = first.page.length as (typeof PAGE_SIZES)[number];
    expect(decodePageFrame(bytes.subarray(100, end), size)).toEqual(first);
  });
});
