import { describe, expect, it } from "vitest";
import { ByteWriter } from "../src/byte-writer.ts";

describe("ByteWriter", () => {
  it("grows and keeps what was written", () => {
    const writer = new ByteWriter();
    for (let round = 0; round < 100; round += 1) writer.bytes(new Uint8Array(33).fill(round));
    expect(writer.length).toBe(3300);
    const taken = writer.take();
    expect(taken.length).toBe(3300);
    for (let at = 0; at < 3300; at += 1) expect(taken[at]).toBe(Math.floor(at / 33));
    expect(writer.length).toBe(0);
  });

  it("hands out bytes that later writes do not touch", () => {
    const writer = new ByteWriter();
    writer.uvarint(1);
    const taken = writer.take();
    writer.uvarint(2);
    expect([...taken]).toEqual([1]);
    writer.clear();
    expect([...writer.take()]).toEqual([]);
  });

  it("lets others write into reserved room", () => {
    const writer = new ByteWriter();
    writer.uvarint(5);
    const start = writer.reserve(1000);
    writer.buffer.set([6, 7], start);
    writer.advance(2);
    expect([...writer.take()]).toEqual([5, 6, 7]);
  });
});
