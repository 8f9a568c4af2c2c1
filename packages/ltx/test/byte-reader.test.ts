import { describe, expect, it } from "vitest";
import { ByteReader } from "../src/byte-reader.ts";
import { ByteWriter } from "../src/byte-writer.ts";
import { expectCode } from "./support.ts";

describe("ByteReader", () => {
  it("reads numbers and says where it stands", () => {
    const reader = new ByteReader(Uint8Array.of(9, 7, 1, 2, 3, 4, 0x80, 1), 1, 8, 100);
    expect(reader.offset).toBe(101);
    expect(reader.u8("a")).toBe(7);
    expect(reader.u32le("b")).toBe(0x04030201);
    expect(reader.uvarint("c")).toBe(128);
    expect(reader.remaining).toBe(0);
    expect(reader.position).toBe(8);
  });

  it("refuses to pass the end, with offset and field", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3), 0, 2, 50);
    const error = expectCode(() => reader.u32le("size"), "TRUNCATED");
    expect(error).toMatchObject({ offset: 52, field: "size" });
    reader.skip(2, "rest");
    expectCode(() => reader.u8("more"), "TRUNCATED");
    expectCode(() => new ByteReader(Uint8Array.of(0x80)).uvarint("n"), "TRUNCATED");
  });

  it("gives back every number that a writer wrote", () => {
    const numbers = [0, 1, 127, 128, 16383, 16384, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
    const writer = new ByteWriter();
    for (const number of numbers) writer.uvarint(number);
    const reader = new ByteReader(writer.take());
    for (const number of numbers) expect(reader.uvarint("n")).toBe(number);
    expect(reader.remaining).toBe(0);
  });

  it("refuses varints that are too large or longer than they need be", () => {
    const refused = [
      [0x80, 0],
      [0xff, 0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
      Array.from({ length: 20 }, () => 0xff),
    ];
    for (const bytes of refused) {
      expectCode(() => new ByteReader(Uint8Array.from(bytes)).uvarint("n"), "INDEX_INVALID");
    }
  });
});
