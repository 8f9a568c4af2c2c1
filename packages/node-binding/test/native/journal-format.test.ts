import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const DOC = readFileSync(new URL("../../../../docs/format/journal.md", import.meta.url), "utf8");
const SEGMENT_H = readFileSync(new URL("../../native/segment.h", import.meta.url), "utf8");

const SIZES = { u32: 4, u64: 8, "char[8]": 8 } as const;

/** Offsets and sizes of the fields of a struct in segment.h that has no padding. */
function fieldsOfStruct(name: string): [number, number][] {
  const body = new RegExp(`typedef struct ${name} \\{([^}]*)\\}`).exec(SEGMENT_H)?.[1] ?? "";
  let offset = 0;
  return [...body.matchAll(/^ {2}(u32|u64|char) \w+(\[8\])?;/gm)].map(([, type, array = ""]) => {
    const size = SIZES[`${type}${array}` as keyof typeof SIZES];
    offset += size;
    return [offset - size, size];
  });
}

function fieldsOfTable(heading: string): [number, number][] {
  const section = DOC.split(`${heading}\n`)[1]?.split(/\n#/)[0] ?? "";
  return [...section.matchAll(/^\| \w+ +\| (\d+) +\| (\d+) +\|/gm)].map(([, offset, size]) => [
    Number(offset),
    Number(size),
  ]);
}

describe("docs/format/journal.md", () => {
  it.each([
    ["## Segment", "SegmentHeader", 6],
    ["### Page record", "PageRecord", 4],
    ["### Commit record", "CommitRecord", 7],
  ])("says of %s what segment.h does", (heading, struct, count) => {
    expect(fieldsOfTable(heading)).toHaveLength(count);
    expect(fieldsOfTable(heading)).toEqual(fieldsOfStruct(struct));
  });
});
