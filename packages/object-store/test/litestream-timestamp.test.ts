import { describe, expect, it } from "vitest";
import { formatTimestamp, parseTimestamp } from "../src/litestream-timestamp.ts";

describe("litestream-timestamp", () => {
  it("is written as Litestream writes it, trailing zeros trimmed", () => {
    expect(formatTimestamp(Date.UTC(2026, 0, 15, 10, 30, 25, 638))).toBe(
      "2026-01-15T10:30:25.638Z",
    );
    expect(formatTimestamp(Date.UTC(2026, 0, 15, 10, 30, 25, 630))).toBe("2026-01-15T10:30:25.63Z");
    expect(formatTimestamp(Date.UTC(2026, 0, 15, 10, 30, 25))).toBe("2026-01-15T10:30:25Z");
    expect(formatTimestamp(Date.UTC(2026, 0, 15, 10, 0, 0))).toBe("2026-01-15T10:00:00Z");
    expect(formatTimestamp(0)).toBe("1970-01-01T00:00:00Z");
  });

  it("is read with any number of digits, and in any zone", () => {
    const ms = Date.UTC(2026, 0, 15, 10, 30, 25, 638);
    expect(parseTimestamp("2026-01-15T10:30:25.638Z")).toBe(ms);
    expect(parseTimestamp("2026-01-15T10:30:25.638999999Z")).toBe(ms);
    expect(parseTimestamp("2026-01-15T11:30:25.638+01:00")).toBe(ms);
    expect(parseTimestamp("2026-01-15T10:30:25Z")).toBe(ms - 638);
    expect(parseTimestamp("2026-01-15T10:30:25.6Z")).toBe(ms - 38);
    expect(parseTimestamp("yesterday")).toBeUndefined();
    expect(parseTimestamp(undefined)).toBeUndefined();
  });

  it("comes back to the millisecond for any time", () => {
    for (let ms = 1_700_000_000_000; ms < 1_700_000_002_000; ms += 1) {
      expect(parseTimestamp(formatTimestamp(ms))).toBe(ms);
    }
  });
});
