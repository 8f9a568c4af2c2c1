import { describe, expect, it } from "vitest";
import { parseMoment } from "../../src/parse-moment.ts";

const NOW = Date.UTC(2026, 0, 15, 12);

describe("parseMoment", () => {
  it.each([
    ["000000000000002a", 42n],
    [" 000000000000002A ", 42n],
    ["txid:42", 42n],
    ["TXID: 42", 42n],
    ["7fffffffffffffff", 0x7fffffffffffffffn],
  ])("takes %j for a transaction", async (text, txid) => {
    expect(await parseMoment(text, NOW)).toEqual({ type: "txid", txid });
  });

  it.each([
    ["2026-01-15T10:30:00Z", Date.UTC(2026, 0, 15, 10, 30)],
    ["5 minutes ago", NOW - 300_000],
    ["now", NOW],
  ])("takes %j for a time", async (text, timestampMs) => {
    expect(await parseMoment(text, NOW)).toEqual({ type: "timestamp", timestampMs });
  });

  it.each([
    "",
    "perhaps",
    "2a",
    "txid:",
    "txid:0",
    "0000000000000000",
    "txid:99999999999999999999",
  ])("refuses %j", async (text) => {
    await expect(parseMoment(text, NOW)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});
