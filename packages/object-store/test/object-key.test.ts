import { checkKey, checkPrefix, compareKeys } from "@headwater/object-store";
import { seededRandom } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";

describe("checkKey", () => {
  it("takes 1024 bytes and no more, counted as UTF-8", () => {
    for (const [unit, size] of [
      ["a", 1],
      ["\u00e9", 2],
      ["\u4e2d", 3],
      ["\u{1f600}", 4],
    ] as const) {
      const fits = unit.repeat(Math.floor(1024 / size));
      expect(() => checkKey(fits)).not.toThrow();
      expect(() => checkKey(`${fits}${unit}`)).toThrow(RangeError);
    }
  });

  it("refuses what is no string", () => {
    expect(() => checkKey(undefined as unknown as string)).toThrow(TypeError);
    expect(() => checkPrefix(1 as unknown as string)).toThrow(TypeError);
  });

  it("takes keys that start with a slash, as Litestream writes them for an empty path", () => {
    expect(() => checkKey("/0000/0000000000000001-0000000000000001.ltx")).not.toThrow();
  });
});

describe("compareKeys", () => {
  it("agrees with the order of UTF-8 bytes", () => {
    const random = seededRandom(7);
    const alphabet = ["a", "b", "/", "-", "\u00e9", "\u4e2d", "\ufb01", "\uffee", "\u{1f600}"];
    const word = () =>
      Array.from({ length: 1 + Math.floor(random() * 5) })
        .map(() => alphabet[Math.floor(random() * alphabet.length)])
        .join("");
    for (let round = 0; round < 3000; round += 1) {
      const [a, b] = [word(), word()];
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareKeys(a, b)), `${a} and ${b}`).toBe(expected);
    }
  });
});
