import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../src/parse-duration.ts";
import { parseTime } from "../src/parse-time.ts";

const NOW = Date.UTC(2026, 0, 15, 12, 0, 0);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const MOMENTS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ["2026-01-15T10:30:00Z", Date.UTC(2026, 0, 15, 10, 30)],
  ["2026-01-15T10:30:00.125Z", Date.UTC(2026, 0, 15, 10, 30, 0, 125)],
  // Litestream shows what was made at .125, which is before this.
  ["2026-01-15T10:30:00.1259Z", Date.UTC(2026, 0, 15, 10, 30, 0, 126)],
  ["2026-01-15T10:30:00.125000001Z", Date.UTC(2026, 0, 15, 10, 30, 0, 126)],
  ["2026-01-15T10:30:00.125000000Z", Date.UTC(2026, 0, 15, 10, 30, 0, 125)],
  ["2026-01-15T10:30:59.9999Z", Date.UTC(2026, 0, 15, 10, 31)],
  ["1969-12-31T23:59:59.9991Z", 0],
  ["2026-01-15T10:30:00.5+02:00", Date.UTC(2026, 0, 15, 8, 30, 0, 500)],
  ["2026-01-15T10:30:00.5+0200", Date.UTC(2026, 0, 15, 8, 30, 0, 500)],
  ["2026-01-15 10:30:00.25 UTC", Date.UTC(2026, 0, 15, 10, 30, 0, 250)],
  ["yesterday at 10:30:15.5", Date.UTC(2026, 0, 14, 10, 30, 15, 500)],
  ["Jan 10, 2026 3:00:15.0625 PM", Date.UTC(2026, 0, 10, 15, 0, 15, 63)],
  ["10:30:15.123000", Date.UTC(2026, 0, 15, 10, 30, 15, 123)],
  ["2026-01-15t10:30:00z", Date.UTC(2026, 0, 15, 10, 30)],
  ["2026-01-15 10:30:00", Date.UTC(2026, 0, 15, 10, 30)],
  ["2026-01-15T10:30:00", Date.UTC(2026, 0, 15, 10, 30)],
  ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
  ["5 minutes ago", NOW - 5 * MINUTE_MS],
  ["  1 second ago ", NOW - 1000],
  ["2 hours ago", NOW - 120 * MINUTE_MS],
  ["in 5 minutes", NOW + 5 * MINUTE_MS],
  ["now", NOW],
  ["yesterday", NOW - DAY_MS],
  ["3 days ago", NOW - 3 * DAY_MS],
  ["yesterday at 10:30", Date.UTC(2026, 0, 14, 10, 30)],
  ["10:30", Date.UTC(2026, 0, 15, 10, 30)],
  ["January 10, 2026 at 3:00 pm", Date.UTC(2026, 0, 10, 15)],
  ["January 10, 2026 at 3:00 pm PST", Date.UTC(2026, 0, 10, 23)],
  ["2026-01-15", Date.UTC(2026, 0, 15)],
  // A day is its first moment, and so is a month.
  ["15 Jan 2026", Date.UTC(2026, 0, 15)],
  ["Jan 15, 2026", Date.UTC(2026, 0, 15)],
  ["01/15/2026", Date.UTC(2026, 0, 15)],
  ["2026/01/15", Date.UTC(2026, 0, 15)],
  ["Jan 2026", Date.UTC(2026, 0, 1)],
  ["March 2025", Date.UTC(2025, 2, 1)],
  // Of this year, also where another is nearer.
  ["Dec 24", Date.UTC(2026, 11, 24)],
  ["Jan 2 at 10:30", Date.UTC(2026, 0, 2, 10, 30)],
  // In UTC it is the next year.
  ["Dec 31 at 23:00 PST", Date.UTC(2027, 0, 1, 7)],
  ["Feb 29", undefined],
  // It is a Thursday.
  ["Thursday", Date.UTC(2026, 0, 15)],
  ["Friday", Date.UTC(2026, 0, 9)],
  ["friday at 10:30", Date.UTC(2026, 0, 9, 10, 30)],
  ["last friday", Date.UTC(2026, 0, 9)],
  ["next friday", Date.UTC(2026, 0, 23)],
  ["midnight", Date.UTC(2026, 0, 15)],
  ["noon", Date.UTC(2026, 0, 15, 12)],
  ["15:00", Date.UTC(2026, 0, 15, 15)],
  ["5 minutes", NOW - 5 * MINUTE_MS],
  ["1 hour 30 minutes", NOW - 90 * MINUTE_MS],
  ["1768473000", Date.UTC(2026, 0, 15, 10, 30)],
  ["1768473000125", Date.UTC(2026, 0, 15, 10, 30, 0, 125)],
  ["17684730", undefined],
  ["", undefined],
  ["soon", undefined],
  ["last night", undefined],
  ["yesterday at 10:30:15.", undefined],
  ["5 minutes ago or so", undefined],
  ["2026-02-31T00:00:00Z", undefined],
  ["2026-01-15T25:00:00Z", undefined],
  ["2023-02-29T00:00:00Z", undefined],
  ["from 5 to 6 pm", undefined],
];

describe("parseTime", () => {
  it.each(MOMENTS)("takes %j", (text, ms) => {
    expect(parseTime(text, NOW)).toBe(ms);
  });

  it("takes days for those of the zone that is named", () => {
    const evening = Date.UTC(2026, 0, 15, 20);
    const morning = Date.UTC(2026, 0, 15, 2);
    // In New York it is the 14th still, in Tokyo the 16th already.
    expect(parseTime("yesterday at 3pm EST", morning)).toBe(Date.UTC(2026, 0, 13, 20));
    expect(parseTime("today at 3pm EST", morning)).toBe(Date.UTC(2026, 0, 14, 20));
    expect(parseTime("yesterday at 3pm +0900", evening)).toBe(Date.UTC(2026, 0, 15, 6));
    expect(parseTime("yesterday at 3pm UTC", evening)).toBe(Date.UTC(2026, 0, 14, 15));
  });

  it("is in UTC on machines that are not", () => {
    const code = `
      import { parseTime } from "./src/parse-time.ts";
      const moments = ${JSON.stringify(MOMENTS.map(([text]) => text))};
      console.log(JSON.stringify(moments.map((text) => parseTime(text, ${NOW}) ?? null)));`;
    for (const zone of ["America/New_York", "Asia/Kolkata"]) {
      const output = execFileSync(
        process.execPath,
        ["--no-warnings", "--input-type=module-typescript", "--eval", code],
        { cwd: `${import.meta.dirname}/..`, env: { ...process.env, TZ: zone }, encoding: "utf8" },
      );
      expect(JSON.parse(output)).toEqual(MOMENTS.map(([, ms]) => ms ?? null));
    }
  });
});

describe("parseDuration", () => {
  it.each([
    ["500ms", 500],
    ["1s", 1000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["2h45m0.5s", 9_900_500],
    ["250us", 0.25],
    ["250\u00b5s", 0.25],
    ["0", 0],
    ["-1s", -1000],
    ["10", undefined],
    ["", undefined],
    ["s", undefined],
    ["1 s", undefined],
    ["1d", undefined],
    ["1s2", undefined],
  ])("takes %j", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});
