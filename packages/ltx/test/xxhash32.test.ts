import { describe, expect, it } from "vitest";
import { xxHash32 } from "../src/xxhash32.ts";
import { text } from "./support.ts";

describe("xxHash32", () => {
  it("has the published values for seed 0", () => {
    expect(xxHash32(new Uint8Array(0))).toBe(0x02cc5d05);
    expect(xxHash32(text("a"))).toBe(0x550d7456);
    expect(xxHash32(text("abc"))).toBe(0x32d153ff);
    expect(xxHash32(text("Nobody inspects the spammish repetition"))).toBe(0xe2293b2f);
  });

  it("hashes a part of a buffer as if it were alone", () => {
    const bytes = text("xxNobody inspects the spammish repetitionyy");
    expect(xxHash32(bytes, 2, bytes.length - 2)).toBe(0xe2293b2f);
  });
});
