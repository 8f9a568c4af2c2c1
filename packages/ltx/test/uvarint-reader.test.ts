import { describe, expect, it } from "vitest";
import { ByteWriter } from "../src/byte-writer.ts";
import { UvarintReader } from "../src/uvarint-reader.ts";
import { expectCode } from "./support.ts";

describe("UvarintReader", () => {
  it("gives back every number that a writer wrote, and says where it stands", () => {
    const powers = Array.from({ length: 53 }, (_, bits) => 2 ** bits);
    const numbers = [0, ...powers.flatMap((power) => [power - 1, power, power + 1]), 2 ** 53 - 1];
    const safe = numbers.filter((number) => Number.isSafeInteger(number));
    const writer = new ByteWriter();
    for (const number of safe) writer.uvarint(number);
    const bytes = writer.take();
    const reader = new UvarintReader(bytes, 100);
    expect(reader.offset).toBe(100);
    for (const number of safe) expect(reader.next("n")).toBe(number);
    expect(reader.offset).toBe(100 + bytes.length);
  });

  it("refuses numbers that are too large or longer than they need be, and says where", () => {
    const refused = [
      [0x80, 0],
      [0xff, 0x80, 0],
      [0xff, 0xff, 0xff, 0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
      [...Array.from({ length: 20 }, () => 0xff), 1],
    ];
    for (const bytes of refused) {
      const reader = new UvarintReader(Uint8Array.from([7, ...bytes]), 50);
      expect(reader.next("first")).toBe(7);
      const error = expectCode(() => reader.next("size"), "INDEX_INVALID");
      expect(error).toMatchObject({ offset: 51, field: "size" });
    }
  });
});
