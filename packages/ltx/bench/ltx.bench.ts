/**
 * How fast the package is, beside its own loops alone. Run it by hand:
 *
 *     node --conditions=@headwater/source bench/ltx.bench.ts [megabytes]
 *
 * Bytes are database bytes. Pages are a mix of what databases hold: text rows, numbers, free space
 * and noise. Each line is the best of five runs, in MB/s (a million bytes).
 */
import { cpus } from "node:os";
import {
  type Codec,
  currentCodec,
  decodePageIndex,
  encodePageIndex,
  type LtxSource,
  lz4BlockSizeMax,
  mergeLtx,
  type PageIndexEntry,
  restoreDatabase,
  snapshotDatabase,
  toPageSize,
  verifyLtx,
} from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";

const RUNS = 5;
const PAGE_SIZE = toPageSize(4096);
const CHUNK_SIZE = 64 * 1024;

const megabytes = Number(process.argv[2] ?? 64);
const database = makeDatabase(Math.floor((megabytes * 1e6) / PAGE_SIZE));
const codec = currentCodec();

console.log(`${cpus()[0]?.model}, Node.js ${process.version}, codec "${codec.name}"`);
console.log(`${(database.length / 1e6).toFixed(0)} MB in pages of ${PAGE_SIZE}`);

const snapshot = await makeSnapshot();
console.log(`ratio ${(database.length / snapshot.length).toFixed(2)}`);
const blocks = compressAll(codec);

await measure("LZ4 compress alone", () => void compressAll(codec));
await measure("LZ4 decompress alone", () => decompressAll(codec));
await measure("CRC-64 alone", () => codec.crc64(new Int32Array(2), database, 0, database.length));
await measure("encode a snapshot", async () => void (await makeSnapshot()));
await measure("verify a file in memory", () => void verifyLtx(snapshot));
await measure("restore from a stream", () => drain(restoreDatabase([chunksOf(snapshot)])));
await measure("merge, frames copied", () => drain(mergeLtx([chunksOf(snapshot)])));
measureIndex(1_000_000);

async function measure(name: string, run: () => void | Promise<void>): Promise<void> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < RUNS; round += 1) {
    const startMs = performance.now();
    await run();
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  console.log(
    `${name.padEnd(28)} ${(database.length / 1000 / bestMs).toFixed(0).padStart(6)} MB/s`,
  );
}

function measureIndex(count: number): void {
  const entries = Array.from({ length: count }, (_, at) => {
    return { pgno: at + 1, offset: 100 + at * 2000, size: 2000 } as PageIndexEntry;
  });
  const bytes = encodePageIndex(entries);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < RUNS; round += 1) {
    const startMs = performance.now();
    decodePageIndex(bytes, { at: 2 ** 40 });
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  console.log(`index of ${count} pages       ${bestMs.toFixed(0).padStart(8)} ms`);
}

async function makeSnapshot(): Promise<Uint8Array> {
  const options = { databaseSize: database.length, pageSize: PAGE_SIZE, timestampMs: 0 };
  return (await snapshotDatabase(database, options).bytes()).bytes;
}

async function drain(output: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of output);
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> & LtxSource {
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE) yield bytes.slice(at, at + CHUNK_SIZE);
}

function compressAll({ compressBlock }: Codec): Uint8Array[] {
  const out = new Uint8Array(lz4BlockSizeMax(PAGE_SIZE));
  const all: Uint8Array[] = [];
  for (let at = 0; at < database.length; at += PAGE_SIZE) {
    all.push(out.slice(0, compressBlock(database, at, at + PAGE_SIZE, out, 0)));
  }
  return all;
}

function decompressAll({ decompressBlock }: Codec): void {
  const page = new Uint8Array(PAGE_SIZE);
  for (const block of blocks) decompressBlock(block, 0, block.length, page, 0, PAGE_SIZE);
}

/** Rows of words and numbers from both ends of a page, free space between, noise now and then. */
function makeDatabase(pageCount: number): Uint8Array {
  const random = new SeededRandom(1);
  const words = Array.from({ length: 400 }, () => random.bytes(random.between(3, 9)));
  const bytes = new Uint8Array(pageCount * PAGE_SIZE);
  for (let start = 0; start < bytes.length; start += PAGE_SIZE) {
    const end = start + PAGE_SIZE;
    if (random.chance(0.1)) {
      bytes.set(random.bytes(PAGE_SIZE), start);
      continue;
    }
    for (let at = start + random.below(900); at < end - 24; ) {
      const word = random.pick(words);
      bytes.set(word, at);
      at += word.length;
      if (random.chance(0.2)) bytes.set(random.bytes(4), at);
      at += random.chance(0.2) ? 4 : 1;
    }
  }
  return bytes;
}
