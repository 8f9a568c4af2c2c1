import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeRestoreRecord, encodeRestoreRecord } from "../src/restore/restore-record.ts";

const DOCUMENT = readFileSync(
  new URL("../../../docs/format/restore-record.md", import.meta.url),
  "utf8",
);

const RECORD = {
  replica: "some place",
  pageSize: 4096,
  base: "abc",
  txid: 2n ** 60n,
  pieces: new Map([[3, { crc: 2n ** 63n + 1n, length: 17 }]]),
};

describe("the record of a restore", () => {
  it("comes back as it was written", () => {
    expect(decodeRestoreRecord(encodeRestoreRecord(RECORD))).toEqual(RECORD);
  });

  it("is none when a byte of it is wrong, or missing", () => {
    const text = encodeRestoreRecord(RECORD);
    for (let at = 0; at < text.length - 1; at += 1) {
      const wrong = text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1);
      expect(decodeRestoreRecord(wrong), `byte ${at}`).toBeUndefined();
      expect(decodeRestoreRecord(text.slice(0, at))).toBeUndefined();
    }
  });

  it("has the fields that the document tells, and no others", () => {
    const [, body = ""] = encodeRestoreRecord(RECORD).split("\n");
    const told = [...DOCUMENT.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);
    expect(Object.keys(JSON.parse(body) as object)).toEqual(told);
  });
});
