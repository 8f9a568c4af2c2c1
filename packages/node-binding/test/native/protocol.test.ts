import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as protocol from "../../src/protocol.ts";

const HEADWATER_H = readFileSync(new URL("../../native/headwater.h", import.meta.url), "utf8");
const SQLITE_H = readFileSync(new URL("../../native/sqlite3/sqlite3.h", import.meta.url), "utf8");

describe("the protocol", () => {
  it("has the request kinds of headwater.h", () => {
    const found = HEADWATER_H.matchAll(/\b(HW_(?:REQUEST|NOTICE)_\w+) = (\d+)/g);
    const inHeader = Object.fromEntries([...found].map(([, name, value]) => [name, Number(value)]));
    expect(protocol.REQUEST_KIND).toEqual(inHeader);
  });

  it("has the result codes of sqlite3.h", () => {
    const ours = Object.entries(protocol).filter(([name]) => /^SQLITE_[A-Z]+$/.test(name));
    const codes = ours.filter(([, value]) => typeof value === "number");
    expect(codes.length).toBeGreaterThanOrEqual(4);
    for (const [name, value] of codes) {
      expect(SQLITE_H).toMatch(new RegExp(`#define ${name}\\s+${value}\\b`));
    }
  });
});
