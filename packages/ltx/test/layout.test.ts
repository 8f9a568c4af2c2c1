import { describe, expect, it } from "vitest";
import {
  HEADER_LAYOUT,
  HEADER_SIZE,
  INDEX_FOOTER_LAYOUT,
  INDEX_FOOTER_SIZE,
  PAGE_HEADER_LAYOUT,
  PAGE_HEADER_SIZE,
  TRAILER_LAYOUT,
  TRAILER_SIZE,
} from "../src/index.ts";
import { readFields, writeFields } from "../src/layout.ts";

const layouts = [
  { name: "header", layout: HEADER_LAYOUT, size: HEADER_SIZE },
  { name: "page header", layout: PAGE_HEADER_LAYOUT, size: PAGE_HEADER_SIZE },
  { name: "index footer", layout: INDEX_FOOTER_LAYOUT, size: INDEX_FOOTER_SIZE },
  { name: "trailer", layout: TRAILER_LAYOUT, size: TRAILER_SIZE },
];

describe("layout", () => {
  for (const { name, layout, size } of layouts) {
    it(`of the ${name} has no holes and no overlaps`, () => {
      let end = 0;
      for (const entry of layout) {
        expect(entry.offset).toBe(end);
        end += entry.size;
      }
      expect(end).toBe(size);
    });

    it(`of the ${name} has fields as large as their kind`, () => {
      const sizes = { u16: 2, u32: 4, u64: 8, i64: 8, zeros: undefined };
      for (const entry of layout) expect(sizes[entry.kind] ?? entry.size).toBe(entry.size);
    });
  }

  it("reads back what it writes, at any place of a buffer", () => {
    const bytes = new Uint8Array(64).fill(9);
    const values = { postApplyChecksum: 2n ** 64n - 1n, fileChecksum: 5n };
    writeFields(TRAILER_LAYOUT, values, bytes.subarray(8), 3);
    expect(readFields(TRAILER_LAYOUT, bytes, 11)).toEqual(values);
    expect(bytes[10]).toBe(9);
    expect(bytes[27]).toBe(9);
  });
});
