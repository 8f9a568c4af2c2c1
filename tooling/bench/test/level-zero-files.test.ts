import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeLtx, formatFileName, toTxid } from "@headwater/ltx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, makeDataset } from "../src/dataset/dataset.ts";
import { PAGE_SIZE } from "../src/dataset/schema.ts";
import { makeLevelZeroFiles } from "../src/groups/replica/level-zero-files.ts";

const TIMESTAMP_MS = 1_700_000_000_000;

describe("level-0 files above a snapshot", () => {
  const folder = mkdtempSync(join(tmpdir(), "headwater-test-"));
  let dataset: Dataset;
  beforeAll(() => {
    dataset = makeDataset(folder, 1);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const make = (count: number) => [...makeLevelZeroFiles(dataset, count, TIMESTAMP_MS)];

  it("follow the snapshot's transaction, one each", () => {
    const names = [2n, 3n, 4n].map((txid) => formatFileName(toTxid(txid), toTxid(txid)));
    expect(make(3).map(({ name }) => name)).toEqual(names);
    expect(make(0)).toEqual([]);
  });

  it("are valid, and hold what the database holds", () => {
    const database = readFileSync(dataset.file);
    const pgnos = new Set<number>();
    for (const { bytes, timestampMs } of make(20)) {
      const file = decodeLtx(bytes);
      const pages = [...file.pages()];
      expect(file.header).toMatchObject({ commit: dataset.bytes / PAGE_SIZE, timestampMs });
      expect(pages).toHaveLength(3);
      for (const { pgno, page } of pages) {
        pgnos.add(pgno);
        const expected = database.subarray((pgno - 1) * PAGE_SIZE, pgno * PAGE_SIZE);
        expect(Buffer.compare(page, expected)).toBe(0);
      }
    }
    expect(pgnos.size).toBeGreaterThan(20);
  });
});
