/**
 * Level-0 files above a snapshot at transaction 1: one transaction each, of a few pages here and
 * there, as a database gets between two compactions that is written to often.
 *
 * They restate what the pages hold, so that every query has the answer that it had without them;
 * which file a page is in, a reader has to find out all the same.
 */

import { closeSync, openSync, readSync } from "node:fs";
import {
  Encoder,
  formatFileName,
  lockPgno,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
} from "@headwater/ltx";
import type { Dataset } from "../../dataset/dataset.ts";
import { PAGE_SIZE } from "../../dataset/schema.ts";
import { type Random, randomBetween, seededRandom } from "../../seeded-random.ts";

export interface LevelZeroFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly timestampMs: number;
}

const SEED = 11;
const PAGES_PER_FILE = 3;

export function* makeLevelZeroFiles(
  dataset: Dataset,
  count: number,
  timestampMs: number,
): Generator<LevelZeroFile, void, undefined> {
  const random = seededRandom(SEED);
  const pageCount = toPageCount(dataset.bytes / PAGE_SIZE);
  const pageSize = toPageSize(PAGE_SIZE);
  const page = new Uint8Array(PAGE_SIZE);
  const file = openSync(dataset.file, "r");
  try {
    for (let at = 1; at <= count; at += 1) {
      const txid = toTxid(BigInt(1 + at));
      const made = { minTxid: txid, maxTxid: txid, timestampMs: timestampMs + at };
      const encoder = new Encoder({ pageSize, commit: pageCount, ...made });
      for (const pgno of somePgnos(random, pageCount)) {
        readSync(file, page, 0, PAGE_SIZE, (pgno - 1) * PAGE_SIZE);
        encoder.addPage(toPgno(pgno), page);
      }
      encoder.finish();
      const name = formatFileName(txid, txid);
      yield { name, bytes: encoder.drain(), timestampMs: made.timestampMs };
    }
  } finally {
    closeSync(file);
  }
}

function somePgnos(random: Random, pageCount: number): readonly number[] {
  const lock = lockPgno(toPageSize(PAGE_SIZE));
  const pgnos = new Set<number>();
  while (pgnos.size < PAGES_PER_FILE) {
    const pgno = randomBetween(random, 1, pageCount);
    if (pgno !== lock) pgnos.add(pgno);
  }
  return [...pgnos].sort((a, b) => a - b);
}
