import { ObjectStoreError } from "@headwater/object-store";
import { HeadwaterError } from "@headwater/vfs-core";
import { describe, expect, it } from "vitest";
import { UsageError } from "../src/exit-codes.ts";
import { explain } from "../src/output/explain.ts";
import { toJson } from "../src/output/json.ts";
import { formatTable } from "../src/output/table.ts";
import { formatBytes, formatCount, formatDuration, formatRange } from "../src/output/units.ts";

describe("numbers for people", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [1536, "1.50 KiB"],
    [1023 * 1024, "1023 KiB"],
    [5 * 1024 ** 3, "5.00 GiB"],
    [2 ** 53, "8.00 PiB"],
  ])("%i bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [-5, "0 s"],
    [1499, "1 s"],
    [119_000, "119 s"],
    [120_000, "2 min"],
    [7_200_000, "2 h"],
    [3 * 86_400_000, "3 days"],
  ])("%i ms are %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("has one of a thing, and many", () => {
    expect([formatCount(1, "file"), formatCount(0, "file")]).toEqual(["1 file", "0 files"]);
    expect([formatRange(4n, 4n), formatRange(4n, 7n)]).toEqual(["4", "4-7"]);
  });
});

describe("JSON", () => {
  it("keeps every number exact, and bytes as text", () => {
    const value = { small: 7n, large: 2n ** 60n, bytes: Uint8Array.of(0, 255), none: undefined };
    expect(JSON.parse(toJson(value))).toEqual({
      small: 7,
      large: "1152921504606846976",
      bytes: { base64: "AP8=" },
    });
  });
});

describe("a table", () => {
  it("has columns, heads over them, and nothing behind its lines", () => {
    const rows = [
      ["one", { right: "1" }, ""],
      ["\u4e16\u754c", { right: "1000" }, "wide"],
    ];
    expect(formatTable(["name", "count", "note"], rows, (text) => text)).toBe(
      "name  count  note\none       1\n\u4e16\u754c   1000  wide\n",
    );
  });
});

describe("what was thrown", () => {
  it("becomes a code and one sentence", () => {
    const store = new ObjectStoreError("FORBIDDEN", "no right to it", { store: "s3://bucket" });
    const cases = [
      [new HeadwaterError("LEASE_HELD", "held by a"), "LEASE_HELD", false],
      [store, "FORBIDDEN", false],
      [new UsageError("not like this"), "USAGE", true],
      [Object.assign(new Error("ENOENT: gone"), { code: "ENOENT" }), "ENOENT", false],
      [new Error("first line\n    at second (line)"), "FAILED", false],
      ["a string", "FAILED", false],
    ] as const;
    for (const [thrown, code, isUsage] of cases) {
      const explained = explain(thrown);
      expect(explained).toMatchObject({ code, isUsage });
      expect(explained.sentence).not.toContain("\n");
      expect(explained.sentence).not.toBe("");
    }
  });
});
