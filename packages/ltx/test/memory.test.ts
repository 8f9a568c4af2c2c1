/** Memory in use while large files stream through: their number counts, their size does not. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, it } from "vitest";
import {
  CHUNK_SIZE,
  Encoder,
  mergeLtx,
  restoreDatabase,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
} from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";

const PAGE_SIZE = toPageSize(4096);
const READ_SIZE = 64 * 1024;
/** What is held whatever the inputs: the chunk being written, and the index so far. */
const SHARED = 2_000_000;
/** A chunk, what was left of the one before, a page. */
const PER_INPUT = 3 * READ_SIZE;

const folder = mkdtempSync(join(tmpdir(), "ltx-memory-"));
afterAll(() => rmSync(folder, { recursive: true }));

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A chain of files, oldest first, each with every page of a database that does not compress. */
function writeChain(fileCount: number, pageCount: number): string[] {
  const page = new SeededRandom(1).bytes(PAGE_SIZE);
  const paths: string[] = [];
  for (let txid = 1; txid <= fileCount; txid += 1) {
    const path = join(folder, `${pageCount}-${txid}.ltx`);
    const out = openSync(path, "w");
    const encoder = new Encoder({
      pageSize: PAGE_SIZE,
      commit: toPageCount(pageCount),
      minTxid: toTxid(BigInt(txid)),
      maxTxid: toTxid(BigInt(txid)),
      timestampMs: 0,
    });
    for (let pgno = 1; pgno <= pageCount; pgno += 1) {
      page.set([txid, pgno, pgno >>> 8]);
      encoder.addPage(toPgno(pgno), page);
      if (encoder.pendingSize >= CHUNK_SIZE) writeSync(out, encoder.drain());
    }
    encoder.finish();
    writeSync(out, encoder.drain());
    closeSync(out);
    paths.push(path);
  }
  return paths;
}

function* readInChunks(path: string): Generator<Uint8Array> {
  const file = openSync(path, "r");
  try {
    for (;;) {
      const chunk = new Uint8Array(READ_SIZE);
      const size = readSync(file, chunk);
      if (size === 0) return;
      yield chunk.subarray(0, size);
    }
  } finally {
    closeSync(file);
  }
}

/** The most memory in use while the output is read and thrown away, above what was before. */
async function peakOf(
  paths: readonly string[],
  run: (inputs: readonly Iterable<Uint8Array>[]) => AsyncIterable<Uint8Array>,
): Promise<{ readonly peak: number; readonly size: number }> {
  const inUse = (): number => {
    // Twice: what the first one found is given back in the background, or by the second.
    collectGarbage();
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = inUse();
  let peak = 0;
  let size = 0;
  let chunks = 0;
  const inputs = paths.map(readInChunks);
  for await (const chunk of run(inputs)) {
    size += chunk.length;
    chunks += 1;
    if (chunks % 8 === 1) peak = Math.max(peak, inUse() - before);
  }
  return { peak, size };
}

describe("memory", () => {
  it("of a merge depends on the number of its inputs, not on their size", async () => {
    const chains = [writeChain(3, 256), writeChain(3, 8192), writeChain(32, 512)] as const;
    await peakOf(chains[0], mergeLtx);
    const [small, large, many] = [
      await peakOf(chains[0], mergeLtx),
      await peakOf(chains[1], mergeLtx),
      await peakOf(chains[2], mergeLtx),
    ];
    expect(large.size).toBeGreaterThan(8192 * PAGE_SIZE);
    expect(small.peak).toBeLessThan(3 * PER_INPUT + SHARED);
    expect(large.peak).toBeLessThan(3 * PER_INPUT + SHARED);
    expect(many.peak).toBeLessThan(32 * PER_INPUT + SHARED);
  });

  it("of a restore does not depend on the size of the database", async () => {
    const chain = writeChain(2, 10_000);
    const { peak, size } = await peakOf(chain, restoreDatabase);
    expect(size).toBe(10_000 * PAGE_SIZE);
    expect(peak).toBeLessThan(2 * PER_INPUT + SHARED);
  });
});
